package client

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// deadlineStage bounds the whole call. Its cancellation reaches everything further in, body included.
type deadlineStage struct {
	next  http.RoundTripper
	limit time.Duration
	cause *timeoutError
}

func newDeadlineStage(cfg Config, next http.RoundTripper) *deadlineStage {
	return &deadlineStage{next: next, limit: cfg.Deadline, cause: &timeoutError{"deadline", cfg.Deadline}}
}

func (s *deadlineStage) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), s.limit, s.cause)
	resp, err := s.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	if _, whole := resp.Body.(*bufferedBody); whole {
		cancel()
	} else {
		resp.Body = &streamBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel}
	}
	return resp, nil
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
