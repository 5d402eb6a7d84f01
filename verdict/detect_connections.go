package verdict

import (
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// connectionDetectors look at what a client does with its connections.
func connectionDetectors() []detector {
	return []detector{
		{
			id: "D24", name: "body leak, no reuse",
			needs:    "20 exchanges that were answered with 5xx or 429, and 20 in a baseline that reuses connections",
			limits:   []Threshold{{"new", 0.5, "per exchange"}, {"baseline", 0.1, "per exchange"}, {"small", 4096, "bytes"}, {"idle", 5, "s"}, {"exchanges", 20, "exchanges"}},
			evaluate: bodyLeak, mend: mendLeak(),
		},
		{
			id: "D25", name: "reconnect storm",
			needs:    "a fault that ends connections, with 20 calls asked for in it, a baseline, and a steady demand",
			limits:   []Threshold{{"factor", 5, "times the baseline"}, {"calls a second", 1.2, "times the demand"}, {"time", 3, "s"}, {"calls", 20, "calls"}},
			evaluate: reconnects, mend: mendReconnect(),
		},
	}
}

// fresh is how many new connections attempts took, for each of them. Those that we had ended ourselves do not count.
func fresh(attempts []*attempt) float64 {
	taken := countOf(attempts, func(a *attempt) bool { return a.Attempt.Nth == 1 })
	ended := countOf(attempts, func(a *attempt) bool { return a.Attempt.ClosedBy == proxy.ByProxy })
	return share(max(0, taken-ended), len(attempts))
}

// bodyLeak looks at whether connections are used again behind replies that the client threw away.
func bodyLeak(s *scene, f *finding) {
	usual, _ := s.baseline()
	var failing []*attempt
	for _, t := range s.faults() {
		refused := countOf(t.attempts, (*attempt).refused)
		if share(refused, len(t.attempts)) >= budgetFrom {
			failing = append(failing, t.attempts...)
		}
	}
	before, under := fresh(usual), fresh(failing)
	var sizes []float64
	for _, a := range failing {
		sizes = append(sizes, float64(a.ResponseBytes))
	}
	f.figure("new connections", under, "per exchange")
	f.figure("in the baseline", before, "per exchange")
	size := median(sizes)
	f.figure("reply", size, "bytes")
	leaked := s.leaked(failing, f.span("idle"))
	f.figure("left open and unused", float64(len(leaked)), "connections")
	switch {
	case !f.enough(len(usual), "exchanges") || !f.enough(len(failing), "exchanges"):
		f.inconclusive("%s in the baseline and %d under errors, %s of each needed", count(len(usual), "exchange"), len(failing), number(f.limit("exchanges")))
	case before >= f.limit("baseline"):
		f.inconclusive("it opens %s connections for each exchange without a fault, so that a leak does not show", number(before))
	case under <= f.limit("new"):
		f.pass("%s new connections for each exchange that failed", number(under))
	case float64(len(leaked)) > under*float64(len(failing))/2:
		f.show(leaked...)
		f.fail("%s new connections for each exchange that failed, and the old ones stay open, unused: replies are not closed", number(under))
	case size > f.limit("small"):
		f.show(failing...)
		f.warn("%s new connections for each exchange that failed: replies of %s bytes are closed without being read", number(under), number(size))
	default:
		f.show(failing...)
		f.fail("%s new connections for each exchange that failed: even short replies are closed without being read", number(under))
	}
}

// leaked gives the last attempts of connections that stayed open for a time behind a reply that failed, and were not used
// again though another one was opened meanwhile.
func (s *scene) leaked(failing []*attempt, idle time.Duration) []*attempt {
	last := map[uint64]*attempt{}
	for _, a := range s.attempts {
		if b := last[a.Attempt.Connection]; b == nil || a.Attempt.Nth >= b.Attempt.Nth {
			last[a.Attempt.Connection] = a
		}
	}
	closed := map[uint64]time.Time{}
	for _, c := range s.conns {
		closed[c.ID] = c.Closed
	}
	var all []*attempt
	for _, a := range failing {
		if last[a.Attempt.Connection] != a || !a.refused() || a.Attempt.ClosedBy == proxy.ByProxy {
			continue
		}
		until, known := closed[a.Attempt.Connection]
		if until.IsZero() {
			until = s.now
		}
		if known && until.Sub(a.end) > idle && s.opened(span{a.end, until}) {
			all = append(all, a)
		}
	}
	return all
}

// opened reports whether a connection was opened in a span of time.
func (s *scene) opened(within span) bool {
	i := firstOpened(s.conns, within.begin)
	return i < len(s.conns) && s.conns[i].Opened.Before(within.end)
}

// firstOpened is the index of the first connection that was opened behind t.
func firstOpened(conns []proxy.Connection, t time.Time) int {
	low, high := 0, len(conns)
	for low < high {
		if middle := (low + high) / 2; conns[middle].Opened.After(t) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// reconnects counts the connections of each second under a fault that ends them. One for each call is no storm.
func reconnects(s *scene, f *finding) {
	rate, reason := s.steady()
	if reason != "" {
		f.inconclusive("%s", reason)
		return
	}
	usual, length := 0, time.Duration(0)
	for _, t := range s.stretches {
		if t.Stage == Baseline {
			usual, length = usual+len(s.openedIn(t.span)), length+t.length()
		}
	}
	if length == 0 {
		f.inconclusive("there is no baseline to hold the connections of a second against")
		return
	}
	allowed := max(f.limit("factor")*perSecond(usual, length), f.limit("calls a second")*rate)
	longest, most, looked := 0, 0, false
	for _, t := range s.faults() {
		ended := countOf(t.attempts, func(a *attempt) bool { return a.Attempt.ClosedBy == proxy.ByProxy })
		for _, c := range s.openedIn(t.span) {
			if c.ClosedBy == proxy.ByProxy && c.Exchanges == 0 {
				ended++
			}
		}
		if ended == 0 || 2*ended < len(t.attempts) || !f.enough(int(rate*t.length().Seconds()), "calls") {
			continue
		}
		looked = true
		run, peak := s.storm(t.span, allowed)
		longest, most = max(longest, run), max(most, peak)
		f.show(t.attempts...)
	}
	f.figure("most connections in a second", float64(most), "")
	f.figure("allowed", allowed, "in a second")
	switch {
	case !looked:
		f.inconclusive("no fault ended the connections of %s calls", number(f.limit("calls")))
	case time.Duration(longest)*time.Second > f.span("time"):
		f.fail("for %d s it opened more than %s connections a second, up to %d, while they were ended again and again", longest, number(allowed), most)
	default:
		f.pass("at most %s while they were ended", count(most, "connection a second"))
	}
}

// openedIn gives the connections that were opened in a span of time.
func (s *scene) openedIn(within span) []proxy.Connection {
	return s.conns[firstOpened(s.conns, within.begin.Add(-1)):firstOpened(s.conns, within.end.Add(-1))]
}

// storm is for how many seconds on end more connections were opened than are allowed, and how many in the worst second.
func (s *scene) storm(within span, allowed float64) (longest, most int) {
	run := 0
	for _, second := range within.windows(time.Second) {
		n := len(s.openedIn(second))
		most = max(most, n)
		run++
		if float64(n) <= allowed {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest, most
}
