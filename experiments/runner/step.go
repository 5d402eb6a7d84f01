package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// held is a disturbance that is held up on a squall for a time.
type held struct {
	disturbance
	on     squall
	target string // the squall's name
	length time.Duration
	ramp   []float64 // percentages, each for an equal part of the time; nil = the rule's own
}

// broken is what was done to a proxy, and when.
type broken struct {
	disturbance
	target string
	isRamp bool

	asked, began time.Time // when it was asked for, and when it was there for certain
	ended, gone  time.Time // until when it was there for certain, and since when it is gone
}

// disturbance is what a step asks of a squall; one without put asks for nothing.
func (r *Runner) disturbance(s experiments.Step) held {
	switch do := s.Do.(type) {
	case *experiments.Fault:
		return held{ofRule(do.Rule), r.squall(do.Target), r.target(do.Target), time.Duration(do.For), do.Ramp}
	case *experiments.Toxic:
		return held{ofRule(do.Rule), r.squall(do.Target), r.target(do.Target), time.Duration(do.For), nil}
	case *experiments.Mode:
		return held{ofMode(do), r.squall(do.Target), r.target(do.Target), time.Duration(do.For), nil}
	}
	return held{}
}

// breaks says that a step breaks something on purpose, and makes it whole again.
func breaks(s experiments.Step) bool {
	switch do := s.Do.(type) {
	case *experiments.Fault, *experiments.Toxic, *experiments.Mode, *experiments.Docker:
		return true
	case *experiments.Parallel:
		return slices.ContainsFunc(do.Steps, breaks)
	}
	return false
}

// lastFault is when the last fault ended; now, if there was none.
func (r *Runner) lastFault() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wholeSince.IsZero() {
		return time.Now()
	}
	return r.wholeSince
}

// whole notes that what a step broke is whole again.
func (r *Runner) whole(since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wholeSince = latest(r.wholeSince, since)
}

// step does a step to its end, or until ctx is done. What it breaks is whole again when it returns.
func (r *Runner) step(ctx context.Context, s experiments.Step) error {
	switch do := s.Do.(type) {
	case *experiments.Pause:
		return r.noted(StepResult{Name: fmt.Sprintf("pause %v", do.For)}, func() error { return wait.For(ctx, time.Duration(do.For)) })
	case *experiments.Parallel:
		return r.parallel(ctx, do.Steps)
	case *experiments.Call:
		return r.noted(StepResult{Name: do.Request.Method + " " + experiments.RedactURL(do.Request.URL)}, func() error { return r.doCall(ctx, do) })
	case *experiments.Docker:
		step := StepResult{Name: "docker " + do.Do + " " + do.Service, Kind: "docker " + do.Do}
		err := r.noted(step, func() error { return r.doDocker(ctx, do) })
		r.whole(time.Now())
		return err
	case *experiments.Command:
		return r.noted(StepResult{Name: "process " + do.Process.Path}, func() error { return r.doCommand(ctx, do) })
	}
	_, err := r.disturb(ctx, r.disturbance(s))
	return err
}

// parallel does steps side by side. The first error is the one that counts; the other steps go on.
func (r *Runner) parallel(ctx context.Context, steps []experiments.Step) error {
	errs := make([]error, len(steps))
	var side sync.WaitGroup
	for i, s := range steps {
		side.Add(1)
		go r.sideBySide(ctx, s, &errs[i], &side)
	}
	side.Wait()
	return errors.Join(errs...)
}

func (r *Runner) sideBySide(ctx context.Context, s experiments.Step, err *error, done *sync.WaitGroup) {
	defer done.Done()
	*err = r.step(ctx, s)
}

// noted does a step that disturbs no proxy, and notes it.
func (r *Runner) noted(s StepResult, do func() error) error {
	s.Began = r.begins(s)
	err := do()
	r.ends(s, err)
	return err
}

func (r *Runner) doCall(ctx context.Context, c *experiments.Call) error {
	answer, err := r.call(ctx, &c.Request)
	if err != nil || c.Tolerance == nil {
		return err
	}
	return asError(r.within(ctx, c.Tolerance, answer))
}

func (r *Runner) doCommand(ctx context.Context, c *experiments.Command) error {
	answer, err := runProcess(ctx, &c.Process, nil)
	if err != nil {
		return err
	}
	if c.Tolerance != nil {
		return asError(r.within(ctx, c.Tolerance, answer))
	}
	if output := answer.(map[string]any); output["status"] != number(0) {
		return fmt.Errorf("%s ended with %v: %s", c.Process.Path, output["status"], strings.TrimSpace(output["stderr"].(string)))
	}
	return nil
}

func asError(why string) error {
	if why == "" {
		return nil
	}
	return errors.New(why)
}

// begins tells of a step that begins, and when that is.
func (r *Runner) begins(s StepResult) time.Time {
	s.Began = time.Now()
	r.tell(Event{What: "step", Name: s.Name, Step: &s})
	return s.Began
}

// ends notes a step that has ended.
func (r *Runner) ends(s StepResult, err error) StepResult {
	s.Ended = time.Now()
	if err != nil {
		s.Error = err.Error()
	}
	r.mu.Lock()
	r.result.Steps = append(r.result.Steps, s)
	r.mu.Unlock()
	r.tell(Event{What: "step-end", Name: s.Name, Why: s.Error, Hits: s.Hits, Step: &s})
	return s
}

// disturb holds a fault, a toxic or a mode for its time, and takes it away.
func (r *Runner) disturb(ctx context.Context, h held) (StepResult, error) {
	noted := StepResult{Name: h.name, Fault: h.name, Kind: h.kind, Proxy: h.proxy, Target: h.target}
	lease := r.lease()
	noted.Began = r.begins(noted)
	done := broken{disturbance: h.disturbance, target: h.target, isRamp: h.ramp != nil, asked: noted.Began}
	err := h.on.begin(ctx, h.disturbance, lease, false)
	done.began = time.Now()
	if err == nil {
		err = h.hold(ctx, lease)
		done.ended = time.Now()
		// Asked while it still holds: what is gone has no counters. A signal must not keep us from knowing.
		hits, limited, countErr := h.on.counted(context.WithoutCancel(ctx), h.disturbance)
		if countErr == nil {
			noted.Hits, noted.Limited = &hits, limited
		}
	}
	if endErr := h.on.end(lease); endErr != nil {
		r.fail(Inconclusive, Failed, endErr)
	}
	if ctx.Err() != nil {
		err = nil // it was cut short, which is no failure of the step
	}
	done.gone = time.Now()
	r.whole(done.gone)
	if !done.ended.IsZero() {
		r.mu.Lock()
		r.broken = append(r.broken, done)
		r.mu.Unlock()
	}
	return r.ends(noted, err), err
}

// hold holds a disturbance, percentage by percentage where it has a ramp.
func (h held) hold(ctx context.Context, lease faults.Lease) error {
	if h.ramp == nil {
		return h.on.hold(ctx, lease, h.length)
	}
	part := h.length / time.Duration(len(h.ramp))
	for _, percent := range h.ramp {
		if err := h.on.setPercent(ctx, h.disturbance, percent); err != nil {
			return err
		}
		if err := h.on.hold(ctx, lease, part); err != nil {
			return err
		}
	}
	return nil
}
