package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// sustained is how many passes in a row are a recovery, and no luck.
const sustained = 3

// checks are those of the experiment for which a condition holds.
func (r *Runner) checks(holds func(c *experiments.Check) bool) []*experiments.Check {
	var checks []*experiments.Check
	for i := range r.Experiment.SteadyState.Checks {
		if c := &r.Experiment.SteadyState.Checks[i]; holds(c) {
			checks = append(checks, c)
		}
	}
	return checks
}

// recover times how long it takes, from the end of the method, until the recovery's checks go on passing. It says whether they
// did in time.
func (r *Runner) recover(ctx context.Context) bool {
	checks := r.checks(func(c *experiments.Check) bool { return slices.Contains(r.Experiment.Recovery.Checks, c.Name) })
	ended := time.Now()
	r.result.Recovery = &Recovery{FaultEnded: ended}
	r.phase("recovery", nil)
	passes, first, last := 0, time.Time{}, "no check was made in time"
	within := time.Duration(r.Experiment.Recovery.Within)
	for passes > 0 || time.Since(ended) < within {
		if wait.For(ctx, time.Duration(r.Experiment.SteadyState.Every)) != nil {
			return false // interrupted: nobody knows
		}
		name, why, known := r.window(ctx, checks)
		switch {
		case !known && time.Since(ended) >= within:
			passes, last = 0, "no request was answered in time"
		case !known:
		case why != "":
			passes, last = 0, name+": "+why
		default:
			if passes++; passes == 1 {
				first = time.Now()
			}
		}
		if passes == sustained {
			took := first.Sub(ended)
			r.result.Recovery.Took = &took
			r.tell(Event{What: "recovery", Name: took.String()})
			return true
		}
	}
	r.result.Recovery.Metastable = true
	r.fail(Deviated, Completed, fmt.Errorf("metastable: not healthy again within %v of the last fault's end: %s", within, last))
	return false
}

// window makes the recovery's checks; those of loads are about the requests since the last window. It names the first that does
// not pass. As long as a load has not answered, nothing is known.
func (r *Runner) window(ctx context.Context, checks []*experiments.Check) (name, why string, known bool) {
	for _, c := range checks {
		if w := r.watches[c.Name]; w != nil && w.count() == 0 {
			return "", "", false
		}
	}
	for _, c := range checks {
		seen := ""
		if w := r.watches[c.Name]; w != nil {
			why = w.judgeWindow()
		} else {
			seen, why = r.judge(ctx, c)
		}
		r.noteCheck(c, "recovery", seen, why)
		if why != "" {
			name = c.Name
			break
		}
	}
	for _, w := range r.watches {
		w.restart(time.Now(), nil)
	}
	return name, why, true
}

// steadyAfter makes the checks of the end, those of loads after as long a time as they had before.
func (r *Runner) steadyAfter(ctx context.Context) {
	checks := r.checks(func(c *experiments.Check) bool { return c.Mode.Ends() })
	var length faults.Duration
	for _, c := range checks {
		if c.Load != "" {
			length = max(length, r.Experiment.Load[c.Load].Warmup)
		}
	}
	r.phase("after", nil)
	if wait.For(ctx, time.Duration(length)) != nil {
		return
	}
	for _, c := range checks {
		if why := r.make(ctx, c, "after"); why != "" {
			r.fail(Deviated, Completed, fmt.Errorf("after the faults: %s: %s", c.Name, why))
		}
	}
}

// judgeMethod says what the checks that failed while faults acted mean, and whether the faults were there at all.
func (r *Runner) judgeMethod() {
	told := map[string]bool{}
	for _, c := range r.result.Checks {
		if c.Phase == "during" && c.Why != "" && !told[c.Check] {
			told[c.Check] = true
			r.fail(Deviated, Completed, fmt.Errorf("while faults acted: %s: %s", c.Check, c.Why))
		}
	}
	for _, s := range r.result.Steps {
		switch {
		case s.Fault == "":
		case s.Hits == nil:
			r.fail(Inconclusive, Completed, fmt.Errorf("%s: nobody knows how often it hit", s.Name))
		case *s.Hits == 0:
			r.fail(Inconclusive, Completed, fmt.Errorf("%s: it hit nothing", s.Name))
		case s.Limited > 0:
			r.fail(Inconclusive, Completed, fmt.Errorf("%s: a limit of the rule spared %d exchanges", s.Name, s.Limited))
		case *s.Hits < r.least(s.Fault):
			r.fail(Inconclusive, Completed, fmt.Errorf("%s: it hit %d exchanges, and %d at least are expected", s.Name, *s.Hits, r.least(s.Fault)))
		}
	}
}

// least is how many hits of a fault are expected.
func (r *Runner) least(fault string) uint64 {
	var least uint64
	for _, x := range r.Experiment.Expect {
		if x.Hits != nil && x.Hits.Fault == fault {
			least = max(least, x.Hits.Min)
		}
	}
	return least
}
