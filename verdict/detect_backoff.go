package verdict

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// backoffDetectors look at the pauses before retries.
func backoffDetectors() []detector {
	return []detector{
		{
			id: "D3", name: "no backoff",
			needs:    "15 pauses before retries, in 5 calls or more, or 5 calls that failed and were not tried again",
			limits:   []Threshold{{"fail", 0.010, "s"}, {"warn", 0.100, "s"}, {"calls", 5, "calls"}, {"gaps", 3, "retries a call"}},
			evaluate: noBackoff, mend: mendBackoff(),
		},
		{
			id: "D4", name: "delay does not grow",
			needs:    "10 calls that failed 4 times in a row",
			limits:   []Threshold{{"growth", 1.2, "times the pause before"}, {"cap", 60, "s"}, {"calls", 10, "calls"}, {"gaps", 3, "retries a call"}},
			evaluate: noGrowth, mend: mendGrowth(),
		},
		{
			id: "D5", name: "no jitter",
			needs:    "20 calls that failed once, and were tried again 100 ms later or more",
			limits:   []Threshold{{"variation", 0.05, ""}, {"spread", 0.05, "of the median"}, {"least", 0.005, "s"}, {"pause", 0.100, "s"}, {"calls", 20, "calls"}},
			evaluate: noJitter, mend: mendJitter(),
		},
	}
}

// noBackoff looks at the pauses of calls that were retried: of each call their mean, and of those the median. It takes calls
// with three pauses, since the first of a good client is often short, or where there are none with as many as there are.
func noBackoff(s *scene, f *finding) {
	sure, reason := s.sureCalls(f.limit("calls"), "that failed", failedOnce)
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	retries, most := 0, 0
	for _, c := range sure {
		retries, most = retries+len(c.repeats()), max(most, len(c.attempts))
	}
	if retries == 0 {
		f.pass("%s failed, and none was tried again", count(len(sure), "call"))
		return
	}
	gaps := int(f.limit("gaps"))
	least := gaps * int(f.limit("calls")) // pauses in all
	var pauses []float64
	for gaps = min(gaps, most); gaps > 0; gaps-- { // more than any call has are none
		pauses = pausesOf(sure, gaps)
		if f.enough(len(pauses), "calls") && gaps*len(pauses) >= least {
			break
		}
	}
	if gaps == 0 {
		f.inconclusive("%s before retries were seen, %d needed", count(len(pauses), "pause"), least)
		return
	}
	var single []float64
	for _, c := range sure {
		if own := ownGaps(c); len(own) >= gaps {
			f.show(c.first(), c.last())
			single = append(single, lengths(own)...)
		}
	}
	if usual := seconds(median(single)); usual < f.span("fail") { // one long pause does not make up for those that were none
		f.measured("median of all pauses", usual)
		f.fail("%s before a retry, the median of %s", brief(usual), count(len(single), "retry"))
		return
	}
	pause := seconds(median(pauses))
	f.measured("median pause", pause)
	switch says := brief(pause) + " before a retry, the median of " + count(len(pauses), "call"); {
	case pause < f.span("fail"):
		f.fail("%s", says)
	case pause >= f.span("warn"):
		f.pass("%s", says)
	case mostlyBelow(pauses, f.limit("warn")):
		f.warn("%s", says)
	default:
		f.inconclusive("%s: that may be chance, as many others have more than %s", says, brief(f.span("warn")))
	}
}

// mostlyBelow reports whether more than half of what values are drawn from is below a limit, as far as so many show: were it
// only half, so few above it would come in one of twenty cases (the sign test).
func mostlyBelow(values []float64, limit float64) bool {
	above := 0
	for _, v := range values {
		if v >= limit {
			above++
		}
	}
	return atMost(above, len(values)) < 0.05
}

// pausesOf gives the mean pause of each call that has so many.
func pausesOf(calls []*call, gaps int) []float64 {
	var pauses []float64
	for _, c := range calls {
		if own := ownGaps(c); len(own) >= gaps {
			pauses = append(pauses, mean(lengths(own)))
		}
	}
	return pauses
}

// ownGaps gives the pauses that the client chose: none that the service asked for.
func ownGaps(c *call) []gap {
	var own []gap
	for _, g := range c.gaps() {
		if g.before.Attempt.Reply.RetryAfter == "" {
			own = append(own, g)
		}
	}
	return own
}

// lengths gives the pauses in seconds.
func lengths(gaps []gap) []float64 {
	all := make([]float64, len(gaps))
	for i, g := range gaps {
		all[i] = g.length.Seconds()
	}
	return all
}

// noGrowth looks at how pauses follow on each other: the median of their ratios, of the first three pauses of each call, as
// later ones may be at the cap.
func noGrowth(s *scene, f *finding) {
	sure, reason := s.sureCalls(f.limit("calls"), "that failed", failedOnce)
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	var ratios []float64
	var longest time.Duration
	calls, gaps := 0, max(2, int(f.limit("gaps"))) // of one there is no ratio
	for _, c := range sure {
		own := ownGaps(c)
		for _, g := range own {
			longest = max(longest, g.length)
		}
		if len(own) < gaps {
			continue
		}
		calls++
		f.show(c.first(), c.last())
		for i, g := range own[1:gaps] {
			ratios = append(ratios, g.length.Seconds()/max(own[i].length, time.Microsecond).Seconds())
		}
	}
	growth := median(ratios)
	f.figure("growth", growth, "times the pause before")
	f.measured("longest pause", longest)
	switch {
	case longest > f.span("cap"):
		f.warn("a pause of %s: the delay has no cap", brief(longest))
	case !f.enough(calls, "calls"):
		f.inconclusive("%s with %d retries or more, %s needed", count(calls, "call"), gaps, number(f.limit("calls")))
	case growth < f.limit("growth"):
		f.warn("each pause is %s times the one before it: the delay is fixed", number(growth))
	default:
		f.pass("each pause is %s times the one before it", number(growth))
	}
}

// noJitter looks at how much the pauses of different calls differ, retry by retry.
func noJitter(s *scene, f *finding) {
	sure, reason := s.sureCalls(f.limit("calls"), "that failed", failedOnce)
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	byIndex := map[int][]float64{}
	for _, c := range sure {
		for _, g := range ownGaps(c) {
			byIndex[g.index] = append(byIndex[g.index], g.length.Seconds())
		}
		if len(c.attempts) > 1 {
			f.show(c.first(), c.attempts[1])
		}
	}
	looked := 0
	for _, index := range slices.Sorted(maps.Keys(byIndex)) {
		pauses := byIndex[index]
		middle := median(pauses)
		if !f.enough(len(pauses), "calls") || middle < f.limit("pause") {
			continue
		}
		looked++
		varies, spread := variation(pauses), quantile(pauses, 0.75)-quantile(pauses, 0.25)
		f.figure(fmt.Sprintf("variation before retry %d", index), varies, "")
		if varies < f.limit("variation") && spread < max(f.limit("spread")*middle, f.limit("least")) {
			f.fail("%s waited %s before retry %d, all but the same: clients that fail together come back together",
				count(len(pauses), "call"), brief(seconds(middle)), index)
			return
		}
	}
	if looked == 0 {
		f.inconclusive("no retry was seen in %s with a pause of %s or more", count(int(f.limit("calls")), "call"), brief(f.span("pause")))
		return
	}
	f.pass("the pauses of different calls differ")
}
