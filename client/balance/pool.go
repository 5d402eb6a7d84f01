// Package balance spreads calls over the backends of a service, and leaves those out that are ill: which failed (outliers,
// seen by the calls themselves), or which say so (health checks).
//
// A Pool is an http.RoundTripper around the one that makes the calls.
package balance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"
)

// Pool is safe for concurrent use. Its health checks run in Watch, which its owner calls.
type Pool struct {
	cfg       Config
	transport http.RoundTripper
	told      func(Event)
	backends  []*backend

	mu sync.Mutex // guards what changes in backends
}

// backend is one of a Pool.
type backend struct {
	url    *url.URL
	weight int

	turn     int // of the smooth weighted round robin
	inFlight int
	outlier  outlier
	health   health
}

// Event is one change of a backend's fitness.
type Event struct {
	Backend string // its URL
	Kind    EventKind
	Why     string
	For     time.Duration // of Ejected
}

// EventKind says what happened to a backend.
type EventKind string

const (
	Ejected  EventKind = "ejected"  // it gets no calls for a while
	Returned EventKind = "returned" // that while is over
	Down     EventKind = "down"     // its health checks fail
	Up       EventKind = "up"       // they succeed again
)

// String is the event in words: "http://10.0.0.7: ejected for 10s: 3 in a row failed".
func (e Event) String() string {
	text := e.Backend + ": " + string(e.Kind)
	if e.For > 0 {
		text += " for " + e.For.String()
	}
	if e.Why != "" {
		text += ": " + e.Why
	}
	return text
}

// New makes a Pool, or says which field of cfg is out of its bounds. transport makes the calls; told, which may be nil, is
// told each change of a backend's fitness, on the goroutine that saw it; no lock is held.
func New(cfg Config, transport http.RoundTripper, told func(Event)) (*Pool, error) {
	cfg = cfg.filled()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if told == nil {
		told = func(Event) {}
	}
	p := &Pool{cfg: cfg, transport: transport, told: told}
	for i, b := range cfg.Backends {
		u, err := b.parse()
		if err != nil {
			return nil, fmt.Errorf("in Backends[%d]: %w", i, err)
		}
		p.backends = append(p.backends, &backend{url: u, weight: max(1, b.Weight)})
	}
	return p, nil
}

// RoundTrip makes the call at a backend. The service sees the Host that the caller's URL names. The call counts as under
// way until its answer's body is read or closed.
func (p *Pool) RoundTrip(req *http.Request) (*http.Response, error) {
	b := p.take(req.Context())
	begun := time.Now()
	resp, err := p.transport.RoundTrip(b.request(req))
	failed := err != nil && !cancelled(req.Context()) || err == nil && unwell(resp.StatusCode)
	if err != nil {
		p.release(b)
	} else {
		resp.Body = &body{ReadCloser: resp.Body, pool: p, backend: b, ctx: req.Context()}
	}
	if failed || err == nil {
		p.saw(b, failed, time.Since(begun))
	}
	return resp, err
}

// unwell tells whether an answer speaks of an ill backend: 501 is about the request.
func unwell(status int) bool { return status >= 500 && status != http.StatusNotImplemented }

// cancelled tells whether the caller has left, which says nothing about a backend. That its time was over does.
func cancelled(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), context.Canceled)
}

// request is req for b.
func (b *backend) request(req *http.Request) *http.Request {
	out, target := *req, *req.URL
	if out.Host == "" {
		out.Host = target.Host
	}
	target.Scheme, target.Host = b.url.Scheme, b.url.Host
	if b.url.Path != "" && b.url.Path != "/" {
		target = *b.url.JoinPath(target.EscapedPath())
		target.RawQuery = req.URL.RawQuery
	}
	out.URL = &target
	return &out
}

func (p *Pool) release(b *backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.inFlight--
}

// body is an answer's. One that breaks off is a failure of its backend.
type body struct {
	io.ReadCloser
	pool    *Pool
	backend *backend
	ctx     context.Context
	once    sync.Once
}

func (b *body) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	if err == nil {
		return n, nil
	}
	if err != io.EOF && !cancelled(b.ctx) {
		b.pool.saw(b.backend, true, 0)
	}
	b.once.Do(b.end)
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.end)
	return err
}

func (b *body) end() { b.pool.release(b.backend) }

// CloseIdleConnections closes the transport's pooled connections, as http.Client.CloseIdleConnections expects.
func (p *Pool) CloseIdleConnections() {
	if t, ok := p.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Status is a backend at one moment.
type Status struct {
	URL      string
	InFlight int
	Ejected  bool
	Down     bool
}

// Status returns all backends, in the order of Config.
func (p *Pool) Status() []Status {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Status, len(p.backends))
	for i, b := range p.backends {
		all[i] = Status{b.url.String(), b.inFlight, b.outlier.out && now.Before(b.outlier.until), b.health.down}
	}
	return all
}

// probeURL is where b's health is asked for.
func (b *backend) probeURL(at string) string {
	u := *b.url
	u.Path = path.Join("/", u.Path, at)
	return u.String()
}
