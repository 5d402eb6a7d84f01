package verdict

import (
	"time"
)

// recoveryDetectors look at how a client comes back.
func recoveryDetectors() []detector {
	return []detector{
		{
			id: "D18", name: "half-open stampede",
			needs:    "an outage, in it a second of quiet or more, and a steady demand",
			limits:   []Threshold{{"probes", 10, "at once"}, {"share", 0.5, "of the usual concurrency"}, {"usual", 6, "at once"}, {"quiet", 1, "s"}, {"within", 0.100, "s"}},
			evaluate: stampede, mend: mendHalfOpen(),
		},
		{
			id: "D19", name: "never or slowly closes",
			needs:    "an outage whose end is given, 30 s behind it, and a steady demand",
			limits:   []Threshold{{"first", 60, "s"}, {"load", 0.9, "of the load"}, {"slow", 2, "times the longest quiet"}, {"stuck", 0.5, "of the load"}, {"time", 30, "s"}},
			evaluate: neverCloses, mend: mendCloses(),
		},
	}
}

// stampede counts what comes at once behind a quiet of a client whose breaker is open, before its first probe has succeeded.
func stampede(s *scene, f *finding) {
	if _, reason := s.steady(); reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	usual := s.usualConcurrency()
	most, looked := 0, 0
	for _, t := range s.outages(0) {
		until := t.end
		if next := firstFrom(s.attempts, t.end); next < len(s.attempts) {
			until = s.attempts[next].begin.Add(f.span("within") + 1)
		}
		around := begunIn(s.attempts, span{t.begin, until})
		for _, p := range probes(around, f.span("quiet")) {
			looked++
			burst := p.burst(s.attempts[firstFrom(s.attempts, p.first.begin):], f.span("within"))
			if len(burst) > most {
				most = len(burst)
				f.showOnly(burst)
			}
		}
	}
	if looked == 0 {
		f.inconclusive("no outage with %s of quiet in it: no breaker was seen to open", brief(f.span("quiet")))
		return
	}
	f.figure("at once", float64(most), "probes")
	f.figure("usual concurrency", float64(usual), "at once")
	switch {
	case float64(most) > f.limit("probes"):
		f.fail("%d requests at once behind a quiet, before it was known whether the service is back", most)
	case f.enough(usual, "usual") && float64(most) > f.limit("share")*float64(usual):
		f.fail("%d requests at once behind a quiet, where %d are usual: half-open lets too much through", most, usual)
	default:
		f.pass("at most %d at once behind a quiet", most)
	}
}

// burst gives what began with the probe, within a time and before the first of it had succeeded. all begin with the probe.
func (p probe) burst(all []*attempt, within time.Duration) []*attempt {
	until := p.first.begin.Add(within)
	var burst []*attempt
	for _, a := range all {
		if a.begin.After(until) {
			break
		}
		burst = append(burst, a)
		if a.ok() && a.end.Before(until) {
			until = a.end
		}
	}
	return burst
}

// usualConcurrency is the most attempts that were under way at once in the baseline.
func (s *scene) usualConcurrency() int {
	attempts, _ := s.baseline()
	most, under := 0, open{}
	for _, a := range attempts {
		under.end(a.begin)
		under.add(a)
		most = max(most, len(under))
	}
	return most
}

// neverCloses looks at what comes when a fault has ended: the worst of the recoveries counts, and one of which nobody can tell is
// worse than one that went well.
func neverCloses(s *scene, f *finding) {
	rate, reason := s.steady()
	switch {
	case s.derived:
		f.inconclusive("it is not known when a fault ended: nobody gave the phases")
		return
	case reason != "":
		f.inconclusive("%s", reason)
		return
	}
	var worst *finding
	busy := s.busyRoutes()
	for i, t := range s.stretches[:max(0, len(s.stretches)-1)] {
		after := s.stretches[i+1]
		if !t.outage() || after.Stage == Fault {
			continue
		}
		one := f.part()
		s.comesBack(one, t, after, rate, busy)
		if worst == nil || one.worseThan(worst) {
			worst = one
		}
	}
	if worst == nil {
		f.inconclusive("no outage with a recovery behind it")
		return
	}
	*f = *worst
}

