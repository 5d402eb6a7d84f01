package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// disturbance is what a step asks of which squall, and for how long; one without put asks for nothing.
func (r *Runner) disturbance(s experiments.Step) (squall, disturbance, time.Duration) {
	switch do := s.Do.(type) {
	case *experiments.Fault:
		return r.squall(do.Target), ofRule(do.Rule), time.Duration(do.For)
	case *experiments.Toxic:
		return r.squall(do.Target), ofRule(do.Rule), time.Duration(do.For)
	case *experiments.Mode:
		return r.squall(do.Target), ofMode(do), time.Duration(do.For)
	}
	return squall{}, disturbance{}, 0
}

// step does a step to its end, or until ctx is done. What it breaks is whole again when it returns.
func (r *Runner) step(ctx context.Context, s experiments.Step) error {
	switch do := s.Do.(type) {
	case *experiments.Pause:
		return r.noted(fmt.Sprintf("pause %v", do.For), func() error { return wait.For(ctx, time.Duration(do.For)) })
	case *experiments.Parallel:
		return r.parallel(ctx, do.Steps)
	case *experiments.Call:
		return r.noted(do.Request.Method+" "+do.Request.URL, func() error { return r.doCall(ctx, do) })
	case *experiments.Docker:
		return r.noted("docker "+do.Do+" "+do.Service, func() error { return r.doDocker(ctx, do) })
	case *experiments.Command:
		return r.noted("process "+do.Process.Path, func() error { return r.doCommand(ctx, do) })
	}
	return r.disturb(ctx, s)
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

// noted does a step that disturbs nothing, and notes it.
func (r *Runner) noted(name string, do func() error) error {
	began := r.begins(StepResult{Name: name})
	err := do()
	r.ends(StepResult{Name: name, Began: began}, err)
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
func (r *Runner) ends(s StepResult, err error) {
	s.Ended = time.Now()
	if err != nil {
		s.Error = err.Error()
	}
	r.mu.Lock()
	r.result.Steps = append(r.result.Steps, s)
	r.mu.Unlock()
	r.tell(Event{What: "step-end", Name: s.Name, Why: s.Error, Hits: s.Hits, Step: &s})
}

// disturb holds a fault, a toxic or a mode for its time, and takes it away.
func (r *Runner) disturb(ctx context.Context, s experiments.Step) error {
	on, d, length := r.disturbance(s)
	noted := StepResult{Name: d.name, Fault: d.name}
	lease := r.lease()
	noted.Began = r.begins(noted)
	err := on.begin(ctx, d, lease, false)
	if err == nil {
		err = r.holdRamp(ctx, s, on, lease, d, length)
		// Asked while it still holds: what is gone has no counters. A signal must not keep us from knowing.
		hits, limited, countErr := on.counted(context.WithoutCancel(ctx), d)
		if countErr == nil {
			noted.Hits, noted.Limited = &hits, limited
		}
	}
	if endErr := on.end(lease); endErr != nil {
		r.fail(Inconclusive, Failed, endErr)
	}
	if ctx.Err() != nil {
		err = nil // it was cut short, which is no failure of the step
	}
	r.ends(noted, err)
	return err
}

// holdRamp holds a disturbance, percentage by percentage where the step has a ramp.
func (r *Runner) holdRamp(
	ctx context.Context, s experiments.Step, on squall, lease faults.Lease, d disturbance, length time.Duration,
) error {
	fault, ok := s.Do.(*experiments.Fault)
	if !ok || fault.Ramp == nil {
		return on.hold(ctx, lease, length)
	}
	part := length / time.Duration(len(fault.Ramp))
	for _, percent := range fault.Ramp {
		if err := on.setPercent(ctx, d, percent); err != nil {
			return err
		}
		if err := on.hold(ctx, lease, part); err != nil {
			return err
		}
	}
	return nil
}
