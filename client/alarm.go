package client

import (
	"context"
	"sync"
	"time"
)

// alarms are timers that cancel a context when its time is over. Those that did not go off, nearly all of them, are used
// again: a timer for each attempt would be a good part of what a call costs.
type alarms struct{ pool sync.Pool }

type alarm struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
	cause  error
}

// set has cancel called with cause after d, unless stop comes first.
func (s *alarms) set(d time.Duration, cancel context.CancelCauseFunc, cause error) *alarm {
	if a, ok := s.pool.Get().(*alarm); ok {
		a.cancel, a.cause = cancel, cause
		a.timer.Reset(d)
		return a
	}
	a := &alarm{cancel: cancel, cause: cause}
	a.timer = time.AfterFunc(d, a.ring)
	return a
}

func (a *alarm) ring() { a.cancel(a.cause) }

// stop must be called once for each set; a may be nil.
func (s *alarms) stop(a *alarm) {
	if a != nil && a.timer.Stop() {
		a.cancel, a.cause = nil, nil
		s.pool.Put(a)
	}
}
