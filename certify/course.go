// Package certify leads a client through a course: a baseline, one fault after the other with a recovery behind each, and
// says when each of these began and ended, so that a verdict can be made of what the client did. It can also drive the client,
// at a known rate.
//
// Every fault hangs on a lease that is renewed as long as its step lasts: whatever becomes of the course, the fault ends at
// most [LeaseTime] later. Nothing else is changed.
package certify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/verdict"
)

// LeaseTime is for how long a fault goes on when nobody renews its lease any more.
const LeaseTime = 10 * time.Second

// tidyTime bounds the taking away of a fault when the course is cut short.
const tidyTime = 5 * time.Second

// Faults is where faults are set. All methods may be called concurrently.
type Faults interface {
	// Arm adds a rule, given as its document.
	Arm(ctx context.Context, rule map[string]any) error
	// Renew puts a lease's end off.
	Renew(ctx context.Context, lease string) error
	// End takes away all that hangs on a lease.
	End(ctx context.Context, lease string) error
}

// Course is one run. Its fields are set before Run and not changed.
type Course struct {
	Faults Faults
	Proxy  string // on which the faults act
	Name   string // begins the names of rules and leases
	Plan   Plan

	// Now is the clock of whoever records the exchanges. nil = time.Now.
	Now func() time.Time
	// Ready is asked behind the baseline whether the course may go on. nil = it may.
	Ready func(ctx context.Context) error
	// Alone is asked before each step, and at its end while its fault acts, whether the course's own rules, so many, are all that act
	// on the proxy: else the step shows somebody else's doing. nil = they are.
	Alone func(ctx context.Context, rules int) error
	// Progress is told what begins, and how long it takes. nil = nobody is.
	Progress func(what string, takes time.Duration)
}

// Run leads through the course, and gives its phases, also of a course that was cut short. It returns when no fault of its
// own is in force any more, or could not be taken away, which is an error.
func (c *Course) Run(ctx context.Context) (phases []verdict.Phase, err error) {
	steps := c.Plan.Steps()
	if err := wait.For(ctx, leadIn); err != nil {
		return nil, err
	}
	phase, err := c.pass(ctx, verdict.Phase{Stage: verdict.Baseline}, "baseline", c.Plan.Baseline())
	phases = append(phases, phase)
	if err == nil && c.Ready != nil {
		err = c.Ready(ctx)
	}
	for i, step := range steps {
		if err != nil {
			return phases, err
		}
		phase, err = c.inject(ctx, step, fmt.Sprintf("%s-%d", c.Name, i+1), fmt.Sprintf("%d of %d: %s", i+1, len(steps), step.Fault))
		phases = append(phases, phase)
		if err == nil {
			phase, err = c.pass(ctx, verdict.Phase{Stage: verdict.Recovery}, "recovery", step.Recovery)
			phases = append(phases, phase)
		}
	}
	return phases, err
}

// pass lets a time pass as a phase.
func (c *Course) pass(ctx context.Context, phase verdict.Phase, what string, d time.Duration) (verdict.Phase, error) {
	if c.Progress != nil {
		c.Progress(what, d)
	}
	phase.Begin = c.now()
	err := wait.For(ctx, d)
	phase.End = c.now()
	return phase, err
}

// inject sets a step's fault for its time, and takes it away on every way out.
func (c *Course) inject(ctx context.Context, step Step, lease, what string) (phase verdict.Phase, err error) {
	phase = verdict.Phase{Stage: verdict.Fault, Fault: step.Fault, Share: step.Share, Begin: c.now()}
	defer func() {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		if failed := c.Faults.End(tidy, lease); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: it goes on for up to %v: %w", step.Fault, LeaseTime, failed))
		}
		phase.End = c.now()
	}()
	if err := c.alone(ctx, 0); err != nil {
		return phase, err
	}
	for i, attributes := range step.Rules {
		rule := map[string]any{
			"name": fmt.Sprintf("%s-%d", lease, i+1), "proxy": c.Proxy, "owner": c.Name,
			"lease": map[string]any{"id": lease, "for": LeaseTime.String()},
		}
		maps.Copy(rule, attributes)
		if err := c.Faults.Arm(ctx, rule); err != nil {
			return phase, fmt.Errorf("%s: %w", step.Fault, err)
		}
	}
	held, stop := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go c.renew(held, stop, lease, ended)
	phase, err = c.pass(held, phase, what, step.For)
	if err != nil {
		err = context.Cause(held)
	}
	stop(nil)
	<-ended
	if err == nil {
		err = c.alone(ctx, len(step.Rules))
	}
	return phase, err
}

func (c *Course) alone(ctx context.Context, rules int) error {
	if c.Alone == nil {
		return nil
	}
	return c.Alone(ctx, rules)
}

// renew keeps a lease until ctx is done. When it cannot it gives the reason to stop: a step without its fault shows nothing.
func (c *Course) renew(ctx context.Context, stop context.CancelCauseFunc, lease string, ended chan<- struct{}) {
	defer close(ended)
	for wait.For(ctx, LeaseTime/3) == nil {
		if err := c.Faults.Renew(ctx, lease); err != nil && ctx.Err() == nil {
			stop(fmt.Errorf("the fault was lost: %w", err))
			return
		}
	}
}

// now reads the clock of the records.
func (c *Course) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
