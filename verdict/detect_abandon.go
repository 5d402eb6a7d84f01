package verdict

import (
	"time"
)

// abandonDetectors look at what goes on for nobody.
func abandonDetectors() []detector {
	return []detector{
		{
			id: "D14", name: "abandoned, not cancelled",
			needs:    "5 calls that were tried again because the first attempt took too long",
			limits:   []Threshold{{"open", 1, "s"}, {"share", 0.05, "of such calls"}, {"calls", 5, "calls"}},
			evaluate: abandoned, mend: mendCancel(),
		},
		{
			id: "D15", name: "works for callers who have left", beyond: true,
			needs:    "5 callers who left, seen on the caller's side",
			limits:   []Threshold{{"fail", 0.1, "of such attempts"}, {"slack", 0.050, "s"}, {"open", 1, "s"}, {"callers", 5, "callers"}},
			evaluate: worksForNobody, mend: mendDeadline(),
		},
	}
}

// abandoned looks at calls with an attempt that the client stopped waiting for: did it end it?
func abandoned(s *scene, f *finding) {
	late, open := 0, 0
	for _, c := range s.calls {
		if c.unsure || !impatient(c) {
			continue
		}
		late++
		if forgotten := c.forgotten(f.span("open")); len(forgotten) > 0 {
			open++
			f.show(forgotten...)
		}
	}
	part := share(open, late)
	f.figure("calls that were tried again for slowness", float64(late), "")
	f.figure("with an attempt left open", float64(open), "")
	switch {
	case !f.enough(late, "calls"):
		f.inconclusive("%s tried again because the first attempt took too long, %s needed", count(late, "call"), number(f.limit("calls")))
	case part > f.limit("share"):
		f.fail("%s of the calls that were tried again left an attempt open for more than %s: the service goes on working for nobody",
			percent(part), brief(f.span("open")))
	default:
		f.pass("%s were tried again for slowness, and ended what they did not wait for", count(late, "call"))
	}
}

// impatient reports whether the client made another attempt because one was slow.
func impatient(c *call) bool {
	for i, a := range c.attempts[1:] {
		if a.hedge || c.attempts[i].left() {
			return true
		}
	}
	return false
}

// forgotten gives the attempts that stayed open, for longer than a time, though the client had stopped waiting for them. It
// had, if another one brought the reply; if it had the reply of this one and asked again all the same; or if it had two more
// under way, which no hedge has.
func (c *call) forgotten(long time.Duration) []*attempt {
	var all []*attempt
	settled := time.Time{} // when the first reply had come
	for _, a := range c.attempts {
		if a.ok() && (settled.IsZero() || a.end.Before(settled)) {
			settled = a.end
		}
	}
	for i, a := range c.attempts {
		switch {
		case a.left() && i+1 == len(c.attempts) && settled.IsZero():
		case !settled.IsZero() && a.end.Sub(settled) > long, i+1 < len(c.attempts) && unused(a, c.attempts[i+1:], long):
			all = append(all, a)
		}
	}
	return all
}

// unused reports whether a, an attempt with later ones, stayed open behind the begin of the next though nobody waited for it.
func unused(a *attempt, later []*attempt, long time.Duration) bool {
	if a.end.Sub(later[0].begin) <= long {
		return false
	}
	last := later[len(later)-1]
	return a.ok() && last.begin.After(a.end) || len(later) > 1 && later[1].begin.Before(a.end) && later[0].end.After(later[1].begin)
}

// worksForNobody counts the attempts that began, or went on, when the caller they were made for had left.
func worksForNobody(s *scene, f *finding) {
	if !s.tapped {
		f.inconclusive("only the caller's side shows when a caller has left: let the client's callers go through a proxy, too")
		return
	}
	left, attempts, vain := map[*attempt]bool{}, 0, 0
	for _, c := range s.calls {
		owner := s.owners[c]
		if owner == nil || !owner.left() {
			continue
		}
		left[owner] = true
		for _, a := range c.attempts {
			attempts++
			if a.begin.Sub(owner.end) > f.span("slack") || a.end.Sub(owner.end) > f.span("open") {
				vain++
				f.show(a)
			}
		}
	}
	part := share(vain, attempts)
	f.figure("callers who left", float64(len(left)), "")
	f.figure("attempts for them afterwards", float64(vain), "")
	switch {
	case !f.enough(len(left), "callers"):
		f.inconclusive("%s left, %s needed", count(len(left), "caller"), number(f.limit("callers")))
	case part > f.limit("fail"):
		f.fail("%s of the attempts for callers who left began after that, or went on", percent(part))
	case vain > 0:
		f.warn("%s for callers who had left", count(vain, "attempt"))
	default:
		f.pass("nothing was done for %s who had left", count(len(left), "caller"))
	}
}
