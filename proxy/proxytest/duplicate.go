package proxytest

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// duplicate shows that the upstream gets a request again, and the client nothing of that.
func (s suite) duplicate(t *testing.T) {
	t.Run("SameRequest", s.duplicateSame)
	t.Run("FirstAnswer", s.duplicateAnswers)
	t.Run("Withdrawn", s.duplicateWithdrawn)
	t.Run("BehindALostReply", s.duplicateLost)
	t.Run("ClientLeft", s.duplicateLeft)
	t.Run("EndsWithTheServer", s.duplicateDrained)
	t.Run("EndsInTime", s.duplicateBounded)
}

func (s suite) duplicateSame(t *testing.T) {
	half := strings.Repeat("x", 32<<10)
	for name, lines := range map[string][]string{
		"GET":             {"GET /a%7Cb?q=1 HTTP/1.1", "Host: x", "X-Own: 1", "", ""},
		"a body":          {"POST / HTTP/1.1", "Host: x", "Content-Length: 5", "", "hello"},
		"64 KiB":          {"POST / HTTP/1.1", "Host: x", "Content-Length: 65536", "", half + half},
		"a chunked body":  {"POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "5\r\nhello\r\n0\r\n", ""},
		"64 KiB, chunked": {"POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "8000\r\n" + half, "8000\r\n" + half, "0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			upstream, requests := recording(t, okReply)
			r := s.start(t, upstream, rules(`{"name": "it", "duplicate": 2, "first": 1}`))
			c := r.dial()
			c.send(lines...)
			reply, body := c.reply(http.MethodGet)
			equal(t, "status", reply.StatusCode, 200)
			equal(t, "body", body, "ok")
			x := r.exchange()
			equal(t, "attempts", x.UpstreamAttempts, 3)
			equal(t, "outcome", x.Outcome, proxy.OK)
			equal(t, "flags", strings.Join(x.Flags(), ","), "FI")
			equal(t, "decision", decision(t, x).Outcome, faults.Hit)
			first := next(t, requests)
			for range 2 {
				again := next(t, requests)
				equal(t, "line", again.line, first.line)
				equalFields(t, again.fields, first.fields)
				equal(t, "length", len(unchunked(t, again)), len(unchunked(t, first)))
				equal(t, "body is the same", unchunked(t, again) == unchunked(t, first), true)
			}
			none(t, requests)
			c.send("GET / HTTP/1.1", "Host: x", "", "") // on the same connection
			c.reply(http.MethodGet)
			x = r.exchange()
			equal(t, "attempts of the next", x.UpstreamAttempts, 1)
			equal(t, "flags of the next", len(x.Flags()), 0)
		})
	}
}

// unchunked is a recorded body without its framing.
func unchunked(t *testing.T, r received) string {
	t.Helper()
	if field(r.fields, "Transfer-Encoding") == "" {
		return r.body
	}
	data, last := chunks(t, r.body)
	equal(t, "last chunk", last, true)
	return data
}

// duplicateAnswers: whatever the upstream says to the others, the client gets its answer to the first.
func (s suite) duplicateAnswers(t *testing.T) {
	closing := strings.NewReplacer(" OK\r\n", " OK\r\nConnection: close\r\n", " Error\r\n", " Error\r\nConnection: close\r\n")
	for _, second := range []string{
		"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\nbad", chunkedReply, "garbage\r\n\r\n", "",
		"HTTP/1.1 100 Continue\r\n\r\n" + okReply, endlessHead + "x", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
	} {
		calls := make(chan int, 100)
		r := s.start(t, scripted(t, func(p *peer) {
			for {
				if _, _, err := p.head(); err != nil {
					return
				}
				calls <- 1
				if len(calls) == 1 {
					p.send(okReply)
					continue
				}
				p.send(closing.Replace(second))
				return // the others break off, if they are not over
			}
		}), rules(`{"duplicate": 3}`))
		reply, body := r.get("/")
		equal(t, second+": status", reply.StatusCode, 200)
		equal(t, second+": body", body, "ok")
		x := r.exchange()
		equal(t, second+": attempts", x.UpstreamAttempts, 4)
		equal(t, second+": outcome", x.Outcome, proxy.OK)
		if len(calls) < 4 {
			t.Errorf("%q: the upstream has got %d requests, want 4", second, len(calls))
		}
	}
}

