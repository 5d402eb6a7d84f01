package proxytest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// forEver are rules under which a reply of some bytes takes hours, but for its first piece.
var forEver = []string{`{"throttle": 1}`, `{"drip": {"chunk": 1, "interval": "1h"}}`}

const long = 10_000 // bytes

// longReply is an upstream whose reply is long.
func longReply(t *testing.T) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(long))
		_, _ = io.WriteString(w, strings.Repeat("x", long))
	})
}

// pacedUntilLeft: the first byte has arrived while the rest waits, and the waiting ends with the client.
func (s suite) pacedUntilLeft(t *testing.T) {
	for _, document := range forEver {
		counter := faults.NewCounter()
		r := s.start(t, longReply(t), armed(t, counter, document))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		c.mustHead()
		c.expect("x")
		equal(t, document+": active", counter.Status().Active, 1)
		_ = c.Close()
		x := r.exchange()
		equal(t, document+": outcome", x.Outcome, proxy.ClientLeft)
		equal(t, document+": active afterwards", counter.Status().Active, 0)
	}
}

// pacedUntilDrained: a server that drains cuts the waiting to nothing, and what waited arrives.
func (s suite) pacedUntilDrained(t *testing.T) {
	for _, document := range forEver {
		r := s.start(t, longReply(t), rules(document))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		c.mustHead()
		c.expect("x")
		equal(t, document+": dropped", r.shutdown(patience), false)
		c.expect(strings.Repeat("x", long-1))
		c.expectEnd()
		equal(t, document+": outcome", r.exchange().Outcome, proxy.OK)
	}
	t.Run("Upload", func(t *testing.T) {
		first := make(chan struct{})
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			close(first)
			body, err := io.ReadAll(r.Body)
			if err != nil || len(body) != long {
				t.Errorf("%d bytes arrived, then %v", len(body), err)
			}
		}), rules(`{"throttle": {"rate": 1, "side": "request"}}`))
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 10000", "", strings.Repeat("x", long))
		within(t, "the request", first)
		equal(t, "dropped", r.shutdown(patience), false)
		reply, _ := c.reply(http.MethodPost)
		equal(t, "status", reply.StatusCode, 200)
	})
}

// pacedBeyondGuards: a request that takes longer than the upstream has for its reply's head is no slow upstream.
func (s suite) pacedBeyondGuards(t *testing.T) {
	brief := config(func(c *proxy.Config) { c.Timeout = faults.Duration(60 * time.Millisecond) })
	for _, header := range []string{"", "chunked"} {
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }), brief,
			rules(`{"throttle": {"rate": 20, "side": "both"}}`))
		request, err := http.NewRequest(http.MethodPost, r.url, io.LimitReader(strings.NewReader("12345"), 5))
		if err != nil {
			t.Fatal(err)
		}
		if header == "" {
			request.ContentLength = 5
		}
		reply, err := r.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if reply.StatusCode != 200 || string(body) != "12345" || err != nil {
			t.Errorf("%d %q, %v", reply.StatusCode, body, err)
		}
	}
}

// unpaced: where there is no body to slow down, or none longer than a piece, the rule has not hit.
func (s suite) unpaced(t *testing.T) {
	const small = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
	for _, test := range []struct{ rule, method, reply, body string }{
		{`"throttle": {"rate": 1, "side": "request"}`, "GET", small, "0123456789"},
		{`"drip": {"chunk": 10, "interval": "1h"}`, "GET", small, "0123456789"},
		{`"drip": {"chunk": 1, "interval": "1h"}`, "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", ""},
		{`"drip": {"chunk": 1, "interval": "1h"}`, "GET", "HTTP/1.1 204 No Content\r\n\r\n", ""},
	} {
		upstream, _ := recording(t, test.reply)
		r := s.start(t, upstream, rules(`{`+test.rule+`}`))
		c := r.dial()
		c.send(test.method+" / HTTP/1.1", "Host: x", "", "")
		_, body := c.reply(test.method)
		equal(t, test.rule+": body", body, test.body)
		r.withdrawn(t, test.rule)
	}
	t.Run("Upgrades", func(t *testing.T) {
		upstream := switching(t)
		for _, rule := range []string{
			`{"throttle": 1}`, `{"throttle": {"rate": 1, "side": "both"}}`, `{"drip": {"chunk": 1, "interval": "1h"}}`,
			`{"corrupt": 1}`, `{"corrupt": {"bytes": 1, "side": "request"}}`,
		} {
			r := s.start(t, upstream, rules(rule))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
			line, fields := c.mustHead()
			equal(t, rule, line, "HTTP/1.1 101 Switching Protocols")
			equal(t, rule+": mark", field(fields, faults.AttributionHeader), "")
			c.expect("raw bytes")
			_ = c.Close()
			r.withdrawn(t, rule)
		}
	})
}

// switching is an upstream that upgrades every connection.
func switching(t *testing.T) string {
	t.Helper()
	return scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "", "raw bytes")
			_, _ = io.Copy(io.Discard, p.reader)
		}
	})
}

// withdrawn checks the record of an exchange whose only rule had nothing to act on.
func (r *rig) withdrawn(t *testing.T, what string) {
	t.Helper()
	x := r.exchange()
	equal(t, what+": flags", len(x.Flags()), 0)
	if d := x.Faults.Decisions(); len(d) != 1 || d[0].Why != faults.WhyBody {
		t.Errorf("%s: decided %+v", what, d)
	}
}
