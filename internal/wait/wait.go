// Package wait is the one place where squall waits for time to pass.
package wait

import (
	"context"
	"time"
)

// For blocks for d, or until ctx is done, whichever comes first. It returns nil when d has passed and ctx's cause
// otherwise. A d of zero or less returns at once, with ctx's cause if ctx is already done.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// On blocks until done is closed, or until ctx is done, whichever comes first. It returns nil when done is closed and
// ctx's cause otherwise.
func On(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
