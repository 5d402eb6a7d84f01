package proxytest

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// mortal is an upstream whose connections die in a way of their own at the second request.
type mortal struct {
	dies   func(*peer)
	primed chan struct{}  // closed when every connection has had its first request
	first  sync.WaitGroup // of those
	asked  atomic.Int64   // requests behind the first ones
}

func (m *mortal) serve(p *peer) {
	for {
		line, _, err := p.head()
		if err != nil {
			return
		}
		if strings.Contains(line, "/prime") {
			m.first.Done()
			<-m.primed
			p.send(okReply)
			continue
		}
		m.asked.Add(1)
		if strings.Contains(line, "/fresh") {
			p.send(okReply)
			continue
		}
		m.dies(p)
		return
	}
}

// prime starts a proxy that has so many idle connections.
func (m *mortal) prime(s engineSuite, t *testing.T, idle int, options ...option) *rig {
	t.Helper()
	m.primed = make(chan struct{})
	m.first.Add(idle)
	r := s.start(t, scripted(t, m.serve), options...)
	clients := make([]*peer, idle)
	for i := range clients {
		clients[i] = r.dial()
		clients[i].send("GET /prime HTTP/1.1", "Host: x", "", "")
	}
	m.first.Wait()
	close(m.primed)
	for _, c := range clients {
		c.reply(http.MethodGet)
		r.exchange()
	}
	return r
}

// repeating: a request goes to the upstream once; a second time only where that was asked for, it has no body, and a
// connection that was used before has died without a byte; never a third time.
func (s engineSuite) repeating(t *testing.T) {
	const get, post = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
	const chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	closes, resets := func(*peer) {}, func(p *peer) { p.leave(rst) }
	says := func(text string) func(*peer) { return func(p *peer) { p.send(text) } }
	for _, test := range []struct {
		name, retry string
		idle        int
		dies        func(*peer)
		request     string
		asked       int64
	}{
		{"Never", proxy.RetryNever, 3, closes, get, 1},
		{"NeverByDefault", "", 3, resets, get, 1},
		{"Once", proxy.RetryOnce, 3, closes, get, 2},
		{"OnceAfterAReset", proxy.RetryOnce, 3, resets, get, 2},
		{"OnceAndThenAFreshOne", proxy.RetryOnce, 1, closes, get, 2},
		{"NotOnAFreshOne", proxy.RetryOnce, 0, closes, get, 1},
		{"NotWithABody", proxy.RetryOnce, 3, closes, post, 1},
		{"NotWithChunks", proxy.RetryOnce, 3, closes, chunked, 1},
		{"NotAfterAByte", proxy.RetryOnce, 3, says("H"), get, 1},
		{"NotAfterAnInterimReply", proxy.RetryOnce, 3, says("HTTP/1.1 103 Early Hints\r\n\r\n"), get, 1},
		{"NotAfterGarbage", proxy.RetryOnce, 3, says("what?\r\n\r\n"), get, 1},
		{"NotAfterATimeout", proxy.RetryOnce, 3, func(p *peer) { _, _, _ = p.head() }, get, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &mortal{dies: test.dies}
			r := m.prime(s, t, test.idle, config(func(c *proxy.Config) {
				c.UpstreamRetry, c.Timeout = test.retry, faults.Duration(200*time.Millisecond)
			}))
			c := r.dial()
			c.send(test.request)
			line, _ := c.mustHead()
			for strings.Contains(line, " 103 ") {
				line, _ = c.mustHead()
			}
			equal(t, "an error", strings.HasPrefix(line, "HTTP/1.1 50"), true)
			x := r.exchange()
			equal(t, "outcome", x.Outcome, proxy.RealError)
			equal(t, "attempts", int64(x.UpstreamAttempts), test.asked)
			equal(t, "requests that the upstream got", m.asked.Load(), test.asked)
		})
	}
	t.Run("OnceIsEnough", func(t *testing.T) {
		var died atomic.Bool
		r := s.start(t, scripted(t, func(p *peer) {
			for n := 1; ; n++ {
				if _, _, err := p.head(); err != nil || n == 2 && died.CompareAndSwap(false, true) {
					return
				}
				p.send(okReply)
			}
		}), config(func(c *proxy.Config) { c.UpstreamRetry = proxy.RetryOnce }))
		for want := range 2 {
			reply, body := r.get("/")
			equal(t, "status", reply.StatusCode, 200)
			equal(t, "body", body, "ok")
			equal(t, "attempts", r.exchange().UpstreamAttempts, 1+want)
		}
	})
}
