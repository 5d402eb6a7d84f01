package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/squall-proxy/squall/verdict"
)

// closing is how soon the load was back behind outages.
type closing struct {
	outcome Verdict
	says    string
	early   bool // nobody can tell yet
	figures []verdict.Figure
}

// closing looks at each outage by itself, at what came behind its end. A pause between two faults that is too short to tell
// does not count.
func (s sighting) closing(ctx context.Context, within time.Duration) (closing, error) {
	var worst closing
	for i, p := range s.phases {
		if p.Stage != verdict.Fault {
			continue
		}
		after := s.phases[i+1] // there is one behind every fault
		f, err := s.judge(ctx, neverCloses, []verdict.Phase{s.phases[0], p, after}, nil)
		if err != nil {
			return worst, err
		}
		c := closingOf(f, after.End.Sub(after.Begin), within)
		isLast := i+2 == len(s.phases)
		switch {
		case c.early && !isLast, len(c.figures) == 0 && len(worst.figures) > 0:
		case len(worst.figures) == 0 || rank(c.outcome) > rank(worst.outcome):
			worst = c
		}
	}
	return worst, nil
}

// closingOf reads the finding on one outage. Without a figure it says why there is none: nothing failed all the time, or it is not
// known how many calls there should be.
func closingOf(f verdict.Finding, length, within time.Duration) closing {
	c := closing{figures: f.Figures}
	back, isBack := figure(f, "load back")
	after := time.Duration(back * float64(time.Second)).Round(time.Millisecond)
	watched := length.Round(time.Millisecond)
	switch {
	case isBack && after <= within:
		c.outcome, c.says = Passed, fmt.Sprintf("the load was back %v behind the end of the fault", after)
	case isBack:
		c.outcome, c.says = Deviated, fmt.Sprintf("the load was back %v behind the end of the fault only", after)
	case len(f.Figures) == 0:
		c.outcome, c.says = Inconclusive, f.Says
	case length >= within+loadWindow:
		c.outcome, c.says = Deviated, fmt.Sprintf("the load was not back %v behind the end of the fault", watched)
	default:
		c.outcome, c.early = Inconclusive, true
		c.says = fmt.Sprintf("the load was not back in the %v behind the end of the fault", watched)
	}
	return c
}

// rank orders outcomes, the worst last.
func rank(v Verdict) int { return slices.Index([]Verdict{Passed, Inconclusive, Deviated}, v) }
