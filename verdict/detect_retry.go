package verdict

import (
	"time"
)

// retryDetectors look at how often a client tries again.
func retryDetectors() []detector {
	return []detector{
		{
			id: "D1", name: "retry storm",
			needs: "a fault that fails nearly everything, and either a known demand, the caller's side, or 20 calls",
			limits: []Threshold{
				{"warn", 1.2, "attempts per call"}, // retry budgets of 20 %
				{"fail", 3, "attempts per call"},   // the cap of Google's SRE book
				{"calls", 20, "calls"},
			},
			evaluate: amplification, mend: mendBudget(),
		},
		{
			id: "D2", name: "unbounded retries",
			needs: "5 calls that failed to the end",
			limits: []Threshold{
				{"attempts", 10, "attempts"}, {"time", 60, "s"}, {"calls", 5, "calls"},
			},
			evaluate: unbounded, mend: mendCount(),
		},
	}
}

// amplification holds the attempts of an outage against the calls that they were made for: those that callers made, those
// that were asked for, or those that reached the service.
func amplification(s *scene, f *finding) {
	outages := s.outages(0)
	if len(outages) == 0 {
		f.inconclusive("nothing failed all the time: a fault that fails every exchange is needed")
		return
	}
	var attempts []*attempt
	var length time.Duration
	callers := 0
	for _, t := range outages {
		attempts, length, callers = append(attempts, t.attempts...), length+t.length(), callers+len(t.caller)
	}
	calls, by := s.callsFor(f, outages, callers, length)
	if by == "" {
		return
	}
	factor := withoutTransparent(attempts) / calls
	f.figure("amplification", factor, "attempts per call")
	f.figure("attempts", float64(len(attempts)), "")
	f.figure("calls", calls, by)
	f.show(attempts[:min(len(attempts), MaxEvidence)]...)
	f.end(f.above(factor), "while everything failed, the service got %s attempts for each call (%s %s)",
		number(factor), number(calls), by)
}

// callsFor is how many calls the attempts of outages were made for, and how that is known; "" where it is not.
func (s *scene) callsFor(f *finding, outages []stretch, callers int, length time.Duration) (calls float64, by string) {
	if usual, _ := s.baseline(); s.tapped && f.enough(callers, "calls") && len(usual) > 0 {
		if asked := s.callersIn(Baseline); asked > 0 {
			return float64(callers) * float64(len(usual)) / float64(asked), "calls by what callers asked"
		}
	}
	rate, reason := s.steady()
	if reason == "" && f.enough(int(rate*length.Seconds()), "calls") {
		return rate * length.Seconds(), "calls by the demand"
	}
	sure, unknown := s.sureCalls(f.limit("calls"), "in outages", func(c *call) bool {
		for _, t := range outages {
			if c.first().within(t.span) {
				return true
			}
		}
		return false
	})
	if unknown != "" {
		f.inconclusive("%s; and %s", unknown, reason)
		return 0, ""
	}
	return float64(len(sure)), "calls that reached the service"
}

// callersIn counts what callers asked in the stretches of a stage.
func (s *scene) callersIn(stage Stage) int {
	n := 0
	for _, t := range s.stretches {
		if t.Stage == stage {
			n += len(t.caller)
		}
	}
	return n
}

// withoutTransparent counts attempts, but for those that net/http makes by itself.
func withoutTransparent(attempts []*attempt) float64 {
	n := 0
	for _, a := range attempts {
		if !a.transparent {
			n++
		}
	}
	return float64(n)
}

// unbounded looks for a call that does not give up.
func unbounded(s *scene, f *finding) {
	most, longest, broken := 0, time.Duration(0), 0
	for _, c := range s.calls {
		if c.unsure {
			continue
		}
		lasted := c.last().begin.Sub(c.first().begin)
		most, longest = max(most, c.count()), max(longest, lasted)
		if f.enough(c.count()-1, "attempts") || lasted > f.span("time") {
			broken++
			f.show(c.first(), c.last())
		}
	}
	f.figure("most attempts", float64(most), "attempts")
	f.measured("longest call", longest)
	if broken > 0 {
		f.fail("%s did not give up: up to %d attempts, up to %s after the first", count(broken, "call"), most, brief(longest))
		return
	}
	gaveUp, reason := s.sureCalls(f.limit("calls"), "that failed to the end", func(c *call) bool { return c.last().bad() })
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	f.pass("%s gave up after at most %d attempts and %s", count(len(gaveUp), "call"), most, brief(longest))
}
