// Package client is a resilient HTTP client: an http.RoundTripper that retries what may be retried, keeps every wait
// within bounds, spares a service that fails, and answers from the last good data meanwhile.
//
// Client is put together by New from one Config. Default has everything on; Lab6Retry, Lab6Fallback and Lab6Breaker are
// the steps of a classroom exercise: a fixed number of retries with a fixed delay, then last-good data, then a circuit
// breaker. Source says where an answer came from. Package calls makes calls at a rate, and counts how they ended.
package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/squall-proxy/squall/client/balance"
	"github.com/squall-proxy/squall/client/breaker"
)

// Client is an http.RoundTripper, safe for concurrent use: put it into an http.Client as its Transport. Close ends it.
type Client struct {
	stages     stage             // outermost first, see build
	transport  http.RoundTripper // Config.Transport, or the balancer before it; upgrades use it directly
	breakers   *breaker.Group    // nil without Config.Breaker
	pool       *balance.Pool     // nil without Config.Balance
	background *background
	observe    func(Event)
}

// New builds a Client, or says which field of cfg is out of its bounds.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	cfg = cfg.filled()
	c := &Client{transport: cfg.Transport, background: newBackground(), observe: cfg.Observe}
	if err := c.build(cfg); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if c.pool != nil {
		c.background.start(c.pool.Watch)
	}
	return c, nil
}

// build puts the stages together, from the inside out: each is around the one before it, and one that cfg leaves off is not
// there at all.
func (c *Client) build(cfg Config) error {
	var err error
	if len(cfg.Balance.Backends) > 0 {
		tell := func(e balance.Event) { cfg.Observe(Event{Kind: EventBackend, Backend: &e}) }
		if c.pool, err = balance.New(cfg.Balance, cfg.Transport, tell); err != nil {
			return fmt.Errorf("in Balance: %w", err)
		}
		c.transport = c.pool
	}
	var stages stage = newAttemptStage(cfg, c.transport)
	if cfg.Throttle.Threshold > 0 {
		stages = newThrottleStage(cfg, stages)
	}
	var heldFor func(*http.Request) time.Duration
	if cfg.Breaker.On() {
		tell := func(change breaker.Change) { cfg.Observe(Event{Kind: EventBreaker, Change: &change}) }
		if c.breakers, err = breaker.NewGroup(cfg.Breaker, tell, cfg.random); err != nil {
			return fmt.Errorf("in Breaker: %w", err)
		}
		s := &breakerStage{stages, c.breakers, cfg.Route, cfg.BreakerFailure}
		stages, heldFor = s, s.wait
	}
	if cfg.Bulkhead.Max > 0 {
		stages = newBulkheadStage(cfg, stages)
	}
	stages = newRetryStage(cfg, stages, heldFor)
	if cfg.Hedge.After > 0 {
		stages = newHedgeStage(cfg, stages)
	}
	if cfg.Deadline > 0 {
		stages = &deadlineStage{stages, cfg.Deadline}
	}
	if cfg.Fallback.stores() || cfg.Fallback.Canned != nil {
		if stages, err = newFallbackStage(cfg, c.background, stages); err != nil {
			return fmt.Errorf("last-good store: %w", err)
		}
	}
	c.stages = stages
	return nil
}

// RoundTrip makes one call, which may be several attempts. As with any RoundTripper the caller closes the answer's
// body; the deadlines of Config go on covering it until then.
//
// Upgrades (WebSocket) and CONNECT go straight to the Transport: a connection that lives on is not an attempt that can
// be timed or repeated.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodConnect || req.Header["Upgrade"] != nil {
		return c.transport.RoundTrip(req)
	}
	if err := CheckTarget(req.URL); err != nil {
		closeBody(req.Body)
		return nil, err
	}
	begun := time.Now()
	one := newCall(req)
	if c.pool != nil {
		one.ctx = balance.Avoiding(one.ctx)
	}
	resp, err := c.stages.do(one)
	event := ended(EventCall, req, resp, err)
	event.Attempts, event.Took = one.attempts, time.Since(begun)
	c.observe(event)
	if err != nil {
		return nil, err
	}
	resp.Request = req
	return resp, nil
}

// Breakers are the Client's circuit breakers: their states, their histories, and the door to force them. It is nil without
// Config.Breaker.
func (c *Client) Breakers() *breaker.Group { return c.breakers }

// Backends returns how the backends of Config.Balance are, in its order.
func (c *Client) Backends() []balance.Status {
	if c.pool == nil {
		return nil
	}
	return c.pool.Status()
}

// Close ends what runs beside calls, health checks and refreshes of stored answers, waits for it, and lets pooled
// connections go. Calls may go on; nothing is refreshed any more.
func (c *Client) Close() {
	c.background.close()
	c.CloseIdleConnections()
}

// CloseIdleConnections closes the Transport's pooled connections, as http.Client.CloseIdleConnections expects.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// CheckTarget says why no call can go to u. It is not retried: net/http has no typed error for it.
func CheckTarget(u *url.URL) error {
	switch {
	case u == nil:
		return errors.New("client: request without a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("client: unsupported scheme %q: only http and https", u.Scheme)
	case u.Host == "":
		return fmt.Errorf("client: no host in %q", u.Redacted())
	}
	return nil
}
