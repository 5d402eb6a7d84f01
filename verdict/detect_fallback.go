package verdict

import (
	"slices"
	"time"
)

// fallbackDetectors look at what callers get when the service fails.
func fallbackDetectors() []detector {
	return []detector{
		{
			id: "D27", name: "fallback sticks", beyond: true,
			needs:    "the caller's side, and a service that answered in degraded mode and then 5 times well",
			limits:   []Threshold{{"ttl", 10, "s"}, {"replies", 5, "replies"}},
			evaluate: fallbackSticks, mend: mendSticks(),
		},
		{
			id: "D28", name: "no fallback", beyond: true,
			needs:    "the caller's side, and a fault that fails 5 to 40 % of the exchanges, with 50 callers and 10 failures",
			limits:   []Threshold{{"share", 0.9, "of the failures"}, {"callers", 50, "callers"}, {"failures", 10, "failures"}},
			evaluate: noFallback, mend: mendFallback(),
		},
	}
}

// inOrderOfEnds gives attempts by when they ended.
func inOrderOfEnds(attempts []*attempt) []*attempt {
	all := slices.Clone(attempts)
	slices.SortStableFunc(all, func(a, b *attempt) int { return a.end.Compare(b.end) })
	return all
}

// fallbackSticks looks for degraded replies to callers while all that the service has said, for longer than its replies may
// be kept, was well.
func fallbackSticks(s *scene, f *finding) {
	if !s.tapped {
		f.inconclusive("only the caller's side shows what callers are served: let them go through a proxy, too")
		return
	}
	byEnd, next := inOrderOfEnds(s.attempts), 0
	var wellSince *attempt // the first good reply since the last that was not
	degraded, good, stuck, healthy := false, 0, 0, 0
	var longest time.Duration
	for _, a := range inOrderOfEnds(s.caller) {
		for ; next < len(byEnd) && !byEnd[next].end.After(a.begin); next++ {
			switch b := byEnd[next]; {
			case b.Attempt.Reply.Degraded || !b.ok():
				degraded, wellSince, good = degraded || b.Attempt.Reply.Degraded, nil, 0
			case degraded && wellSince == nil:
				wellSince, good = b, 1
			default:
				good++
			}
		}
		if wellSince == nil || !f.enough(good, "replies") {
			continue
		}
		ttl := max(readFreshness(wellSince.Attempt.Reply.CacheControl).maxAge, f.span("ttl"))
		late := a.begin.Sub(wellSince.end)
		switch {
		case late <= ttl:
		case a.Attempt.Reply.Degraded:
			stuck, longest = stuck+1, max(longest, late)
			f.show(a)
		default:
			healthy++
		}
	}
	f.measured("longest", longest)
	f.figure("degraded replies", float64(stuck), "")
	switch {
	case stuck > 0:
		f.fail("%s came up to %s after the service was well again", count(stuck, "reply in degraded mode"), brief(longest))
	case !f.enough(healthy, "replies"):
		f.inconclusive("%s to callers after the service had been degraded and well again for %s, %s needed",
			count(healthy, "reply"), brief(f.span("ttl")), number(f.limit("replies")))
	default:
		f.pass("no degraded reply came after the service was well again")
	}
}

// The shares of failures that a client should be able to hide. With more, its breaker may have to open.
const (
	hideFrom = 0.05
	hideTo   = 0.4
)

// noFallback holds the errors that callers see against those that the service made.
func noFallback(s *scene, f *finding) {
	if !s.tapped {
		f.inconclusive("only the caller's side shows what callers are served: let them go through a proxy, too")
		return
	}
	var attempts, callers []*attempt
	for _, t := range s.faults() {
		if t.bad >= hideFrom && t.bad <= hideTo {
			attempts, callers = append(attempts, t.attempts...), append(callers, t.caller...)
		}
	}
	failed := countOf(attempts, (*attempt).bad)
	errors := countOf(callers, (*attempt).failed)
	injected, seen := share(failed, len(attempts)), share(errors, len(callers))
	if !f.enough(len(callers), "callers") || !f.enough(failed, "failures") {
		f.inconclusive("%s and %s while 5 to 40 %% failed, %s and %s needed", count(len(callers), "caller"), count(failed, "failure"),
			number(f.limit("callers")), number(f.limit("failures")))
		return
	}
	masked := 1 - seen/injected
	f.figure("masked", masked, "of the failures")
	f.figure("failures", injected, "of exchanges")
	f.figure("errors for callers", seen, "of their calls")
	for _, a := range callers {
		if a.failed() {
			f.show(a)
		}
	}
	if seen >= f.limit("share")*injected {
		f.fail("callers see %s errors where the service fails %s: nothing is retried or replaced", percent(seen), percent(injected))
		return
	}
	f.pass("callers see %s errors where the service fails %s: %s are masked", percent(seen), percent(injected), percent(masked))
}