// comesBack grades one recovery.
func (s *scene) comesBack(f *finding, outage, after stretch, rate float64, busy map[route]bool) {
	quiet := max(longestQuiet(begunIn(s.attempts, span{outage.begin, after.end}), busy), time.Second)
	if len(after.attempts) == 0 {
		f.measured("nothing for", after.length())
		if after.length() > f.span("first") {
			f.fail("nothing came in %s behind the end of the fault", brief(after.length()))
			return
		}
		f.inconclusive("nothing came in %s behind the end of the fault, which is too short to tell", brief(after.length()))
		return
	}
	first := after.attempts[0].begin.Sub(after.begin)
	full, isFull := timeToLoad(after, rate*f.limit("load"))
	last := span{after.end.Add(-f.span("time")), after.end}
	f.measured("first attempt", first)
	f.measured("longest quiet", quiet)
	f.show(after.attempts[0])
	slow := time.Duration(f.limit("slow") * float64(quiet))
	switch {
	case first > f.span("first"):
		f.fail("the first attempt came %s behind the end of the fault", brief(first))
	case !isFull && !last.begin.Before(after.begin) && stuck(begunIn(after.attempts, last), rate*f.limit("stuck")*f.limit("time")):
		f.fail("everything succeeds, and after %s there is still less than %s of the load: it is stuck half-open",
			brief(after.length()), percent(f.limit("stuck")))
	case !isFull && after.length() <= slow:
		f.inconclusive("the load was not back in %s, which is too short to tell", brief(after.length()))
	case !isFull:
		f.warn("the load was not back %s behind the end of the fault", brief(after.length()))
	case full > slow:
		f.measured("load back", full)
		f.warn("the load was back after %s, though the client looked every %s", brief(full), brief(quiet))
	default:
		f.measured("load back", full)
		f.pass("the first attempt came %s behind the end of the fault, and the load was back after %s", brief(first), brief(full))
	}
}

// busyRoutes are those, by the first segment of paths, of which there is one a second or more in the baseline: others are often quiet.
func (s *scene) busyRoutes() map[route]bool {
	usual, length := s.baseline()
	busy := map[route]bool{}
	for r, group := range routes(usual, 1) {
		busy[r] = perSecond(len(group), length) >= 1
	}
	return busy
}

// longestQuiet is the longest time between the begins of two attempts, of all or of one busy route: each may have a breaker.
func longestQuiet(attempts []*attempt, busy map[route]bool) time.Duration {
	longest := longestGap(attempts)
	for r, group := range routes(attempts, 1) {
		if busy[r] {
			longest = max(longest, longestGap(group))
		}
	}
	return longest
}

// longestGap is the longest time between the begins of two attempts.
func longestGap(attempts []*attempt) time.Duration {
	var longest time.Duration
	for i := 1; i < len(attempts); i++ {
		longest = max(longest, attempts[i].begin.Sub(attempts[i-1].begin))
	}
	return longest
}

// loadWindow is over how long a load is measured when it comes back.
const loadWindow = 2 * time.Second

// timeToLoad is how long behind its begin a stretch first has a load of so many a second; false if it never has.
func timeToLoad(t stretch, rate float64) (time.Duration, bool) {
	wanted := max(1, int(rate*loadWindow.Seconds()))
	for i := range t.attempts {
		if last := i + wanted - 1; last < len(t.attempts) && t.attempts[last].begin.Sub(t.attempts[i].begin) <= loadWindow {
			return t.attempts[i].begin.Sub(t.begin), true
		}
	}
	return 0, false
}

// stuck reports whether all attempts succeeded, and were fewer than the service would have had.
func stuck(attempts []*attempt, least float64) bool {
	return badShare(attempts) == 0 && float64(len(attempts)) < least
}
