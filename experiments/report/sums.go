package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/squall-proxy/squall/experiments/runner"
)

// CheckSum is what came of one check in one phase.
type CheckSum struct {
	Check, Phase string
	Made, Failed int
	First        time.Time // the first that failed
	Why          string    // of the first that failed
	Seen         string    // by the last
	Unknown      int       // of those made: nobody knows whether they failed
	Doubt        string    // why, of the first of those
}

// Sums are the checks by name and phase, in the order in which they were first made.
func (r Run) Sums() []CheckSum {
	var sums []CheckSum
	at := map[[2]string]int{}
	for _, c := range r.Checks {
		key := [2]string{c.Check, c.Phase}
		i, known := at[key]
		if !known {
			i = len(sums)
			at[key] = i
			sums = append(sums, CheckSum{Check: c.Check, Phase: c.Phase})
		}
		s := &sums[i]
		s.Made, s.Seen = s.Made+1, c.Seen
		if c.Unknown != "" {
			if s.Unknown++; s.Unknown == 1 {
				s.Doubt = c.Unknown
			}
		}
		if c.Why == "" {
			continue
		}
		if s.Failed++; s.Failed == 1 {
			s.First, s.Why = c.At, c.Why
		}
	}
	return sums
}

// recoverySays is the recovery in words; "" = nothing was broken, or it was not come to.
func (r Run) recoverySays() string {
	switch {
	case r.Recovery == nil:
		return ""
	case r.Recovery.Took != nil:
		return "healthy again " + brief(*r.Recovery.Took) + " after the last fault"
	case r.Recovery.Metastable:
		return "metastable: it stayed broken though nothing was being done to it any more"
	}
	return "the run ended before it was known"
}

// remark says what is to be said of a check besides its counts.
func (s CheckSum) remark() string {
	if s.Unknown == 0 {
		return s.Seen
	}
	return fmt.Sprintf("%d of %d unknown: %s", s.Unknown, s.Made, s.Doubt)
}

// searchSays is what a search has found, in words; "" = the run was none.
func (r Run) searchSays() string {
	s := r.Search
	switch {
	case s == nil:
		return ""
	case s.LastGood != nil && s.FirstBad != nil:
		return fmt.Sprintf("good up to %s = %v, bad from %v on", s.Vary, s.LastGood, s.FirstBad)
	case r.State != runner.Completed:
		return "the run ended before it was known"
	}
	return "no breaking point was found"
}

// trialSays is what came of a trial, in words.
func trialSays(t runner.Trial) string {
	says := "good"
	if !t.Good {
		says = "bad: " + t.Check + ": " + t.Why
	}
	if t.Recovered == nil {
		return says
	}
	return says + "; healthy again after " + brief(*t.Recovered)
}

// figuresSay are an expectation's figures and the exchanges that show it.
func figuresSay(x runner.ExpectationResult) string {
	var parts []string
	for _, f := range x.Figures {
		parts = append(parts, f.String())
	}
	if len(x.Evidence) > 0 {
		parts = append(parts, fmt.Sprintf("exchanges %v", x.Evidence))
	}
	return strings.Join(parts, "; ")
}

// replaySays says where a check that failed can be had again.
func replaySays(p runner.Replay) string {
	if p.Error != "" {
		return p.Check + " cannot be replayed: " + p.Error
	}
	return p.Check + " is replayed by: squall experiment run " + p.Path
}

// Summary is the verdict in one line, with how the run ended where it did not come to its end.
func (r Run) Summary() string {
	if r.State == runner.Completed {
		return string(r.Verdict)
	}
	return fmt.Sprintf("%s (%s)", r.Verdict, r.State)
}

// since is a time as the distance from the run's begin.
func (r Run) since(t time.Time) string { return "+" + brief(t.Sub(r.Began)) }

// brief writes a duration in the three digits that a reader needs.
func brief(d time.Duration) string {
	for _, unit := range []struct {
		least, step time.Duration
	}{
		{time.Hour, time.Second},
		{time.Minute, 100 * time.Millisecond},
		{10 * time.Second, 100 * time.Millisecond},
		{time.Second, 10 * time.Millisecond},
		{100 * time.Millisecond, time.Millisecond},
		{10 * time.Millisecond, 100 * time.Microsecond},
		{time.Millisecond, 10 * time.Microsecond},
	} {
		if d.Abs() >= unit.least {
			return d.Round(unit.step).String()
		}
	}
	return d.Round(time.Microsecond).String()
}

// hits is how often a step's fault hit; "" = the step has none.
func (s Step) hits() string {
	if s.Hits == nil {
		return ""
	}
	return strconv.FormatUint(*s.Hits, 10)
}

// stepRemark is what else is to be said of a step.
func (r Run) stepRemark(s Step) string {
	var parts []string
	switch {
	case s.Undone == nil:
	case s.Undone.IsZero():
		parts = append(parts, "not undone, which the next start with this journal will try")
	default:
		parts = append(parts, "undone at "+r.since(*s.Undone))
	}
	if s.Cut {
		parts = append(parts, "under way when the runner was killed")
	}
	if s.Limited > 0 {
		parts = append(parts, fmt.Sprintf("a limit of the rule spared %d exchanges", s.Limited))
	}
	if s.Error != "" {
		parts = append(parts, s.Error)
	}
	return strings.Join(parts, "; ")
}
