package client

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// deadlineStage bounds the whole call: no attempt and no pause goes on beyond it.
type deadlineStage struct {
	next  stage
	limit time.Duration
}

func (s *deadlineStage) do(c *call) (*http.Response, error) {
	c.deadline = time.Now().Add(s.limit)
	return s.next.do(c)
}

// timeoutError is the cause of a context that ran out of Deadline or AttemptTimeout. It is a net.Error, so that
// url.Error.Timeout sees it, and matches context.DeadlineExceeded.
type timeoutError struct {
	what  string
	limit time.Duration
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("no answer within %v (%s)", e.limit, e.what)
}
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Temporary() bool      { return true }
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// because returns why ctx ended, if it did, else err: a Transport only says that something was cancelled.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