func (s suite) duplicateWithdrawn(t *testing.T) {
	long := strings.Repeat("x", 64<<10+1)
	for name, test := range map[string]struct {
		lines    []string
		reply    string
		attempts int
	}{
		"too long":          {[]string{"POST / HTTP/1.1", "Host: x", "Content-Length: 65537", "", long}, okReply, 1},
		"too long, chunked": {[]string{"POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "10001\r\n" + long, "0\r\n\r\n"}, okReply, 1},
		"an upgrade":        {[]string{"GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", ""}, okReply, 1},
		"no reply":          {[]string{"POST / HTTP/1.1", "Host: x", "Content-Length: 2", "", "ok"}, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.start(t, scripted(t, func(p *peer) {
				for {
					_, fields, err := p.head()
					if err != nil {
						return
					}
					if _, err := p.announcedBody(fields); err != nil || test.reply == "" {
						return
					}
					p.send(test.reply)
				}
			}), rules(`{"name": "it", "duplicate": 2, "max_active": 1}`, `{"name": "behind", "delay": "1ms"}`))
			c := r.dial()
			c.send(test.lines...)
			c.reply(http.MethodPost)
			x := r.exchange()
			equal(t, "attempts", x.UpstreamAttempts, test.attempts)
			d := x.Faults.Decisions()
			equal(t, "decision", d[0].Outcome, faults.Skip)
			equal(t, "reason", d[0].Why, faults.WhyBody)
			equal(t, "the rule behind", d[1].Outcome, faults.Hit)
			equal(t, "flags", strings.Join(x.Flags(), ","), "DI")
		})
	}
}

// duplicateLost: the client that hears of nothing, and the upstream that is called twice.
func (s suite) duplicateLost(t *testing.T) {
	for _, lost := range []string{`"abort": 500`, `"reset": "start"`, `"truncate": 1`} {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream, rules(`{"duplicate": {}}`, `{"phase": "after", `+lost+`}`))
		_ = r.ask("/")
		x := r.exchange()
		equal(t, lost+": attempts", x.UpstreamAttempts, 2)
		equal(t, lost+": outcome", x.Outcome, proxy.Injected)
		next(t, requests)
		next(t, requests)
	}
}

// duplicateLeft: nothing is sent again for a client that left before it had its reply.
func (s suite) duplicateLeft(t *testing.T) {
	arrived := make(chan string, 10)
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.URL.Path
		_, _ = io.WriteString(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}), rules(`{"duplicate": 3}`))
	c := r.ask("/")
	c.mustHead()
	_ = c.Close()
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.ClientLeft)
	equal(t, "attempts", x.UpstreamAttempts, 1)
	equal(t, "calls", len(arrived), 1)
}

func (s suite) duplicateDrained(t *testing.T) {
	var calls atomic.Int64
	arrived := make(chan int64, 10)
	r := s.start(t, scripted(t, func(p *peer) {
		for {
			if _, _, err := p.head(); err != nil {
				return
			}
			n := calls.Add(1)
			if n == 1 {
				p.send(okReply) // and nothing for the others
			}
			arrived <- n
		}
	}), rules(`{"duplicate": 3}`))
	c := r.ask("/")
	c.reply(http.MethodGet)
	within(t, "the first request", arrived)
	within(t, "the second", arrived)
	equal(t, "dropped", r.shutdown(patience), false)
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.OK)
	equal(t, "attempts", x.UpstreamAttempts, 2)
	c.expectEnd()
}

// duplicateBounded: an upstream that does not answer what is sent again does not hold the client for long.
func (s suite) duplicateBounded(t *testing.T) {
	t.Parallel()
	upstream := scripted(t, func(p *peer) {
		for first := true; ; first = false {
			line, _, err := p.head()
			if err != nil {
				return
			}
			if first || strings.Contains(line, "/next") {
				p.send(okReply)
			}
		}
	})
	c := s.start(t, upstream, rules(`{"duplicate": 100, "first": 1}`)).dial()
	c.send("GET /again HTTP/1.1", "Host: x", "", "")
	c.reply(http.MethodGet)
	begin := time.Now()
	c.send("GET /next HTTP/1.1", "Host: x", "", "")
	c.reply(http.MethodGet)
	if took := time.Since(begin); took > 3*faults.MaxRepeatTime {
		t.Errorf("the next reply took %v", took)
	}
}
