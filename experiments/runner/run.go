package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// Run runs the experiment. ctx stands for a signal: when it is done the run is interrupted, which takes no longer than ending
// its faults and its rollbacks do. The faults are gone when Run returns, or end with their leases where their squall cannot be
// reached.
func (r *Runner) Run(ctx context.Context) *Result {
	r.result = Result{RunID: r.RunID, Title: r.Experiment.Title, State: Completed, Began: time.Now()}
	source, err := json.Marshal(r.Experiment.Redacted())
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
			r.guarded(ctx)
		}
	}
	r.saveReplays()
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

// guarded runs what follows the preflight, while somebody looks for what stops a run in any of its phases.
func (r *Runner) guarded(ctx context.Context) {
	running, cancel := context.WithCancelCause(ctx)
	var guard sync.WaitGroup
	guard.Add(1)
	go r.guard(running, cancel, &guard)
	finished := r.underLoad(running)
	if ctx.Err() != nil && !finished {
		r.stopped(cancel, stopWhy{errors.New("interrupted by a signal"), Interrupted, Aborted})
	}
	cancel(nil)
	guard.Wait()
	r.settle()
}

// underLoad runs the phases while the loads flow, and says whether it came to their end.
func (r *Runner) underLoad(ctx context.Context) (finished bool) {
	flowing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var flow sync.WaitGroup
	r.result.Flowing = time.Now()
	for _, t := range r.loads {
		flow.Add(2)
		go r.flow(flowing, t, &flow)
		go r.tellSeconds(flowing, t, &flow)
	}
	finished = r.phases(ctx)
	stop()
	flow.Wait()
	for _, t := range r.loads {
		r.tellChanged(t)
		r.result.Loads = append(r.result.Loads, r.loadResult(t))
	}
	return finished
}

