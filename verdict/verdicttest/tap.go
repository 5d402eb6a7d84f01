// Package verdicttest judges clients in tests: [Tap] stands for a service behind a proxy and records what a client does, as
// the proxy would, and [Course] leads a client through faults and judges it. All of it is in memory and waits by the time
// package alone, so that in a testing/synctest bubble a course of minutes takes no time and is exact.
package verdicttest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/verdict"
)

// ErrCut is what a client gets whose connection ended before a reply.
var ErrCut = errors.New("the connection was cut")

// Arrival is a request as the service sees it.
type Arrival struct {
	Method, Path string
	Host         string
	N            int    // exchange of the tap, from 1
	Nth          uint64 // exchange of its connection, from 1
	At           time.Time
}

// Answer is what the service, or a fault, makes of a request.
type Answer struct {
	Wait   time.Duration // before the head
	Status int           // 0: the connection is cut in place of a reply
	Header http.Header
	Body   string
	Stall  time.Duration // between the head and the body
	Drip   time.Duration // before each byte of the body

	Injected bool // by a fault: the reply, or its end
	Delayed  bool // by a fault: the wait
	Degraded bool // says that the service is in degraded mode
	Unread   bool // the request is not read
}

// Tap is an http.RoundTripper that answers by itself and keeps the records that a proxy would have made. It reuses
// connections as net/http's Transport does: one whose reply was read to its end.
type Tap struct {
	Client string // the client's address; "" is one of loopback
	// ByHost says that each host is behind a proxy of its own, which has its name; else there is one proxy for all.
	ByHost bool

	mu        sync.Mutex
	answer    func(Arrival) Answer
	exchanges []proxy.Exchange
	conns     []*proxy.Connection
	idle      []*proxy.Connection
	serving   sync.WaitGroup // replies whose body is under way
}

// Answer says how requests are answered from now on. answer is called for one request at a time.
func (t *Tap) Answer(answer func(Arrival) Answer) {
	t.mu.Lock()
	t.answer = answer
	t.mu.Unlock()
}

// Records gives what was recorded so far.
func (t *Tap) Records() verdict.Tap {
	t.mu.Lock()
	defer t.mu.Unlock()
	records := verdict.Tap{Exchanges: slices.Clone(t.exchanges)}
	for _, c := range t.conns {
		records.Connections = append(records.Connections, *c)
	}
	return records
}

// Close waits for the replies that are under way: their clients must have read or closed them.
func (t *Tap) Close() { t.serving.Wait() }

// RoundTrip answers a request.
func (t *Tap) RoundTrip(req *http.Request) (*http.Response, error) {
	x, answer, err := t.begin(req)
	if err != nil {
		return nil, err
	}
	if !sleep(req.Context(), answer.Wait) {
		t.end(x, proxy.ByClient)
		return nil, req.Context().Err()
	}
	if answer.Status == 0 {
		t.end(x, proxy.ByProxy)
		return nil, ErrCut
	}
	x.Status, x.Attempt.FirstByte = answer.Status, max(time.Since(x.At), 1)
	if answer.Stall > 0 || answer.Drip > 0 {
		return response(req, answer, t.serve(req.Context(), x, answer)), nil
	}
	x.ResponseBytes = int64(len(answer.Body))
	t.end(x, "")
	return response(req, answer, &whole{t, x, answer.Body}), nil
}

// proxy is the name of that before the service.
func (t *Tap) proxy(req *http.Request) string {
	if t.ByHost {
		return req.URL.Host
	}
	return "tap"
}

// exchange is one that is under way.
type exchange struct {
	proxy.Exchange
	conn *proxy.Connection
}

