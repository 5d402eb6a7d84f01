package proxytest

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

func (s suite) drain(t *testing.T) {
	for _, phase := range []string{"before", "after"} {
		t.Run("DelaysAreCut/"+phase, func(t *testing.T) {
			upstream, _ := counted(t)
			counter := faults.NewCounter()
			r := s.start(t, upstream, armed(t, counter, `{"delay": "1h", "phase": "`+phase+`"}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			waitHit(t, counter)
			equal(t, "dropped", r.shutdown(patience), false)
			reply, body := c.reply(http.MethodGet)
			equal(t, "status", reply.StatusCode, 200)
			equal(t, "body", body, "real")
			c.expectEnd()
		})
	}
	t.Run("BlackholesEnd", func(t *testing.T) {
		upstream, _ := counted(t)
		counter := faults.NewCounter()
		r := s.start(t, upstream, armed(t, counter, `{"blackhole": {}}`))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		waitHit(t, counter)
		equal(t, "dropped", r.shutdown(patience), false)
		c.expectEnd()
	})
	t.Run("WhatIsUnderWayFinishes", s.underWay)
	t.Run("RemovedUnderWay", s.removed)
	t.Run("WhatDoesNotFinishIsDropped", s.dropped)
	t.Run("UpgradesAreDropped", s.droppedUpgrade)
}

func (s suite) dropped(t *testing.T) {
	started := make(chan struct{})
	r := s.start(t, serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	within(t, "the request", started)
	equal(t, "dropped", r.shutdown(50*time.Millisecond), true)
	c.expectEnd()
	equal(t, "outcome", r.exchange().Outcome, proxy.RealError)
}

func (s suite) droppedUpgrade(t *testing.T) {
	r := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "", "")
			_, _ = io.Copy(io.Discard, p.reader)
		}
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
	c.mustHead()
	equal(t, "dropped", r.shutdown(50*time.Millisecond), true)
	c.expectEnd()
	equal(t, "status", r.exchange().Status, 101)
}

func (s suite) underWay(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first ")
		_ = http.NewResponseController(w).Flush()
		close(started)
		<-finish
		_, _ = io.WriteString(w, "second")
	}))
	c, idle := r.dial(), r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	within(t, "the request", started)
	done := make(chan bool)
	go func() { done <- r.shutdown(patience) }()
	start := time.Now()
	idle.expectEnd() // a connection without a request is closed at once
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("an idle connection was closed after %v", took)
	}
	if conn, err := net.Dial("tcp", r.addr); err == nil {
		_ = conn.Close()
		t.Error("a new connection was accepted")
	}
	close(finish)
	_, body := c.reply(http.MethodGet)
	equal(t, "body", body, "first second")
	equal(t, "dropped", <-done, false)
}

// removed: a proxy is deleted, or moved, while requests are under way. They finish, and later ones on their connections
// see what holds now.
func (s suite) removed(t *testing.T) {
	for name, replace := range map[string]func(proxy.Endpoint) []proxy.Endpoint{
		"deleted": func(proxy.Endpoint) []proxy.Endpoint { return nil },
		"moved": func(e proxy.Endpoint) []proxy.Endpoint {
			e.Config.Listen = "localhost:0"
			return []proxy.Endpoint{e}
		},
		"disabled": func(e proxy.Endpoint) []proxy.Endpoint {
			e.Config.Enabled = false
			return []proxy.Endpoint{e}
		},
	} {
		finish, started := make(chan struct{}), make(chan struct{})
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			close(started)
			<-finish
			_, _ = io.WriteString(w, "real")
		}), rules(`{"abort": 503, "match": {"path": "/fail"}}`))
		old, busy := r.addr, r.dial()
		busy.send("GET / HTTP/1.1", "Host: x", "", "")
		within(t, "the request", started)
		change, err := r.engine.Prepare(replace(r.endpoint))
		if err != nil {
			t.Fatal(err)
		}
		change.Commit()
		if conn, err := net.Dial("tcp", old); err == nil {
			_ = conn.Close()
			t.Errorf("%s: a new connection was accepted", name)
		}
		close(finish)
		reply, body := busy.reply(http.MethodGet)
		equal(t, name+": status", reply.StatusCode, 200)
		equal(t, name+": body", body, "real")
		busy.expectEnd()
	}
}
