// Package client is a resilient HTTP client: an http.RoundTripper that retries what may be retried, keeps every wait
// within bounds, and answers from the last good data when a service fails.
//
// Client is put together by New from one Config. Default has everything on; Lab6Retry and Lab6Fallback are the two
// steps of a classroom exercise, a fixed number of retries with a fixed delay, then last-good data. Source says where an
// answer came from. Caller makes calls at a rate, and counts how they ended.
package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Client is an http.RoundTripper, safe for concurrent use: put it into an http.Client as its Transport. It starts no
// goroutine of its own and needs no closing; CloseIdleConnections lets its pooled connections go.
type Client struct {
	stages    http.RoundTripper // outermost first: fallback, whole-call deadline, retry, attempt
	transport http.RoundTripper // Config.Transport, reached through the stages, and directly by upgrades
}

// New builds a Client, or says which field of cfg is out of its bounds. Each stage is a RoundTripper around the next
// one, and a stage that cfg leaves off is not there at all.
func New(cfg Config) (*Client, error) {
	c, err := build(cfg)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return c, nil
}

// build is New, with errors for who says himself that they are the client's.
func build(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.filled()
	var stages http.RoundTripper = newAttemptStage(cfg, cfg.Transport)
	stages = newRetryStage(cfg, stages)
	if cfg.Deadline > 0 {
		stages = newDeadlineStage(cfg, stages)
	}
	if cfg.Fallback.MaxStale > 0 || cfg.Fallback.Canned != nil {
		stage, err := newFallbackStage(cfg, stages)
		if err != nil {
			return nil, fmt.Errorf("last-good store: %w", err)
		}
		stages = stage
	}
	return &Client{stages: stages, transport: cfg.Transport}, nil
}

// RoundTrip makes one call, which may be several attempts. As with any RoundTripper the caller closes the answer's
// body; the deadlines of Config go on covering it until then.
//
// Upgrades (WebSocket) and CONNECT go straight to the Transport: a connection that lives on is not an attempt that can
// be timed or repeated.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodConnect || req.Header.Get("Upgrade") != "" {
		return c.transport.RoundTrip(req)
	}
	if err := checkTarget(req.URL); err != nil {
		closeBody(req.Body)
		return nil, fmt.Errorf("client: %w", err)
	}
	resp, err := c.stages.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Request = req
	return resp, nil
}

// CloseIdleConnections closes the Transport's pooled connections, as http.Client.CloseIdleConnections expects.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// checkTarget refuses what no attempt could ever send, so that it is not retried: net/http has no typed error for it.
func checkTarget(u *url.URL) error {
	switch {
	case u == nil:
		return errors.New("request without a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("unsupported scheme %q: only http and https", u.Scheme)
	case u.Host == "":
		return fmt.Errorf("no host in %q", u.Redacted())
	}
	return nil
}
