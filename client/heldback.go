package client

import (
	"errors"
	"fmt"
)

// ErrHeldBack matches the error of every call, or attempt, that was not sent, because a circuit breaker was open, a
// bulkhead full, or the throttle drew it. A *breaker.OpenError behind it tells for how long.
var ErrHeldBack = errors.New("not sent")

// heldBack makes an error of why.
func heldBack(why error) error { return &heldBackError{why} }

type heldBackError struct{ why error }

func (e *heldBackError) Error() string        { return fmt.Sprintf("%v: %v", ErrHeldBack, e.why) }
func (e *heldBackError) Unwrap() error        { return e.why }
func (e *heldBackError) Is(target error) bool { return target == ErrHeldBack }
