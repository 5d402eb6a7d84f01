package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// timeoutDetectors look at how long a client waits.
func timeoutDetectors() []detector {
	return []detector{
		{
			id: "D13", name: "no timeout",
			needs:    "3 exchanges each that a fault silenced, stalled in the body, or let drip, for longer than the limit or until the client left",
			limits:   []Threshold{{"limit", 30, "s"}, {"exchanges", 3, "exchanges"}},
			evaluate: noTimeout, mend: mendTimeout(),
		},
	}
}

// hang is how a reply did not come.
type hang string

const (
	silence hang = "silence"         // no byte
	stall   hang = "a stalled body"  // the head, and then nothing
	drip    hang = "a dripping body" // always another byte
)

// hangs lists them in the order of reports.
func hangs() []hang { return []hang{silence, stall, drip} }

// hangOf says how the attempt's reply did not come.
func (s *scene) hangOf(a *attempt) hang {
	if a.Attempt.FirstByte == 0 {
		return silence
	}
	for _, d := range a.Faults.Decisions() {
		if d.Outcome == faults.Hit && (d.Kind == "drip" || d.Kind == "throttle") {
			return drip
		}
	}
	if t := s.stretchAt(a.begin); t != nil && strings.Contains(t.Fault, "drip") {
		return drip
	}
	return stall
}

// noTimeout measures, for each way in which a reply may not come, how long the client waits for it.
func noTimeout(s *scene, f *finding) {
	limit := f.span("limit")
	waited, endless := map[hang][]float64{}, map[hang]int{}
	for _, a := range s.attempts {
		if !a.touched() || !a.left() && a.Duration < limit || a.call.hedges > 0 {
			continue
		}
		how := s.hangOf(a)
		waited[how] = append(waited[how], a.Duration.Seconds())
		if a.Duration >= limit {
			endless[how]++
			f.show(a)
		}
	}
	stillOpen := s.stillOpen(limit)
	var tried, untried, tooLong []string
	for _, how := range hangs() {
		wait := seconds(median(waited[how]))
		switch {
		case endless[how] > 0:
			wait = seconds(slices.Max(waited[how]))
			tooLong = append(tooLong, fmt.Sprintf("%s (%d of %d times)", how, endless[how], len(waited[how])))
		case !f.enough(len(waited[how]), "exchanges"):
			untried = append(untried, string(how))
			continue
		}
		f.measured("waits at "+string(how), wait)
		tried = append(tried, fmt.Sprintf("%s at %s", brief(wait), how))
	}
	f.figure("still open", float64(stillOpen), "connections")
	rest := ""
	if len(untried) > 0 {
		rest = "; too rare to tell: " + strings.Join(untried, ", ")
	}
	switch {
	case len(tooLong) > 0:
		f.fail("it waited for %s or longer at %s%s", brief(limit), strings.Join(tooLong, " and at "), rest)
	case stillOpen > 0:
		f.fail("%s waited for longer than %s, and still wait", count(stillOpen, "connection"), brief(limit))
	case len(tried) == 0:
		f.inconclusive("no fault kept at least %s from ending for %s, or until the client left",
			count(int(f.limit("exchanges")), "reply"), brief(limit))
	default:
		f.pass("it waited for %s%s", strings.Join(tried, ", "), rest)
	}
}

// stillOpen counts the connections that have waited for a reply, since some moment of a given fault, for longer than a limit.
func (s *scene) stillOpen(limit time.Duration) int {
	if s.derived {
		return 0
	}
	n := 0
	for _, c := range s.conns {
		t := s.stretchAt(c.Since)
		if c.Busy && c.Closed.IsZero() && s.now.Sub(c.Since) >= limit && t != nil && t.Stage == Fault {
			n++
		}
	}
	return n
}
