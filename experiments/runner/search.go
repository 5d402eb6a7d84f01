package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// ofSearch disturbs by the rule of a trial.
func (r *Runner) ofSearch(rule *faults.Rule) held {
	s := r.Experiment.Search
	return held{ofRule(*rule), r.squall(s.Target), r.target(s.Target), time.Duration(s.For), nil}
}

// search looks for the breaking point between the ends of a range: the first must be good, the second bad, or there is none to
// be found between them. Then it halves what lies between the last good and the first bad value, in steps of the resolution. It
// says whether the system was healthy again behind the last trial.
func (r *Runner) search(ctx context.Context) (recovered bool) {
	s := r.Experiment.Search
	r.result.Search = &SearchResult{Vary: s.Vary}
	good, bad := 0, s.Steps()
	for _, end := range []struct {
		at        int
		wantGood  bool
		otherwise string
	}{
		{good, true, "it is bad already at %v, the end of the range that should be good: there is no breaking point in the range"},
		{bad, false, "it is still good at %v, the end of the range that should be bad: there is no breaking point in the range"},
	} {
		isGood, goesOn := r.trial(ctx, s.Level(end.at))
		if !goesOn {
			return false
		}
		if isGood != end.wantGood {
			r.fail(Inconclusive, Completed, fmt.Errorf(end.otherwise, s.Level(end.at)))
			return true
		}
	}
	for bad-good > 1 {
		middle := (good + bad) / 2
		isGood, goesOn := r.trial(ctx, s.Level(middle))
		if !goesOn {
			return false
		}
		if isGood {
			good = middle
		} else {
			bad = middle
		}
	}
	return true
}

// trial tries one value, and waits until the system is healthy again. goesOn is false where another trial would show nothing.
func (r *Runner) trial(ctx context.Context, level experiments.Level) (isGood, goesOn bool) {
	t := Trial{Number: len(r.result.Search.Trials) + 1, Level: level, Began: time.Now()}
	rule, err := r.Experiment.Search.At(level)
	if err != nil {
		r.fail(Inconclusive, Failed, fmt.Errorf("trial %d, %v: %w", t.Number, level, err))
		return false, false
	}
	why := r.try(ctx, &t, rule)
	if ctx.Err() != nil {
		return false, false
	}
	goesOn = why == nil && r.recover(ctx, t.Ended)
	t.Recovered = r.recoveryTime(goesOn)
	if why != nil {
		r.fail(Inconclusive, Completed, fmt.Errorf("trial %d, %v: %w", t.Number, level, why))
	}
	r.noteTrial(t)
	return t.Good, goesOn
}

// recoveryTime is what the last recovery took.
func (r *Runner) recoveryTime(recovered bool) *time.Duration {
	if !recovered {
		return nil
	}
	return r.result.Recovery.Took
}

// noteTrial keeps a trial, and what it says of the breaking point.
func (r *Runner) noteTrial(t Trial) {
	s := r.result.Search
	s.Trials = append(s.Trials, t)
	if t.Good {
		s.LastGood = &t.Level
	} else {
		s.FirstBad = &t.Level
	}
	r.tell(Event{What: "trial", Name: t.Level.String(), Why: t.Why, Hits: t.Hits, Trial: &t})
}

// firstFailure is the check that failed first in a trial.
type firstFailure struct {
	once       sync.Once
	check, why string
}

// note notes a failure, and ends the trial by it.
func (f *firstFailure) note(end context.CancelFunc, c *experiments.Check, why string) {
	f.once.Do(func() { f.check, f.why = c.Name, why })
	end()
}

// try holds the rule up for the time of a trial, or just waits where there is none, and makes the checks meanwhile: the first
// that fails ends it. It is an error if nothing is shown by it.
func (r *Runner) try(ctx context.Context, t *Trial, rule *faults.Rule) error {
	trying, end := context.WithCancel(ctx)
	defer end()
	var f firstFailure
	from := r.phase(fmt.Sprintf("trial %d", t.Number), func(c *experiments.Check, why string) {
		if c.Mode.Watches() {
			f.note(end, c, why)
		}
	})
	held, let := context.WithCancel(trying)
	defer let()
	unmade := make(chan string, 1)
	go r.watchTrial(trying, held, end, &f, unmade)
	err := r.hold(trying, t, rule)
	t.Ended = time.Now()
	whole := r.over(from)
	let()
	why := <-unmade
	if trying.Err() == nil {
		r.shares(ctx, &f, end, whole)
	}
	f.once.Do(func() {}) // an alarm that comes now is too late
	t.Check, t.Why, t.Good = f.check, f.why, f.check == ""
	if err == nil && t.Good && why != "" && ctx.Err() == nil {
		err = errors.New(why)
	}
	return err
}

// hold does what a trial does to the system.
func (r *Runner) hold(ctx context.Context, t *Trial, rule *faults.Rule) error {
	if rule == nil {
		length := time.Duration(r.Experiment.Search.For)
		_ = wait.For(ctx, length) // a check or a signal may end it
		return nil
	}
	step, err := r.disturb(ctx, r.ofSearch(rule))
	t.Hits = step.Hits
	if why := shown(step); err == nil && why != "" && t.Level.Value != 0 {
		return errors.New(why)
	}
	return err
}

// watchTrial makes the checks again and again while the rule is held: those of loads by their sums, as while a method runs. Then it
// says whether one was never made.
func (r *Runner) watchTrial(trying, held context.Context, end context.CancelFunc, f *firstFailure, unmade chan<- string) {
	checks := r.checks(func(c *experiments.Check) bool { return c.Load == "" && c.Mode.Watches() })
	made := 0
	for wait.For(held, time.Duration(r.Experiment.SteadyState.Every)) == nil {
		for i, c := range checks {
			if held.Err() != nil {
				break
			}
			_, why := r.judge(trying, c)
			if trying.Err() != nil {
				break
			}
			if made = max(made, i+1); why != "" {
				f.note(end, c, why)
				break
			}
		}
	}
	if made < len(checks) {
		unmade <- fmt.Sprintf("%s was not made in it, which is every %v", checks[made].Name, r.Experiment.SteadyState.Every)
	}
	close(unmade)
}

// shares holds the plain shares of a whole trial against their limits: a sum may have had no time to rise.
func (r *Runner) shares(ctx context.Context, f *firstFailure, end context.CancelFunc, whole span) {
	for _, c := range r.checks(func(c *experiments.Check) bool { return c.Load != "" && c.Mode.Watches() }) {
		if why := r.answered(ctx, r.watches[c.Name], whole).judgeShare(); why != "" {
			f.note(end, c, why)
			return
		}
	}
}
