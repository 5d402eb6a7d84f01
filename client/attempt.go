package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// attemptStage makes one attempt within AttemptTimeout. It reads the start of a 2xx body, because only a body that
// arrived is an answer, and marks the service's degraded ones.
type attemptStage struct {
	next      http.RoundTripper
	limit     time.Duration
	cause     *timeoutError
	bodyLimit int64
	degraded  func(http.Header, []byte) bool
}

func newAttemptStage(cfg Config, next http.RoundTripper) *attemptStage {
	return &attemptStage{
		next:      next,
		limit:     cfg.AttemptTimeout,
		cause:     &timeoutError{"attempt timeout", cfg.AttemptTimeout},
		bodyLimit: cfg.BodyLimit,
		degraded:  cfg.Fallback.Degraded,
	}
}

func (s *attemptStage) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := s.bound(req.Context())
	resp, err := s.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		err = because(ctx, err)
		cancel()
		return nil, err
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	resp.Header.Del(HeaderSource)
	resp.Body = &streamBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel}
	if resp.StatusCode/100 != 2 {
		return resp, nil
	}
	var body []byte
	if s.buffers(req, resp) {
		if body, err = s.buffer(req, resp); err != nil {
			return nil, err
		}
	}
	if s.degraded != nil && s.degraded(resp.Header, body) {
		resp.Header.Set(HeaderSource, Degraded.String())
	}
	return resp, nil
}

// bound always makes the context cancellable: discard relies on it.
func (s *attemptStage) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.limit == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, s.limit, s.cause)
}

// buffers tells whether the body is to be awaited. HEAD announces a length that does not come.
func (s *attemptStage) buffers(req *http.Request, resp *http.Response) bool {
	return s.bodyLimit > 0 &&
		(resp.ContentLength <= s.bodyLimit || req.Method == http.MethodHead) &&
		!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
}

// buffer reads resp's body and replaces it with what arrived. It returns nil bytes when the body is longer than the
// limit, and then goes on as a stream.
func (s *attemptStage) buffer(req *http.Request, resp *http.Response) ([]byte, error) {
	size := resp.ContentLength
	if req.Method == http.MethodHead {
		size = 0
	}
	stream := resp.Body
	data, err := readUpTo(stream, size, s.bodyLimit)
	if err != nil {
		closeBody(stream)
		return nil, fmt.Errorf("reading the answer's body: %w", err)
	}
	if int64(len(data)) > s.bodyLimit {
		resp.Body = startedBody{io.MultiReader(bytes.NewReader(data), stream), stream}
		return nil, nil
	}
	closeBody(stream)
	resp.Body = newBufferedBody(data)
	return data, nil
}
