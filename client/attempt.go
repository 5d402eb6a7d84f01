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

// attemptStage makes one attempt within AttemptTimeout, and within what is left until the deadline. It reads the start of
// a 2xx body, because only a body that arrived is an answer, and marks the service's degraded ones.
type attemptStage struct {
	next      http.RoundTripper
	limit     time.Duration
	tooLong   *timeoutError
	tooLate   *timeoutError
	bodyLimit int64
	degraded  func(http.Header, []byte) bool
	alarms    alarms
}

func newAttemptStage(cfg Config, next http.RoundTripper) *attemptStage {
	return &attemptStage{
		next:      next,
		limit:     cfg.AttemptTimeout,
		tooLong:   &timeoutError{"attempt timeout", cfg.AttemptTimeout},
		tooLate:   &timeoutError{"deadline", cfg.Deadline},
		bodyLimit: cfg.BodyLimit,
		degraded:  cfg.Fallback.Degraded,
	}
}

func (s *attemptStage) do(c *call) (*http.Response, error) {
	ctx, cancel := c.step()
	alarm := s.bound(c, cancel)
	resp, err := s.next.RoundTrip(c.out.WithContext(ctx))
	if err == nil {
		if resp.Header == nil {
			resp.Header = http.Header{}
		}
		resp.Header.Del(HeaderSource)
		err = s.read(c.req, resp)
	}
	if err != nil {
		err = because(ctx, err)
		s.alarms.stop(alarm)
		cancel(nil)
		return nil, err
	}
	if _, whole := resp.Body.(*bufferedBody); whole {
		s.alarms.stop(alarm)
		cancel(nil)
		return resp, nil
	}
	resp.Body = &streamBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, end: func() {
		s.alarms.stop(alarm)
		cancel(nil)
	}}
	return resp, nil
}

// bound sets the alarm that ends the attempt, if anything does.
func (s *attemptStage) bound(c *call, cancel context.CancelCauseFunc) *alarm {
	left, bounded := c.left(s.limit)
	switch {
	case !bounded:
		return nil
	case left == s.limit:
		return s.alarms.set(left, cancel, s.tooLong)
	}
	return s.alarms.set(left, cancel, s.tooLate)
}

// read reads what is to be awaited of resp's body, and marks a degraded answer. On an error the body is closed.
func (s *attemptStage) read(req *http.Request, resp *http.Response) error {
	if resp.StatusCode/100 != 2 {
		return nil
	}
	var body []byte
	if s.buffers(req, resp) {
		var err error
		if body, err = s.buffer(req, resp); err != nil {
			return err
		}
	}
	if s.degraded != nil && s.degraded(resp.Header, body) {
		resp.Header.Set(HeaderSource, Degraded.String())
	}
	return nil
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
