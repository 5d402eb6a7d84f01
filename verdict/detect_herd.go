package verdict

import (
	"slices"
	"time"
)

// herdDetectors look at what many calls do at one time.
func herdDetectors() []detector {
	return []detector{
		{
			id: "D6", name: "synchronised retries",
			needs: "20 calls that failed within 10 ms of each other, and were tried again",
			limits: []Threshold{
				{"share", 0.5, ""}, {"mean", 5, "times the mean"}, {"bin", 0.050, "s"}, {"instant", 0.010, "s"}, {"calls", 20, "calls"},
			},
			evaluate: synchronised, mend: mendJitter(),
		},
	}
}

// leastBin is the shortest bin in which retries are counted: what timers are late by.
const leastBin = 15 * time.Millisecond

// apart is for how long around an instant there are hardly any other failures.
const apart = 200 * time.Millisecond

// synchronised looks at calls that failed at one instant: how many of their retries come within one bin. Where pauses are
// short the bin is a quarter of them, or every retry would be in one.
func synchronised(s *scene, f *finding) {
	worst, most, instants := 0.0, 0.0, 0
	for _, group := range s.instants(f.span("instant"), int(f.limit("calls"))) {
		var moments []time.Time
		for _, g := range group {
			moments = append(moments, g.after.begin)
		}
		bin := min(f.span("bin"), max(leastBin, seconds(median(lengths(group)))/4))
		crowded := crowd(moments, bin)
		bins := float64(moments[len(moments)-1].Sub(moments[0]))/float64(bin) + 1
		usual := float64(len(moments)) / bins
		instants++
		if part := share(crowded, len(moments)); part > worst {
			worst = part
			f.showOnly(nil)
			for _, g := range group {
				f.show(g.after)
			}
		}
		if usual >= 4 { // with fewer chance alone makes crowds
			most = max(most, float64(crowded)/usual)
		}
	}
	if instants == 0 {
		f.inconclusive("no %s calls failed at one instant and were tried again", number(f.limit("calls")))
		return
	}
	f.figure("largest share in one bin", worst, "")
	if most > 0 {
		f.figure("largest bin", most, "times the mean")
	}
	switch {
	case worst > f.limit("share") || most > f.limit("mean"):
		f.fail("of calls that failed at one instant, %s came back at one instant, too", percent(worst))
	default:
		f.pass("of calls that failed at one instant, at most %s came back within one bin of time", percent(worst))
	}
}

// instants gives the first pauses of calls that failed together, at least so many within so short a time, and apart from others.
func (s *scene) instants(short time.Duration, least int) [][]gap {
	var all []gap
	for _, c := range s.calls {
		if own := ownGaps(c); !c.unsure && len(own) > 0 && own[0].before.bad() {
			all = append(all, own[0])
		}
	}
	slices.SortStableFunc(all, func(a, b gap) int { return a.before.end.Compare(b.before.end) })
	ends := make([]time.Time, len(all))
	for i, g := range all {
		ends[i] = g.before.end
	}
	var groups [][]gap
	for from := 0; from < len(all); {
		to := countUntil(ends, from, ends[from].Add(short))
		around := countUntil(ends, from, ends[from].Add(short+apart)) - countUntil(ends, 0, ends[from].Add(-apart))
		if n := to - from; n >= least && around <= 2*n {
			groups = append(groups, all[from:to])
		}
		from = to
	}
	return groups
}

// countUntil is the index behind the last of moments, in order, from an index on, that is not after t.
func countUntil(moments []time.Time, from int, t time.Time) int {
	i, _ := slices.BinarySearchFunc(moments[from:], t, func(m, t time.Time) int {
		if m.After(t) {
			return 1
		}
		return -1
	})
	return from + i
}