// begin takes a connection, reads the request and asks for the answer to it.
func (t *Tap) begin(req *http.Request) (*exchange, Answer, error) {
	x := t.take(req)
	t.mu.Lock()
	answer := t.answer(Arrival{Method: req.Method, Path: x.Path, Host: req.URL.Host, N: int(x.ID), Nth: x.Attempt.Nth, At: x.At})
	t.mu.Unlock()
	if req.Body != nil {
		defer req.Body.Close()
	}
	if !answer.Unread {
		var body []byte
		if req.Body != nil {
			var err error
			if body, err = io.ReadAll(req.Body); err != nil {
				t.end(x, proxy.ByClient)
				return nil, Answer{}, fmt.Errorf("reading the request: %w", err)
			}
		}
		x.RequestBytes, x.Attempt.Body, x.Attempt.RequestEnd = int64(len(body)), hash(string(body)), max(time.Since(x.At), 1)
	}
	x.Delayed, x.Faulted = answer.Delayed, answer.Injected
	x.Attempt.Reply = marks(answer)
	return x, answer, nil
}

// take begins an exchange on an idle connection, or on a new one.
func (t *Tap) take(req *http.Request) *exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	client := t.Client
	if client == "" {
		client = "127.0.0.1:40000"
	}
	var c *proxy.Connection
	if n := len(t.idle); n > 0 {
		c, t.idle = t.idle[n-1], t.idle[:n-1]
	} else {
		c = &proxy.Connection{ID: uint64(len(t.conns) + 1), Proxy: "tap", Protocol: "http", Client: client, Opened: now}
		t.conns = append(t.conns, c)
	}
	c.Exchanges++
	c.Busy, c.Since = true, now
	t.exchanges = append(t.exchanges, proxy.Exchange{}) // its place; a reply that never ends stays without a method
	x := &exchange{conn: c}
	x.Exchange = proxy.Exchange{
		ID: uint64(len(t.exchanges)), Proxy: t.proxy(req), At: now, Client: client,
		Method: req.Method, Host: req.URL.Host, Path: req.URL.Path, RequestID: req.Header.Get("X-Request-Id"),
		Attempt: proxy.Attempt{
			Connection: c.ID, Nth: c.Exchanges,
			Target: hash(req.URL.RequestURI()), Key: hash(req.Header.Get("Idempotency-Key")),
		},
	}
	for _, field := range []string{"Idempotency-Key", "X-Request-Id"} {
		if id := hash(req.Header.Get(field)); id != 0 && x.Attempt.Call == 0 {
			x.Attempt.Call, x.Attempt.CallBy = id, field
		}
	}
	return x
}

// end records an exchange that is over; by is who ended its connection with it.
func (t *Tap) end(x *exchange, by proxy.Side) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	x.Duration, x.Attempt.ClosedBy = now.Sub(x.At), by
	switch {
	case by == proxy.ByClient:
		x.Outcome = proxy.ClientLeft
	case x.Faulted || by == proxy.ByProxy:
		x.Outcome = proxy.Injected
	default:
		x.Outcome = proxy.OK
	}
	t.exchanges[x.ID-1] = x.Exchange
	x.conn.Busy, x.conn.Since = false, now
	if by != "" {
		x.conn.Closed, x.conn.ClosedBy = now, by
	}
}

// release gives a connection back whose reply was read, or closes it.
func (t *Tap) release(c *proxy.Connection, read bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if read {
		t.idle = append(t.idle, c)
		return
	}
	c.Closed, c.ClosedBy = time.Now(), proxy.ByClient
}

// marks are what a proxy keeps of a reply's header.
func marks(a Answer) proxy.ReplyMarks {
	return proxy.ReplyMarks{
		RetryAfter: a.Header.Get("Retry-After"), CacheControl: a.Header.Get("Cache-Control"), Age: a.Header.Get("Age"),
		CacheStatus: a.Header.Get("Cache-Status"), Degraded: a.Degraded, Token: hash(a.Body),
	}
}

// hash is a text's; 0 of none.
func hash(text string) uint64 {
	if text == "" {
		return 0
	}
	h := fnv.New64a()
	io.WriteString(h, text)
	return h.Sum64()
}

// sleep waits; false if the client left before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
