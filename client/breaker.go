package client

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/squall-proxy/squall/client/breaker"
)

// breakerStage asks the breaker of the attempt's key, and tells it how the attempt ended.
type breakerStage struct {
	next   stage
	group  *breaker.Group
	route  func(*http.Request) string
	failed func(*http.Response, error) bool
}

func (s *breakerStage) of(req *http.Request) *breaker.Breaker {
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	return s.group.Get(breaker.Key{Method: method, Host: req.URL.Host, Route: s.route(req)})
}

// wait is for how long req would be held back.
func (s *breakerStage) wait(req *http.Request) time.Duration { return s.of(req).Wait() }

func (s *breakerStage) do(c *call) (*http.Response, error) {
	permit, err := s.of(c.req).Allow()
	if err != nil {
		c.drop()
		return nil, heldBack(err)
	}
	outcome := breaker.Failure // of a Transport that panics
	defer func() { permit.Done(outcome) }()
	resp, err := s.next.do(c)
	outcome = s.judge(c, resp, err)
	return resp, err
}

// judge: that the caller has left says nothing about the service (that its time was over does). Nor does a certificate that
// is not the service's: such errors have to be seen, and an open breaker would hide them.
func (s *breakerStage) judge(c *call, resp *http.Response, err error) breaker.Outcome {
	switch {
	case err != nil && (c.cancelled() || permanent(err) || errors.Is(err, ErrHeldBack)):
		return breaker.Neutral
	case s.failed(resp, err):
		return breaker.Failure
	}
	return breaker.Success
}

// breakerFailure is the usual Config.BreakerFailure: no answer, or a 5xx one other than 501.
func breakerFailure(resp *http.Response, err error) bool {
	return transient(resp, err) && (err != nil || resp.StatusCode != http.StatusTooManyRequests)
}

// Route is the usual Config.Route: the path, in which "*" stands for segments that look like an id, so that /orders/17 and
// /orders/18 are one route: numbers, and texts of 16 characters or more with a digit.
func Route(req *http.Request) string {
	path := req.URL.Path
	for segment := range strings.SplitSeq(path, "/") {
		if looksLikeID(segment) {
			return withoutIDs(path)
		}
	}
	return path
}

func withoutIDs(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if looksLikeID(segment) {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}

func looksLikeID(segment string) bool {
	digits := 0
	for i := range len(segment) {
		if '0' <= segment[i] && segment[i] <= '9' {
			digits++
		}
	}
	return digits > 0 && (digits == len(segment) || len(segment) >= 16)
}
