package verdict

import (
	"net/http"
	"slices"
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
		{
			id: "D10", name: "retries what will not pass",
			needs: "5 calls that were answered with 400, 401, 403, 404, 405, 409, 422 or 501",
			limits: []Threshold{
				{"calls", 5, "calls"},
			},
			evaluate: permanentRetried, mend: mendPermanent(),
		},
		{
			id: "D22", name: "no retry budget",
			needs: "a fault that fails 30 to 70 % for 30 s, and a steady demand",
			limits: []Threshold{
				{"share", 0.2, "retries per call"},
				{"floor", 10, "retries/s"},
				{"fail", 0.3, "retries per call beyond"},
				{"time", 30, "s"},
				{"window", 10, "s"},
			},
			evaluate: noBudget, mend: mendBudget(),
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
	calls, by := s.callsFor(f, callers, length)
	if by == "" {
		return
	}
	factor := withoutTransparent(attempts) / calls
	f.figure("amplification", factor, "attempts per call")
	f.figure("attempts", float64(len(attempts)), "")
	f.figure("calls", calls, "")
	f.show(attempts[:min(len(attempts), MaxEvidence)]...)
	f.end(f.above(factor), "while everything failed, the service got %s attempts for each call (%s %s)",
		number(factor), number(calls), by)
}

// callsFor is how many calls the attempts of outages were made for, and how that is known; "" where it is not.
func (s *scene) callsFor(f *finding, callers int, length time.Duration) (calls float64, by string) {
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
		t := s.stretchAt(c.first().begin)
		return t != nil && t.outage()
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
		if float64(c.count()) > f.limit("attempts") || lasted > f.span("time") {
			broken++
			f.show(c.first(), c.last())
		}
	}
	f.figure("most attempts", float64(most), "attempts")
	f.measured("longest call", longest)
	if broken > 0 {
		f.fail("%s did not give up: up to %s, up to %s after the first", count(broken, "call"), count(most, "attempt"), brief(longest))
		return
	}
	gaveUp, reason := s.sureCalls(f.limit("calls"), "that failed to the end", func(c *call) bool { return c.last().bad() })
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	f.pass("%s gave up after at most %s and %s", count(len(gaveUp), "call"), count(most, "attempt"), brief(longest))
}

// permanentRetried looks for repetitions of what a repetition cannot mend. One behind a 401 is left alone: it may be the
// answer to the challenge, which is not recorded.
func permanentRetried(s *scene, f *finding) {
	sure, reason := s.sureCalls(f.limit("calls"), "with a reply that will not pass", func(c *call) bool {
		return slices.ContainsFunc(c.attempts, (*attempt).permanent)
	})
	repeated := 0
	for _, c := range sure {
		challenged := false
		for i, a := range c.attempts[:len(c.attempts)-1] {
			next := c.attempts[i+1]
			if !a.permanent() || next.transparent || next.hedge {
				continue
			}
			if a.Status == http.StatusUnauthorized && !challenged {
				challenged = true
				continue
			}
			repeated++
			f.show(a, next)
		}
	}
	f.figure("repetitions", float64(repeated), "")
	f.figure("calls", float64(len(sure)), "")
	switch {
	case repeated > 0:
		f.fail("%s of requests that were answered with a status which another attempt does not change (%d, say)",
			count(repeated, "repetition"), s.statusOf(f.Evidence[0]))
	case reason != "":
		f.inconclusive("%s", reason)
	default:
		f.pass("none of %s with a reply that will not pass was repeated", count(len(sure), "call"))
	}
}

// statusOf is the status of an exchange by its id.
func (s *scene) statusOf(id uint64) int {
	i := slices.IndexFunc(s.attempts, func(a *attempt) bool { return a.ID == id })
	return s.attempts[i].Status
}

// The part of failures in which a budget shows: with fewer there is nothing to limit, with more a breaker opens.
const (
	budgetFrom = 0.3
	budgetTo   = 0.7
)

// noBudget holds the retries of windows of time against the share that budgets allow, and a floor for low traffic.
func noBudget(s *scene, f *finding) {
	rate, reason := s.steady()
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	allowed := f.limit("share") + f.limit("floor")/rate
	windows, above, far, worst := 0, 0, 0, 0.0
	for _, t := range s.faults() {
		if t.bad < budgetFrom || t.bad > budgetTo || t.length() < f.span("time") {
			continue
		}
		for _, window := range t.windows(f.span("window")) {
			ratio, unsure := retryRatio(begunIn(t.attempts, window))
			if unsure > s.limits.of(linking, "unsure") {
				f.inconclusive("requests look alike, so that retries cannot be told from new calls")
				return
			}
			windows, worst = windows+1, max(worst, ratio)
			if ratio > allowed {
				above++
			}
			if ratio > allowed+f.limit("fail") {
				far++
			}
		}
	}
	if windows == 0 {
		f.inconclusive("no fault failed 30 to 70 %% of the exchanges for %s", brief(f.span("time")))
		return
	}
	f.figure("most retries", worst, "per call")
	f.figure("allowed", allowed, "retries per call")
	switch {
	case 3*far >= 2*windows:
		f.fail("up to %s retries for each call while about half of the exchanges failed, far beyond %s", number(worst), number(allowed))
	case 3*above >= 2*windows:
		f.warn("up to %s retries for each call while about half of the exchanges failed, beyond %s", number(worst), number(allowed))
	default:
		f.pass("at most %s retries for each call while about half of the exchanges failed", number(worst))
	}
}

// retryRatio is how many retries there are for each first attempt, and the share of attempts of which nobody knows.
func retryRatio(attempts []*attempt) (ratio, unsure float64) {
	first, retries, unknown := 0, 0, 0
	for _, a := range attempts {
		switch {
		case a.call.unsure:
			unknown++
		case a.nth == 1:
			first++
		case !a.transparent && !a.hedge:
			retries++
		}
	}
	return share(retries, first), share(unknown, len(attempts))
}
