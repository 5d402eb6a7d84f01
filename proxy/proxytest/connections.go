package proxytest

import (
	"errors"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// connections shows what is known of clients' connections, and that they can be dropped.
func (s suite) connections(t *testing.T) {
	t.Run("Account", s.connectionAccount)
	t.Run("ClosedBy", s.connectionClosedBy)
	for _, now := range []struct{ name, rule, path string }{
		{"Idle", "", ""}, {"Held", `{"delay": "1h"}`, "/"}, {"WaitsForTheUpstream", "", "/silent"}, {"Streams", "", "/stream"},
	} {
		for _, how := range []string{fin, rst} {
			t.Run("Drop/"+now.name+"/"+how, func(t *testing.T) { s.connectionDropped(t, now.rule, now.path, how) })
		}
	}
}

// only is the one connection that is open; it is waited for.
func (r *rig) only(is func(proxy.Connection) bool) proxy.Connection {
	r.t.Helper()
	var all []proxy.Connection
	if !eventually(patience, func() bool {
		all = r.engine.Connections()
		return len(all) == 1 && is(all[0])
	}) {
		r.t.Fatalf("connections: %+v", all)
	}
	return all[0]
}

func (s suite) connectionAccount(t *testing.T) {
	release := make(chan struct{})
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, _ = io.Copy(io.Discard, r.Body); r.URL.Path == "/held" {
			<-release
		}
		_, _ = io.WriteString(w, "four")
	})
	begun := time.Now()
	r := s.start(t, upstream)
	r.call("POST", "/", "123")
	c := r.only(func(c proxy.Connection) bool { return !c.Busy })
	if c.ID != 1 || c.Proxy != "p" || c.Protocol != proxy.HTTP || "http://"+c.Upstream != upstream || c.Opened.Before(begun) ||
		c.Exchanges != 1 || c.Since.Before(c.Opened) || c.RequestBytes != 3 || c.ResponseBytes != 4 || c.ClosedBy != "" {
		t.Errorf("idle: %+v", c)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.get("/held")
	}()
	busy := r.only(func(c proxy.Connection) bool { return c.Busy })
	if busy.ID != c.ID || busy.Exchanges != 2 || busy.ResponseBytes != 4 || busy.Since.Before(c.Since) {
		t.Errorf("busy: %+v", busy)
	}
	close(release)
	within(t, "the second exchange", over)
	if c = r.only(func(c proxy.Connection) bool { return !c.Busy }); c.ResponseBytes != 8 || c.Since.Before(busy.Since) {
		t.Errorf("idle again: %+v", c)
	}
}

// connectionClosedBy shows who is said to have ended a connection, which ends as its only exchange does or after it.
func (s suite) connectionClosedBy(t *testing.T) {
	for _, test := range []struct {
		rule  string
		leave string // how the client does; "" = it waits
		by    proxy.Side
	}{
		{"", fin, proxy.ByClient},
		{"", rst, proxy.ByClient},
		{`{"reset": {}}`, "", proxy.ByProxy},
		{`{"empty": {}}`, "", proxy.ByProxy},
		{`{"goaway": {}}`, "", proxy.ByProxy},
		{`{"delay": "1h"}`, fin, proxy.ByClient},
	} {
		var options []option
		if test.rule != "" {
			options = append(options, rules(test.rule))
		}
		r := s.start(t, serve(t, func(http.ResponseWriter, *http.Request) {}), options...)
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		if test.leave != "" {
			r.only(func(c proxy.Connection) bool { return c.Exchanges == 1 })
			c.leave(test.leave)
		} else {
			_, _ = io.ReadAll(c)
			_ = c.Close()
		}
		r.exchange()
		var closed []proxy.Connection
		eventually(patience, func() bool { closed = r.engine.ClosedConnections(); return len(closed) == 1 })
		if len(closed) != 1 || closed[0].ClosedBy != test.by || closed[0].Exchanges != 1 || closed[0].Busy || closed[0].Closed.Before(closed[0].Opened) {
			t.Errorf("%s, %s: %+v, want by %s", test.rule, test.leave, closed, test.by)
		}
	}
}

func (s suite) connectionDropped(t *testing.T, rule, path, how string) {
	over := make(chan struct{})
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			_, _ = io.WriteString(w, "begun")
			_ = http.NewResponseController(w).Flush()
		}
		if r.URL.Path != "/" {
			<-r.Context().Done()
			close(over)
		}
	})
	var options []option
	if rule != "" {
		options = append(options, rules(rule))
	}
	r := s.start(t, upstream, options...)
	c := r.dial()
	if path != "" {
		c.send("GET "+path+" HTTP/1.1", "Host: x", "", "")
	}
	if path == "/stream" {
		c.mustHead()
		c.expect("5\r\nbegun\r\n")
	}
	open := r.only(func(c proxy.Connection) bool { return c.Busy == (path != "") })
	time.Sleep(60 * time.Millisecond) // for longer than somebody has to look whether the client is there
	equal(t, "dropped", r.engine.DropConnection(open.ID, how == rst), true)
	equal(t, "open afterwards", len(r.engine.Connections()), 0)
	equal(t, "dropped again", r.engine.DropConnection(open.ID, how == rst), false)
	if _, err := io.ReadAll(c); how == fin && err != nil || how == rst && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client saw %v", err)
	}
	if path != "" {
		x := r.exchange()
		if x.Outcome != proxy.Injected || x.Error != proxy.Dropped || !x.Faulted {
			t.Errorf("recorded %+v", x)
		}
	}
	if rule == "" && path != "" {
		within(t, "the upstream's end", over)
	}
	equal(t, "closed by", r.engine.ClosedConnections()[0].ClosedBy, proxy.ByProxy)
}
