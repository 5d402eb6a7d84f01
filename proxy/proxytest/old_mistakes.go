package proxytest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

// oldMistakes: what other proxies and tools for injecting faults once got wrong, each by the name of the mistake, as far
// as it shows on the wire. Those of deciding are in package faults, those of leases in package control.
func (s suite) oldMistakes(t *testing.T) {
	for _, mistake := range []struct {
		name string
		test func(*testing.T)
	}{
		{"AnInjectedErrorThatNobodyCanTellFromARealOne", s.mistakeUnmarked},
		{"FINWhereRSTWasAsked", s.mistakeFIN},
		{"ToxicityZeroThatStillActs", s.mistakeZero},
		{"FollowsRedirects", s.mistakeRedirect},
		{"RewritesHost", s.mistakeHost},
		{"AddsGzip", s.mistakeGzip},
		{"SniffsAContentType", s.mistakeSniffing},
		{"RepeatsAGETByItself", s.mistakeRepeat},
		{"EncodesThePathAnew", s.mistakePath},
		{"BuffersSSE", s.mistakeBuffering},
		{"DropsTrailers", s.mistakeTrailers},
		{"GoesOnCallingTheUpstreamAfterTheClientLeft", s.mistakeDeafness},
		{"AModeThatKillsTheHealthCheck", s.mistakeHealth},
	} {
		t.Run(mistake.name, mistake.test)
	}
}

func (s suite) mistakeUnmarked(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	r := s.start(t, upstream, rules(`{"name": "down", "abort": 503, "first": 1}`))
	for _, test := range []struct {
		mark    string
		outcome proxy.Outcome
	}{{"rule=down; kind=abort; n=1", proxy.Injected}, {"", proxy.OK}} {
		reply, _ := r.get("/")
		equal(t, "status", reply.StatusCode, http.StatusServiceUnavailable)
		equal(t, "X-Squall-Fault", reply.Header.Get("X-Squall-Fault"), test.mark)
		equal(t, "outcome", r.exchange().Outcome, test.outcome)
	}
}

func (s suite) mistakeFIN(t *testing.T) {
	upstream, _ := recording(t, okReply)
	for rule, want := range map[string]error{`{"reset": "start"}`: syscall.ECONNRESET, `{"empty": {}}`: nil} {
		c := s.start(t, upstream, rules(rule)).dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		if rest, err := io.ReadAll(c.reader); len(rest) > 0 || !errors.Is(err, want) {
			t.Errorf("%s: read %q, %v, want %v", rule, rest, err, want)
		}
	}
}

func (s suite) mistakeZero(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, rules(
		`{"name": "a", "abort": 503, "percent": 0}`, `{"name": "b", "reset": "start", "percent": 0}`,
		`{"name": "c", "delay": "1h", "percent": 0}`, `{"name": "d", "degrade": {"body": 1}, "percent": 0}`,
		`{"name": "e", "throttle": 1, "percent": 0}`, `{"name": "f", "truncate": 1, "percent": 0}`,
	))
	for range 20 {
		_, body := r.get("/")
		x := r.exchange()
		equal(t, "body", body, "ok")
		equal(t, "touched", x.Faulted || x.Delayed, false)
	}
}

func (s suite) mistakeRedirect(t *testing.T) {
	var calls atomic.Int32
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	reply, _ := r.get("/")
	equal(t, "status", reply.StatusCode, http.StatusFound)
	equal(t, "calls", calls.Load(), 1)
}

func (s suite) mistakeHost(t *testing.T) {
	upstream, requests := recording(t, okReply)
	c := s.start(t, upstream).dial()
	c.send("GET / HTTP/1.1", "Host: Shop.Example:8080", "", "")
	c.reply(http.MethodGet)
	equal(t, "Host", field((<-requests).fields, "Host"), "Shop.Example:8080")
}

