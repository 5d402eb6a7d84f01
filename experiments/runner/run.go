package runner

import (
	"context"
	"encoding/json"
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

// Run runs the experiment. ctx stands for a signal: when it is done the run is interrupted, which takes no longer than ending
// its faults does. The faults are gone when Run returns, or end with their leases where their squall cannot be reached.
func (r *Runner) Run(ctx context.Context) *Result {
	r.result = Result{RunID: r.RunID, Title: r.Experiment.Title, State: Completed, Began: time.Now()}
	source, err := json.Marshal(r.Experiment.Source())
	if err != nil {
		source = nil // not reached: what was read as a document can be written as one
	}
	r.tell(Event{What: "run", Name: r.Experiment.Title, RunID: r.RunID, Experiment: source})
	if err := Check(r.Experiment); err != nil {
		r.fail(Invalid, Failed, err)
	} else {
		r.prepare()
		defer r.client.CloseIdleConnections()
		if err := r.findServices(ctx); err != nil {
			r.fail(Invalid, Failed, fmt.Errorf("docker: %w", err))
		} else if r.preflight(ctx) {
			r.underLoad(ctx)
		}
	}
	r.result.Ended = time.Now()
	if r.result.Verdict == "" {
		r.result.Verdict = Passed
	}
	result := r.result
	r.tell(Event{What: "end", Name: string(result.Verdict), Result: &result})
	return &result
}

// fail gives the run a verdict, unless it has one, and a reason more.
func (r *Runner) fail(v Verdict, s State, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result.Verdict == "" {
		r.result.Verdict, r.result.State = v, s
	}
	r.result.Reasons = append(r.result.Reasons, why.Error())
}

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
	for _, s := range experiments.Flat(r.Experiment.Method) {
		on, d, _ := r.disturbance(s)
		if d.put == nil {
			continue
		}
		if err := on.begin(ctx, d, faults.Lease{ID: r.RunID, For: r.Experiment.Safety.Lease}, true); err != nil {
			r.fail(Invalid, Failed, fmt.Errorf("%s: %w", d.name, err))
			return false
		}
	}
	return true
}

// underLoad runs what follows the preflight while the loads flow.
func (r *Runner) underLoad(ctx context.Context) {
	flowing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var flow sync.WaitGroup
	for _, t := range r.loads {
		flow.Add(2)
		go r.flow(flowing, t, &flow)
		go r.tellSeconds(flowing, t, &flow)
	}
	if r.steadyBefore(ctx) {
		r.method(ctx)
		r.rollback()
		if ctx.Err() == nil && r.recover(ctx) {
			r.steadyAfter(ctx)
		}
		switch {
		case r.why().stop != nil:
		case ctx.Err() != nil:
			r.fail(Aborted, Interrupted, errors.New("interrupted by a signal after the method"))
		default:
			r.judgeMethod()
		}
	}
	stop()
	flow.Wait()
	for _, t := range r.loads {
		r.tellChanged(t)
		l := LoadResult{Load: t.name, Phases: t.recorder.Figures(), Effort: t.generator.Effort()}
		if l.Effort.IsBottleneck() {
			l.Warning = fmt.Sprintf("the load itself could not keep up: of %d requests %d went out late, the worst by %v, and %d not at all",
				l.Effort.Sent+l.Effort.Dropped, l.Effort.Late, l.Effort.WorstLag, l.Effort.Dropped)
		}
		r.result.Loads = append(r.result.Loads, l)
	}
}

// flow is one load.
func (r *Runner) flow(ctx context.Context, t *traffic, done *sync.WaitGroup) {
	defer done.Done()
	t.generator.Run(ctx)
}

// tellSeconds tells once a second what a load's seconds have come to, so that a run that is killed has told, too.
func (r *Runner) tellSeconds(ctx context.Context, t *traffic, done *sync.WaitGroup) {
	defer done.Done()
	for wait.For(ctx, time.Second) == nil {
		r.tellChanged(t)
	}
}

// tellChanged tells of the seconds that have changed.
func (r *Runner) tellChanged(t *traffic) {
	if changed := t.series.Changed(time.Now()); len(changed) > 0 {
		r.tell(Event{What: "load", Name: t.name, Seconds: changed})
	}
}

// phase begins a phase of the run.
func (r *Runner) phase(name string, onAlarm func(c *experiments.Check, why string)) {
	r.tell(Event{What: "phase", Name: name})
	now := time.Now()
	for _, t := range r.loads {
		t.recorder.Begin(name, now)
	}
	for _, w := range r.watches {
		if onAlarm == nil {
			w.restart(now, nil)
		} else {
			w.restart(now, func(why string) { onAlarm(w.check, why) })
		}
	}
}

