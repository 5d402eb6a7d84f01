package control

import (
	"context"
	"time"
)

// saveRetry is how long the clock waits before it tries again what failed.
const saveRetry = time.Second

// runClock ends what is timed, until ctx is done.
func (k *Controller) runClock(ctx context.Context) {
	defer close(k.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-timer.C:
		}
		if next := k.tick(time.Now()); next >= 0 {
			timer.Reset(next)
		} else {
			timer.Stop()
		}
	}
}

// tick ends what has run out, and gives the time until there is something to do again; negative if nothing is timed.
func (k *Controller) tick(now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.endTimed(now)
	s := k.state.Load()
	wait := time.Duration(-1)
	if end := s.nextEnd(); !end.IsZero() {
		wait = max(end.Sub(now), 0)
		if wait == 0 { // it could not be ended
			wait = saveRetry
		}
	}
	if !k.unsaved {
		return wait
	}
	if err := k.save(s); err != nil {
		k.publish(Event{Revision: s.Revision, At: now, By: ByExpiry, Before: s, After: s, Err: err})
		if wait < 0 || wait > saveRetry {
			return saveRetry
		}
	}
	return wait
}

// endTimed ends what has run out, and reports whether there was something. What ends, ends: it is in force before it is
// saved, and also when it cannot be. k.mu is held.
func (k *Controller) endTimed(now time.Time) bool {
	old := k.state.Load()
	next := old.clone()
	ended := next.expire(now)
	if len(ended) == 0 {
		return false
	}
	next.settle()
	next.Revision++
	event := Event{Revision: next.Revision, At: now, By: ByExpiry, What: ended, Before: old, After: next}
	change, err := k.prepare(next)
	if err != nil {
		event.Revision, event.After, event.Err = old.Revision, old, err
		k.publish(event)
		return true
	}
	k.enforce(change, next)
	k.unsaved = true
	k.publish(event)
	return true
}