// flow is one load.
func (r *Runner) flow(ctx context.Context, t *traffic, done *sync.WaitGroup) {
	defer done.Done()
	if t.generator == nil {
		r.watchTraffic(ctx, t)
		return
	}
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

// loadResult is what a load measured. Of one whose figures tell little of the system it says so.
func (r *Runner) loadResult(t *traffic) LoadResult {
	l := LoadResult{Load: t.name, Phases: t.recorder.Figures()}
	switch {
	case t.generator == nil && t.gaps > 0:
		l.Warning = fmt.Sprintf("exchanges were missed %d times: the squall had forgotten them, or there were too many at once", t.gaps)
	case t.generator != nil:
		l.Effort = t.generator.Effort()
	}
	if l.Effort.IsBottleneck() {
		l.Warning = fmt.Sprintf("the load itself could not keep up: of %d requests %d went out late, the worst by %v, and %d were left out",
			l.Effort.Sent+l.Effort.Dropped, l.Effort.Late, l.Effort.WorstLag.Round(time.Millisecond), l.Effort.Dropped)
		r.tell(Event{What: "load", Name: t.name, Why: l.Warning})
	}
	return l
}

// phases is the run, from the steady state before to the judgement. It says whether it came to its end.
func (r *Runner) phases(ctx context.Context) (finished bool) {
	if !r.steadyBefore(ctx) {
		return ctx.Err() == nil
	}
	recovered := false
	if r.Experiment.Search != nil {
		recovered = r.search(ctx)
		r.rollback()
	} else {
		recovered = r.method(ctx)
	}
	if recovered {
		r.steadyAfter(ctx)
	}
	if ctx.Err() != nil || r.why().stop != nil {
		return false
	}
	if r.Experiment.Search == nil { // which judges its trials by itself
		r.judgeMethod(ctx)
	}
	r.judgeExpectations(ctx)
	r.judgeSilence()
	return ctx.Err() == nil
}

// phase begins a phase of the run, and says when that was.
func (r *Runner) phase(name string, onAlarm func(c *experiments.Check, why string)) time.Time {
	r.tell(Event{What: "phase", Name: name})
	now := time.Now()
	for _, t := range r.loads {
		t.recorder.Begin(name, now)
	}
	r.restart(now, onAlarm)
	return now
}

// restart begins another part of the run for all checks of loads.
func (r *Runner) restart(at time.Time, onAlarm func(c *experiments.Check, why string)) {
	for _, w := range r.watches {
		if onAlarm == nil {
			w.restart(at, nil)
		} else {
			w.restart(at, func(why string) { onAlarm(w.check, why) })
		}
	}
}

// over ends a part of the run for all checks of loads: what is due from now on is another one's.
func (r *Runner) over(from time.Time) span {
	s := span{from, time.Now()}
	r.restart(s.to, nil)
	return s
}

// steadyBefore waits for the loads to warm up, and says whether the system is in its steady state.
func (r *Runner) steadyBefore(ctx context.Context) bool {
	from := r.phase("before", nil)
	var warmup faults.Duration
	for _, t := range r.loads {
		warmup = max(warmup, t.load.Warmup)
	}
	if wait.For(ctx, time.Duration(warmup)) != nil {
		return false
	}
	healthy, warm := true, r.over(from)
	for _, c := range r.checks(func(c *experiments.Check) bool { return c.Mode.Starts() }) {
		if why := r.make(ctx, c, "before", warm); why != "" {
			r.fail(Inconclusive, Completed, fmt.Errorf("not in its steady state before anything was touched: %s: %s", c.Name, why))
			healthy = false
		}
	}
	return healthy && ctx.Err() == nil
}

// make makes a check before or after the method, one of a load by what was due in a time, notes what came of it, and says what is
// wrong; "" = nothing.
func (r *Runner) make(ctx context.Context, c *experiments.Check, phase string, of span) string {
	w := r.watches[c.Name]
	if w == nil {
		return r.ask(ctx, c, phase)
	}
	o := r.answered(ctx, w, of)
	if ctx.Err() != nil {
		return "" // cut short: it says nothing of the system
	}
	return r.noteLoad(o, phase, o.judgeShare()) // which last no longer than the warm-up
}

// ask makes a check that asks something.
func (r *Runner) ask(ctx context.Context, c *experiments.Check, phase string) string {
	seen, why := r.judge(ctx, c)
	if ctx.Err() != nil {
		return "" // cut short: it says nothing of the system
	}
	r.note(CheckResult{Check: c.Name, Phase: phase, Seen: seen, Why: why})
	return why
}

// answered waits for the answers to the requests that were due in a time: those that are still missing are not the good ones.
func (r *Runner) answered(ctx context.Context, w *loadWatch, in span) outcome {
	until := in.to.Add(time.Duration(r.Experiment.Load[w.check.Load].Timeout))
	for {
		o := w.between(in.from, in.to)
		if o.open() == 0 || time.Now().After(until) || wait.For(ctx, 10*time.Millisecond) != nil {
			return o
		}
	}
}

// noteLoad notes what came of a check of a load, and says what is wrong with it; "" = nothing, or nobody knows.
func (r *Runner) noteLoad(o outcome, phase, why string) string {
	made := CheckResult{Check: o.check.Name, Phase: phase, Seen: o.seen(), Why: why}
	if o.missing != "" {
		made.Why, made.Unknown = "", o.missing
	}
	r.note(made)
	return made.Why
}

// note notes and tells what came of a check.
func (r *Runner) note(c CheckResult) {
	c.At = time.Now()
	r.mu.Lock()
	r.result.Checks = append(r.result.Checks, c)
	r.mu.Unlock()
	r.tell(Event{What: "check", Name: c.Check, Why: c.Why, Check: &c})
}

// method does the steps, one after the other, while the checks are watched. From the end of the last fault on the recovery is
// timed, beside the steps that are left. It says whether the system was healthy again in time.
func (r *Runner) method(ctx context.Context) (recovered bool) {
	steps := r.Experiment.Method
	lead := len(steps)
	for lead > 0 && slices.ContainsFunc(steps, breaks) && !breaks(steps[lead-1]) {
		lead--
	}
	doing, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var beside sync.WaitGroup
	beside.Add(2)
	r.underWatch(doing, cancel, steps[:lead], &beside)
	go r.rest(doing, cancel, steps[lead:], &beside)
	if ctx.Err() == nil {
		recovered = r.recover(ctx, r.lastFault())
	}
	beside.Wait()
	return recovered
}

// underWatch does the steps that break something, and what stands between them, while the checks are made. One that is under way
// at the end of the last fault goes on: what it asked was asked while the fault acted.
func (r *Runner) underWatch(ctx context.Context, cancel context.CancelCauseFunc, steps []experiments.Step, done *sync.WaitGroup) {
	during, ended := context.WithCancel(ctx)
	defer ended()
	from := r.phase("during", func(c *experiments.Check, why string) { r.alarm(cancel, c, why) })
	go r.watch(ctx, during, cancel, done)
	r.steps(ctx, cancel, steps)
	r.acted = r.over(from)
	ended()
	r.settle()
}

// settle makes what has stopped the run, if anything has, its verdict. Later reasons come behind it.
func (r *Runner) settle() {
	r.mu.Lock()
	why, settled := r.stopWhy, r.settled
	r.settled = settled || why.stop != nil
	r.mu.Unlock()
	if why.stop != nil && !settled {
		r.fail(why.verdict, why.state, why.stop)
	}
}

// rest does the steps behind the last fault, and the rollbacks, whatever happened. The faults are gone: each step ends its own.
func (r *Runner) rest(ctx context.Context, cancel context.CancelCauseFunc, steps []experiments.Step, done *sync.WaitGroup) {
	defer done.Done()
	r.steps(ctx, cancel, steps)
	r.rollback()
}

// steps does steps, one after the other, until ctx is done.
func (r *Runner) steps(ctx context.Context, cancel context.CancelCauseFunc, steps []experiments.Step) {
	for _, s := range steps {
		if ctx.Err() != nil {
			return
		}
		r.mu.Lock()
		r.began = append(r.began, time.Now())
		r.mu.Unlock()
		if err := r.step(ctx, s); err != nil && ctx.Err() == nil {
			r.stopped(cancel, stopWhy{err, Failed, Inconclusive})
		}
	}
}

// rollback does the experiment's own rollbacks, the last one first.
func (r *Runner) rollback() {
	if len(r.Experiment.Rollbacks) > 0 {
		r.tell(Event{What: "rollback"})
	}
	for i, s := range slices.Backward(r.Experiment.Rollbacks) {
		if err := r.step(context.Background(), s); err != nil {
			r.fail(Inconclusive, Failed, fmt.Errorf("rollbacks[%d]: %w", i, err))
		}
	}
}