// steadyBefore waits for the loads to warm up, and says whether the system is in its steady state.
func (r *Runner) steadyBefore(ctx context.Context) bool {
	r.phase("before", nil)
	var warmup faults.Duration
	for _, t := range r.loads {
		warmup = max(warmup, t.load.Warmup)
	}
	if wait.For(ctx, time.Duration(warmup)) != nil {
		r.fail(Aborted, Interrupted, errors.New("interrupted before anything was touched"))
		return false
	}
	healthy := true
	for i := range r.Experiment.SteadyState.Checks {
		c := &r.Experiment.SteadyState.Checks[i]
		if !c.Mode.Starts() {
			continue
		}
		if why := r.make(ctx, c, "before"); why != "" {
			r.fail(Inconclusive, Completed, fmt.Errorf("not in its steady state before anything was touched: %s: %s", c.Name, why))
			healthy = false
		}
	}
	return healthy
}

// make makes a check, notes what came of it, and says what is wrong; "" = nothing.
func (r *Runner) make(ctx context.Context, c *experiments.Check, phase string) string {
	var seen, why string
	switch w := r.watches[c.Name]; {
	case w == nil:
		seen, why = r.judge(ctx, c)
	case phase != "during":
		why = w.judgeWindow() // before and after last no longer than the warm-up
	case w.count() == 0:
		return "" // the phase has just begun
	default:
		why = w.judge()
	}
	if ctx.Err() != nil {
		return "" // cut short: it says nothing of the system
	}
	r.noteCheck(c, phase, seen, why)
	return why
}

// noteCheck notes and tells what came of a check; of one of a load it looks itself what was seen.
func (r *Runner) noteCheck(c *experiments.Check, phase, seen, why string) {
	if w := r.watches[c.Name]; w != nil {
		seen = w.seen()
	}
	made := CheckResult{Check: c.Name, Phase: phase, At: time.Now(), Seen: seen, Why: why}
	r.mu.Lock()
	r.result.Checks = append(r.result.Checks, made)
	r.mu.Unlock()
	r.tell(Event{What: "check", Name: c.Name, Why: why, Check: &made})
}

// method does the steps, one after the other, while the checks and whatever may stop it are watched.
func (r *Runner) method(ctx context.Context) {
	during, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watching sync.WaitGroup
	r.phase("during", func(c *experiments.Check, why string) { r.alarm(cancel, c, why) })
	watching.Add(1)
	go r.watch(during, cancel, &watching)
	for _, s := range r.Experiment.Method {
		if err := r.step(during, s); err != nil && during.Err() == nil {
			r.stopped(cancel, stopWhy{err, Failed, Inconclusive})
		}
		if during.Err() != nil {
			break
		}
	}
	if ctx.Err() != nil {
		r.stopped(cancel, stopWhy{errors.New("interrupted by a signal"), Interrupted, Aborted})
	}
	cancel(nil)
	watching.Wait()
	if why := r.why(); why.stop != nil {
		r.fail(why.verdict, why.state, why.stop)
	}
}

// alarm is what the alarm of a load's check leads to.
func (r *Runner) alarm(cancel context.CancelCauseFunc, c *experiments.Check, why string) {
	if c.Mode.Watches() && slices.Contains(r.Experiment.Safety.AbortOn, c.Name) {
		r.noteCheck(c, "during", "", why)
		r.stopped(cancel, stopWhy{fmt.Errorf("%s: %s", c.Name, why), Completed, Aborted})
	}
}

// watch makes the checks again and again, and looks for what stops a run.
func (r *Runner) watch(ctx context.Context, cancel context.CancelCauseFunc, done *sync.WaitGroup) {
	defer done.Done()
	for wait.For(ctx, time.Duration(r.Experiment.SteadyState.Every)) == nil {
		if why := r.reasonToStop(ctx); why.stop != nil {
			r.stopped(cancel, why)
			return
		}
		for i := range r.Experiment.SteadyState.Checks {
			c := &r.Experiment.SteadyState.Checks[i]
			if !c.Mode.Watches() {
				continue
			}
			why := r.make(ctx, c, "during")
			if why != "" && slices.Contains(r.Experiment.Safety.AbortOn, c.Name) {
				r.stopped(cancel, stopWhy{fmt.Errorf("%s: %s", c.Name, why), Completed, Aborted})
				return
			}
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

// rollback does the experiment's own rollbacks, whatever happened. The faults are gone: each step ends its own.
func (r *Runner) rollback() {
	if len(r.Experiment.Rollbacks) > 0 {
		r.tell(Event{What: "rollback"})
	}
	for i, s := range r.Experiment.Rollbacks {
		if err := r.step(context.Background(), s); err != nil {
			r.fail(Inconclusive, Failed, fmt.Errorf("rollbacks[%d]: %w", i, err))
		}
	}
}
