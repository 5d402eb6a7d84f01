package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// guardEvery is how often it is looked for what stops a run.
const guardEvery = 500 * time.Millisecond

// preflight asks every squall whether it would do what the method wants, and says whether all would.
func (r *Runner) preflight(ctx context.Context) bool {
	for name := range r.Targets {
		halted, err := r.squall(name).halted(ctx)
		if err != nil {
			r.fail(Inconclusive, Failed, fmt.Errorf("a squall cannot be asked: %w", err))
			return false
		}
		if halted {
			r.fail(Invalid, Halted, errors.New("the stop lever is pulled: no fault can be added until it is released"))
			return false
		}
	}
	if why := r.reasonToStop(ctx); why.stop != nil {
		r.fail(why.verdict, why.state, why.stop)
		return false
	}
	for _, w := range r.wanted() {
		if err := w.on.begin(ctx, w.disturbance, faults.Lease{ID: r.RunID, For: r.Experiment.Safety.Lease}, true); err != nil {
			r.fail(Invalid, Failed, fmt.Errorf("%s: %w", w.name, err))
			return false
		}
	}
	if err := r.compareClocks(ctx); err != nil {
		r.fail(Inconclusive, Failed, err)
		return false
	}
	return true
}

// wanted is all that the experiment asks of squalls; of a search it is both ends of its range.
func (r *Runner) wanted() []held {
	var all []held
	for _, s := range experiments.Flat(r.Experiment.Method) {
		if h := r.disturbance(s); h.put != nil {
			all = append(all, h)
		}
	}
	if s := r.Experiment.Search; s != nil {
		for _, end := range s.Range {
			if rule, err := s.At(end); err == nil && rule != nil {
				all = append(all, r.ofSearch(rule))
			}
		}
	}
	return all
}

// guard looks, again and again and in every phase, for what stops the run as a whole.
func (r *Runner) guard(ctx context.Context, cancel context.CancelCauseFunc, done *sync.WaitGroup) {
	defer done.Done()
	for wait.For(ctx, guardEvery) == nil {
		if why := r.reasonToStop(ctx); why.stop != nil && ctx.Err() == nil {
			r.stopped(cancel, why)
			return
		}
	}
}

// reasonToStop looks at the time, the stop file and the stop levers.
func (r *Runner) reasonToStop(ctx context.Context) stopWhy {
	if most := time.Duration(r.Experiment.Safety.MaxDuration); time.Since(r.result.Began) > most {
		return stopWhy{fmt.Errorf("it took longer than max_duration, %v", most), Completed, Aborted}
	}
	if file := r.Experiment.Safety.StopFile; file != "" {
		if _, err := os.Stat(file); err == nil {
			return stopWhy{fmt.Errorf("the stop file %s is there", file), Halted, Aborted}
		}
	}
	for name := range r.Targets {
		if halted, err := r.squall(name).halted(ctx); err == nil && halted {
			return stopWhy{errors.New("the stop lever was pulled"), Halted, Aborted}
		}
	}
	return stopWhy{}
}

// watch makes the checks again and again while faults act.
func (r *Runner) watch(ctx, during context.Context, cancel context.CancelCauseFunc, done *sync.WaitGroup) {
	defer done.Done()
	checks := r.checks(func(c *experiments.Check) bool { return c.Mode.Watches() })
	for wait.For(during, time.Duration(r.Experiment.SteadyState.Every)) == nil {
		for _, c := range checks {
			why := r.look(ctx, during, c)
			if why != "" && r.aborts(c) {
				r.abort(cancel, c, why)
				return
			}
		}
	}
}

// look makes a check while faults act, and says what is wrong; "" = nothing.
func (r *Runner) look(ctx, during context.Context, c *experiments.Check) string {
	w := r.watches[c.Name]
	if during.Err() != nil {
		return ""
	}
	if w == nil {
		return r.ask(ctx, c, "during")
	}
	o := w.now()
	if o.total == 0 && o.missing == "" {
		return "" // the phase has just begun
	}
	return r.noteLoad(o, "during", o.judgeSum())
}

// alarm is what the alarm of a load's check leads to.
func (r *Runner) alarm(cancel context.CancelCauseFunc, c *experiments.Check, why string) {
	if r.aborts(c) {
		r.noteLoad(r.watches[c.Name].now(), "during", why)
		r.abort(cancel, c, why)
	}
}

// aborts says that a check ends the method as soon as it fails.
func (r *Runner) aborts(c *experiments.Check) bool {
	return c.Mode.Watches() && slices.Contains(r.Experiment.Safety.AbortOn, c.Name)
}

// abort stops the method because of a check. What follows is done all the same: the rollbacks, and the recovery is timed.
func (r *Runner) abort(cancel context.CancelCauseFunc, c *experiments.Check, why string) {
	r.failed(c.Name, time.Now(), why)
	r.stopped(cancel, stopWhy{fmt.Errorf("%s: %s", c.Name, why), Completed, Aborted})
}
