package proxytest

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// settingsOnTheWay: every stream that starts after a change sees it, also on a connection that was there before.
func (s http2Suite) settingsOnTheWay(t *testing.T) {
	upstream, _, _ := halves(t)
	r := s.start(t, upstream)
	c := r.http2()
	for i := range 5 {
		r.change(rules(`{"abort": 503}`))
		equal(t, "after a change", c.get("/").field(":status"), "503")
		r.change(rules())
		equal(t, "after "+strconv.Itoa(i)+" more", c.get("/").field(":status"), "200")
	}
}

// drainStreams: a shutdown sends GOAWAY, cuts delays, and lets the streams under way finish.
func (s http2Suite) drainStreams(t *testing.T) {
	upstream, release, _ := halves(t)
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"delay": "1h", "match": {"path": "/hit"}}`))
	idle := r.http2()
	idle.get("/")
	c := r.http2()
	slow := c.open(http.MethodGet, "/slow", true)
	c.awaitBody(slow, "first")
	held := c.open(http.MethodGet, "/hit", true)
	waitHit(t, counter)
	down := make(chan bool, 1)
	go func() { down <- r.shutdown(patience) }()
	equal(t, "held", c.await(held).body, "0123456789")
	c.until("a GOAWAY", func() bool { return c.goaway != nil })
	equal(t, "GOAWAY", *c.goaway, http2.ErrCodeNo)
	release <- struct{}{}
	equal(t, "under way", c.await(slow).body+" "+c.streams[slow].end, "first second "+ended)
	idle.expectEnd()
	c.expectEnd()
	equal(t, "dropped", <-down, false)

	stuck := s.start(t, upstream)
	c = stuck.http2()
	slow = c.open(http.MethodGet, "/slow", true)
	c.awaitBody(slow, "first")
	var told atomic.Bool
	slowly := func(*proxy.Exchange) {
		time.Sleep(100 * time.Millisecond) // longer than the connection lives
		told.Store(true)
	}
	stuck.probe.Store(&slowly)
	equal(t, "dropped", stuck.shutdown(50*time.Millisecond), true)
	equal(t, "nothing runs on", told.Load(), true)
	equal(t, "outcome", stuck.exchange().Outcome, proxy.RealError)
	release <- struct{}{}
}

// rapidReset: streams that are reset as soon as they begin leave nothing behind: each is recorded, and gives its place
// back.
func (s http2Suite) rapidReset(t *testing.T) {
	const streams = 10_000
	upstream := serveHTTP2(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"name": "it", "delay": "1h", "max_active": 100}`))
	recorded := make(chan struct{}, streams)
	probe := func(x *proxy.Exchange) {
		if x.Outcome == proxy.ClientLeft {
			recorded <- struct{}{}
		}
	}
	r.probe.Store(&probe)
	opened := 0
	for opened < streams {
		c := r.http2()
		for range min(100, streams-opened) { // as many as a connection may have open
			c.reset(c.open(http.MethodGet, "/", true))
			opened++
		}
		c.awaitPong()
		equal(t, "closed", c.closed, false)
		_ = c.Close()
	}
	soon(t, "all are recorded", func() bool { return len(recorded) == streams })
	status := counter.Status()
	equal(t, "matched", status.Matched, streams)
	equal(t, "active", status.Active, 0)
	r.probe.Store(nil)
	for len(r.exchanges) > 0 { // the rig keeps 100 of them
		r.exchange()
	}
	answering, _, _ := halves(t)
	r.change(rules(), config(func(c *proxy.Config) { c.Upstream = answering }))
	equal(t, "the next", r.http2().get("/").body, "0123456789")
	equal(t, "its outcome", r.exchange().Outcome, proxy.OK)
}

// resetBudget: a client that goes on resetting what it asks for loses its connection; one whose streams end well does not.
func (s http2Suite) resetBudget(t *testing.T) {
	upstream := serveHTTP2(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			<-r.Context().Done()
		}
	})
	r := s.start(t, upstream)
	resetter, other := r.http2(), r.http2()
	resetter.mayEnd = true
	opened := 0
	for ; opened < 5000 && !resetter.closed; opened += 100 {
		for range 100 {
			resetter.reset(resetter.open(http.MethodGet, "/held", true))
		}
		resetter.awaitPong()
	}
	equal(t, "the resetting client was cut", resetter.closed, true)
	if opened < 500 {
		t.Errorf("cut after %d streams", opened)
	}
	for range 600 {
		equal(t, "status of the other client", other.get("/").field(":status"), "200")
	}
}

// brokenHeads: what would be another request to an upstream of HTTP/1.1 does not get there.
func (s http2Suite) brokenHeads(t *testing.T) {
	upstream, requests := recording(t, okReply)
	r := s.start(t, upstream)
	for _, head := range [][2]string{
		{"GET", "/head?x HTTP/1.1"},
		{"GET", "/head?a b"},
		{"GET", "/head?a\tb"},
		{"GE T", "/"},
		{"GET", "/a b"},
	} {
		c := r.http2()
		stream := c.await(c.open(head[0], head[1], true))
		if status := stream.field(":status"); status != "400" && stream.head != nil {
			t.Errorf("%q: status %s", head, status)
		}
	}
	equal(t, "requests upstream", len(requests), 0)
}