func (s suite) mistakeGzip(t *testing.T) {
	upstream, requests := recording(t, okReply)
	c := s.start(t, upstream).dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	reply, body := c.reply(http.MethodGet)
	equal(t, "Accept-Encoding upstream", field((<-requests).fields, "Accept-Encoding"), "")
	equal(t, "Content-Encoding", reply.Header.Get("Content-Encoding"), "")
	equal(t, "body", body, "ok")
}

func (s suite) mistakeSniffing(t *testing.T) {
	upstream, _ := recording(t, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
	for _, rule := range []string{`{"delay": "1ms"}`, `{"headers": {"response": {"set": {"X-A": "b"}}}}`, `{"throttle": "1MB"}`} {
		reply, _ := s.start(t, upstream, rules(rule)).get("/")
		equal(t, rule+": Content-Type", reply.Header.Get("Content-Type"), "")
	}
}

// mistakeRepeat: on a connection that has never been used. On one that has, net/http repeats; see ARCHITECTURE.
func (s suite) mistakeRepeat(t *testing.T) {
	var calls atomic.Int32
	upstream := scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			calls.Add(1)
		}
	})
	reply, _ := s.start(t, upstream).get("/")
	equal(t, "status", reply.StatusCode, http.StatusBadGateway)
	equal(t, "calls", calls.Load(), 1)
}

func (s suite) mistakePath(t *testing.T) {
	upstream, requests := recording(t, okReply)
	c := s.start(t, upstream).dial()
	for _, target := range []string{"/a%2Fb//c/../d;x=1?q=%7e+%20&&", "/%41%c3%bc/.", "/a%20b?", "/*'()!$&,=:@"} {
		c.send("GET "+target+" HTTP/1.1", "Host: x", "", "")
		c.reply(http.MethodGet)
		equal(t, "request line", (<-requests).line, "GET "+target+" HTTP/1.1")
	}
}

func (s suite) mistakeBuffering(t *testing.T) {
	seen := make(chan struct{})
	upstream := scripted(t, func(p *peer) {
		if _, _, err := p.head(); err != nil {
			return
		}
		p.send("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "", "data: 1\n\n")
		<-seen
		p.send("data: 2\n\n")
	})
	c := s.start(t, upstream, rules(`{"headers": {"response": {"set": {"X-A": "b"}}}}`)).dial()
	c.send("GET / HTTP/1.0", "", "")
	c.mustHead()
	c.expect("data: 1\n\n") // while the upstream waits for that
	close(seen)
	c.expect("data: 2\n\n")
}

func (s suite) mistakeTrailers(t *testing.T) {
	upstream, _ := recording(t, "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n")
	for _, rule := range []string{`{"delay": "1ms"}`, `{"throttle": "1MB"}`, `{"corrupt": {"fraction": 0.5}}`} {
		reply, _ := s.start(t, upstream, rules(rule)).get("/")
		equal(t, rule+": X-Sum", reply.Trailer.Get("X-Sum"), "7")
	}
}

func (s suite) mistakeDeafness(t *testing.T) {
	called, left := make(chan struct{}), make(chan struct{})
	r := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err != nil {
			return
		}
		close(called)
		_, _ = io.Copy(io.Discard, p.reader) // ends when the proxy gives the call up
		close(left)
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	within(t, "the call", called)
	_ = c.Close()
	within(t, "the end of the call", left)
	equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)
}

func (s suite) mistakeHealth(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, rules(`{"name": "failure", "abort": 503}`, `{"name": "gone", "reset": "start"}`))
	for path, want := range map[string]int{"/health": http.StatusOK, "/": http.StatusServiceUnavailable} {
		reply, _ := r.get(path)
		equal(t, path, reply.StatusCode, want)
	}
	for _, disguised := range []string{"/x/../health", "//health", "/%68ealth"} {
		c := r.dial()
		c.send("GET "+disguised+" HTTP/1.1", "Host: x", "", "")
		line, _ := c.mustHead()
		equal(t, disguised, strings.Fields(line)[1], "200")
	}
}
