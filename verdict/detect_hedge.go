package verdict

// hedgeDetectors look at second requests for what is slow.
func hedgeDetectors() []detector {
	return []detector{
		{
			id: "D23", name: "hedge abuse",
			needs:    "50 calls in phases in which at most 20 % of the exchanges are slow, 5 of them slow",
			limits:   []Threshold{{"share", 0.1, "of calls"}, {"open", 1, "s"}, {"left", 0.05, "of hedged calls"}, {"slow", 0.2, "of exchanges"}, {"calls", 50, "calls"}, {"delayed", 5, "exchanges"}, {"unsafe", 3, "calls"}},
			evaluate: hedgeAbuse, mend: mendHedge(),
		},
	}
}

// hedgeAbuse counts second requests for calls whose first one was still under way: in phases in which few exchanges are slow,
// since where all are every call may have one.
func hedgeAbuse(s *scene, f *finding) {
	calls, hedged, unsafe, left, slow := 0, 0, 0, 0, 0
	for _, t := range s.stretches {
		delayed := countOf(t.attempts, func(a *attempt) bool { return a.Delayed })
		if share(delayed, len(t.attempts)) > f.limit("slow") {
			continue
		}
		slow += delayed
		for _, a := range t.attempts {
			switch c := a.call; {
			case a.nth != 1 || c.unsure:
			case c.hedges == 0:
				calls++
			default:
				calls, hedged = calls+1, hedged+1
				if c.first().unsafe() {
					unsafe++
				}
				if forgotten := c.forgotten(f.span("open")); len(forgotten) > 0 {
					left++
				}
				f.show(c.first(), c.last())
			}
		}
	}
	part := share(hedged, calls)
	f.figure("hedged", part, "of calls")
	f.figure("hedged POST or PATCH", float64(unsafe), "calls")
	f.figure("losers left running", float64(left), "calls")
	switch {
	case f.enough(unsafe, "unsafe"):
		f.fail("%s of POST or PATCH sent twice at once: what is not safe must not be hedged", count(unsafe, "call"))
	case !f.enough(calls, "calls"):
		f.inconclusive("%s that stand alone, in phases in which few exchanges were slow, %s needed", count(calls, "call"), number(f.limit("calls")))
	case part > f.limit("share"):
		f.fail("%s of the calls were sent twice: the load grows when the service is slow", percent(part))
	case share(left, hedged) > f.limit("left"):
		f.fail("%d of %s that were hedged left the slower attempt running for more than %s", left, count(hedged, "call"), brief(f.span("open")))
	case !f.enough(slow, "delayed"):
		f.inconclusive("%s delayed, %s needed", count(slow, "exchange"), number(f.limit("delayed")))
	default:
		f.pass("%s of the calls were hedged", percent(part))
	}
}

// countOf counts the attempts of which something holds.
func countOf(attempts []*attempt, holds func(*attempt) bool) int {
	n := 0
	for _, a := range attempts {
		if holds(a) {
			n++
		}
	}
	return n
}
