package verdict

import (
	"math"
	"time"
)

// breakerDetectors look at whether a client spares a service that fails.
func breakerDetectors() []detector {
	return []detector{
		{
			id: "D16", name: "breaker never opens",
			needs:    "a fault that fails everything for 30 s, and a steady demand of 50 calls in it",
			limits:   []Threshold{{"fail", 0.8, "of the load"}, {"pass", 0.1, "of the load"}, {"time", 30, "s"}, {"calls", 50, "calls"}},
			evaluate: neverOpens, mend: mendBreaker(),
		},
		{
			id: "D17", name: "breaker too eager",
			needs:    "a fault that fails up to 10 %, or answers with 4xx, for 5 s, and a steady demand",
			limits:   []Threshold{{"drop", 0.5, "of the load"}, {"few", 0.1, "of the exchanges"}, {"time", 5, "s"}, {"calls", 50, "calls"}},
			evaluate: tooEager, mend: mendEager(),
		},
		{
			id: "D20", name: "probes at a fixed period",
			needs:    "a long outage with 6 probes, each after a second of quiet, and a steady demand",
			limits:   []Threshold{{"variation", 0.05, ""}, {"quiet", 1, "s"}, {"probes", 6, "probes"}},
			evaluate: fixedProbes, mend: mendProbes(),
		},
	}
}

// neverOpens holds the load of the last third of an outage against that of its first, or the demand where that was more.
func neverOpens(s *scene, f *finding) {
	rate, reason := s.steady()
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	worst, looked := 0.0, 0
	for _, t := range s.outages(f.span("time")) {
		if !f.enough(int(rate*t.length().Seconds()), "calls") {
			continue
		}
		looked++
		third := t.part(2, 3)
		first := perSecond(len(begunIn(t.attempts, t.part(0, 3))), third.length())
		last := begunIn(t.attempts, third)
		left := perSecond(len(last), third.length()) / max(first, rate)
		if left >= worst {
			worst = left
			f.showOnly(last)
		}
	}
	if looked == 0 {
		f.inconclusive("nothing failed all the time for %s with %s calls in it", brief(f.span("time")), number(f.limit("calls")))
		return
	}
	f.figure("load left", worst, "of the load")
	switch {
	case worst > f.limit("fail"):
		f.fail("after %s of failures it still sends %s of its load: nothing opens", brief(f.span("time")*2/3), percent(worst))
	case worst < f.limit("pass"):
		f.pass("in the last third of an outage %s of the load is left", percent(worst))
	default:
		f.warn("in the last third of an outage %s of the load is left: it holds back, but not much", percent(worst))
	}
}

// tooEager looks for a load that falls though nearly everything succeeds, or is the caller's own fault.
func tooEager(s *scene, f *finding) {
	rate, reason := s.steady()
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	lowest, looked := 1.0, 0
	for _, t := range s.faults() {
		if !mild(t, f.limit("few")) || t.length() < f.span("time") || !f.enough(int(rate*t.length().Seconds()), "calls") {
			continue
		}
		looked++
		left := perSecond(len(t.attempts), t.length()) / rate
		if left < lowest {
			lowest = left
			f.showOnly(t.attempts)
		}
	}
	if looked == 0 {
		f.inconclusive("no fault failed up to %s of the exchanges, or answered with 4xx, for %s", percent(f.limit("few")), brief(f.span("time")))
		return
	}
	f.figure("load left", lowest, "of the load")
	if lowest < 1-f.limit("drop") {
		f.fail("the load fell to %s while the service was well: few failures, or 4xx, stop everything", percent(lowest))
		return
	}
	f.pass("the load stayed at %s or more while few exchanges failed", percent(lowest))
}

// mild reports whether a fault is one that must not stop a client: few failures, or replies about the request.
func mild(t stretch, few float64) bool {
	refused, permanent := 0, 0
	for _, a := range t.attempts {
		if a.permanent() && a.Status < 500 {
			permanent++
		} else if a.bad() {
			refused++
		}
	}
	if t.Share > 0 && t.Share <= few {
		return true
	}
	failures, faulty := share(refused, len(t.attempts)), share(permanent, len(t.attempts))
	return failures <= few && (failures > 0 || faulty >= 0.5)
}

// probe is the attempt that ends a time of quiet.
type probe struct {
	first *attempt
	index int           // in the attempts it was found in
	quiet time.Duration // before it
}

// probes finds the attempts behind a quiet of some length, in an outage.
func probes(attempts []*attempt, quiet time.Duration) []probe {
	var all []probe
	for i := 1; i < len(attempts); i++ {
		if pause := attempts[i].begin.Sub(attempts[i-1].begin); pause >= quiet {
			all = append(all, probe{attempts[i], i, pause})
		}
	}
	return all
}

// fixedProbes looks at the times between the latest probes of an outage: earlier ones may still grow.
func fixedProbes(s *scene, f *finding) {
	if _, reason := s.steady(); reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	least, looked, wanted := math.Inf(1), 0, max(3, int(f.limit("probes"))) // of one period there is no variation
	for _, t := range s.outages(0) {
		all := probes(t.attempts, f.span("quiet"))
		if len(all) < wanted {
			continue
		}
		looked++
		all = all[len(all)-wanted:]
		var periods []float64
		latest := []*attempt{all[0].first}
		for i, p := range all[1:] {
			periods = append(periods, p.first.begin.Sub(all[i].first.begin).Seconds())
			latest = append(latest, p.first)
		}
		if varies := variation(periods); varies < least {
			least = varies
			f.showOnly(latest)
		}
	}
	if looked == 0 {
		f.inconclusive("no outage with %d probes, each after %s of quiet", wanted, brief(f.span("quiet")))
		return
	}
	f.figure("variation", least, "")
	if least < f.limit("variation") {
		f.warn("its probes come at a fixed period: those of many clients can come together")
		return
	}
	f.pass("the times between probes vary by %s", percent(least))
}
