package proxytest

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// fragile is a client's connection, as the proxy has it, that panics.
type fragile struct {
	net.Conn
	reads atomic.Int64 // reading panics when this becomes 0
	write bool         // writing panics
}

// Read reads, or panics.
func (f *fragile) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if f.reads.Add(-1) == 0 {
		panic("a read")
	}
	return n, err
}

// Write writes, or panics.
func (f *fragile) Write(p []byte) (int, error) {
	if f.write {
		panic("a write")
	}
	return f.Conn.Write(p)
}

// enginePanic: a panic in the engine itself costs one connection, and is recorded.
func (s engineSuite) enginePanic(t *testing.T) {
	const get, post = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
	for _, test := range []struct {
		name, request string
		reads         int64
		write         bool
		cause         string
	}{
		{"BeforeARequest", get, 1, false, "panic: a read"},
		{"InAReply", get, 0, true, "panic: a write"},
		{"InAnUpload", post, 2, false, "panic: a read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var clients atomic.Int64
			ended := make(chan struct{}, 1)
			upstream := scripted(t, func(p *peer) {
				for _, fields, err := p.head(); err == nil; _, fields, err = p.head() {
					if _, err := p.announcedBody(fields); err == nil {
						p.send(okReply)
					}
				}
				ended <- struct{}{}
			})
			r := suite{func() proxy.Executor {
				return &tapped{s.newExecutor(), func(conn net.Conn) net.Conn {
					if clients.Add(1) > 1 {
						return conn
					}
					f := &fragile{Conn: conn, write: test.write}
					f.reads.Store(test.reads)
					return f
				}}
			}}.start(t, upstream)
			c := r.dial()
			c.send(test.request)
			if test.request == post {
				c.stay(staying)
				c.send("more of it")
			}
			c.expectEnd()
			x := r.exchange()
			equal(t, "outcome", x.Outcome, proxy.RealError)
			equal(t, "error", x.Error, test.cause)
			if test.request == post { // else it has done its part, and may be kept
				within(t, "the upstream's end", ended)
			}
			r.lives(t)
		})
	}
	t.Run("InTheObserver", s.observerPanic)
}

// lives shows that a proxy serves another client.
func (r *rig) lives(t *testing.T) {
	t.Helper()
	c := r.dial()
	for range 2 {
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		reply, body := c.reply(http.MethodGet)
		equal(t, "status of another", reply.StatusCode, 200)
		equal(t, "body of another", body, "ok")
		equal(t, "outcome of another", r.exchange().Outcome, proxy.OK)
	}
	if len(r.exchanges) > 0 {
		t.Error("an exchange was recorded twice")
	}
}

// observerPanic: an observer that panics over a record is told that, and if it panics again, left alone.
func (s engineSuite) observerPanic(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream)
	for _, panics := range []int64{1, 2} {
		var times atomic.Int64
		probe := func(x *proxy.Exchange) {
			if strings.HasPrefix(x.Path, "/panic") && times.Add(1) <= panics {
				panic("an observer")
			}
		}
		r.probe.Store(&probe)
		c := r.dial()
		c.send("GET /panic HTTP/1.1", "Host: x", "", "")
		reply, _ := c.reply(http.MethodGet)
		equal(t, "status", reply.StatusCode, 200) // it was sent already
		c.expectEnd()
		eventually(5*time.Second, func() bool { return times.Load() == 2 })
		if panics == 1 {
			x := r.exchange()
			equal(t, "outcome", x.Outcome, proxy.RealError)
			equal(t, "error", x.Error, "panic: an observer")
		}
		r.lives(t)
		equal(t, "told", times.Load(), 2)
	}
}
