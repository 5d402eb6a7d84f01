package proxytest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// pacing shows that bodies that are slowed down arrive whole, and no byte of them early. How late they are is not looked
// at: that is the machine's.
func (s suite) pacing(t *testing.T) {
	t.Run("Reply", s.pacedReply)
	t.Run("ReplyFraming", s.pacedFraming)
	t.Run("Upload", s.pacedUpload)
	t.Run("BothSides", s.pacedBoth)
	t.Run("SharedRate", s.sharedRate)
	t.Run("Answers", s.pacedAnswer)
	t.Run("Streams", s.pacedStream)
	t.Run("EndsWithTheClient", s.pacedUntilLeft)
	t.Run("EndsWithTheServer", s.pacedUntilDrained)
	t.Run("GuardsWait", s.pacedBeyondGuards)
	t.Run("WhatIsNotSlowed", s.unpaced)
}

// early is a body that must not arrive early: after a time no more of it than allowed may be there.
type early struct {
	io.Reader
	t       *testing.T
	start   time.Time // before anything was sent
	allowed func(time.Duration) int64
	got     int64
}

// Read reads the body.
func (e *early) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	e.got += int64(n)
	if since := time.Since(e.start); e.got > e.allowed(since) {
		e.t.Errorf("%d bytes have come after %v, want at most %d", e.got, since, e.allowed(since))
	}
	return n, err
}

// atRate allows for a rate per second, and 50 ms worth.
func atRate(rate int64) func(time.Duration) int64 {
	return func(d time.Duration) int64 { return rate * int64(d+50*time.Millisecond) / int64(time.Second) }
}

// inPieces allows for a piece each interval.
func inPieces(size int64, interval time.Duration) func(time.Duration) int64 {
	return func(d time.Duration) int64 { return size * (1 + int64(d/interval)) }
}

func (s suite) pacedReply(t *testing.T) {
	body := strings.Repeat("0123456789", 200)
	for _, test := range []struct {
		rule    string
		allowed func(time.Duration) int64
	}{
		{`"throttle": "10KB"`, atRate(10_000)},
		{`"throttle": {"rate": 10000, "side": "both"}`, atRate(10_000)},
		{`"drip": {"chunk": 300, "interval": "20ms"}`, inPieces(300, 20*time.Millisecond)},
	} {
		for name, length := range map[string]string{"sized": strconv.Itoa(len(body)), "chunked": ""} {
			t.Run(test.rule+"/"+name, func(t *testing.T) {
				r := s.start(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
					if length != "" {
						w.Header().Set("Content-Length", length)
					}
					_, _ = io.WriteString(w, body[:500])
					_ = http.NewResponseController(w).Flush()
					_, _ = io.WriteString(w, body[500:])
				}), rules(`{"first": 1, `+test.rule+`}`))
				for hit := range 2 {
					e := early{t: t, start: time.Now(), allowed: test.allowed}
					reply, err := r.client.Get(r.url)
					if err != nil {
						t.Fatal(err)
					}
					if e.Reader = reply.Body; hit == 1 {
						e.allowed = func(time.Duration) int64 { return int64(len(body)) }
					}
					got, err := io.ReadAll(&e)
					_ = reply.Body.Close()
					if err != nil || string(got) != body {
						t.Errorf("%d bytes arrived, then %v", len(got), err)
					}
					x := r.exchange()
					equal(t, "outcome", x.Outcome, proxy.OK)
					equal(t, "delayed", x.Delayed, hit == 0)
					equal(t, "faulted", x.Faulted, false)
					equal(t, "recorded bytes", x.ResponseBytes, int64(len(body)))
					equal(t, "mark", reply.Header.Get(faults.AttributionHeader), "")
				}
			})
		}
	}
}

// pacedFraming: the end of a body, with its trailers, waits for the body, however the client finds it.
func (s suite) pacedFraming(t *testing.T) {
	for _, rule := range []string{`{"throttle": 50}`, `{"drip": {"chunk": 1, "interval": "20ms"}}`} {
		upstream, _ := recording(t, chunkedReply)
		r := s.start(t, upstream, rules(rule))
		c := r.dial()
		start := time.Now()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		reply, body := c.reply(http.MethodGet)
		equal(t, rule+": body", body, "hello world")
		equal(t, rule+": trailer", reply.Trailer.Get("X-Sum"), "7")
		if took := time.Since(start); took < 11*20*time.Millisecond-50*time.Millisecond {
			t.Errorf("%s: the end came after %v", rule, took)
		}
		c.send("GET / HTTP/1.0", "Host: x", "", "")
		raw, end := c.rest()
		_, body, _ = strings.Cut(raw, "\r\n\r\n")
		equal(t, rule+": body to HTTP/1.0", body, "hello world")
		equal(t, rule+": its end", end, fin)
	}
}

func (s suite) pacedUpload(t *testing.T) {
	body := strings.Repeat("0123456789", 100)
	for _, test := range []struct{ name, head, first, rest string }{
		{"with the head", "Content-Length: 1000", body, ""},
		{"later", "Content-Length: 1000", "", body},
		{"in two parts", "Content-Length: 1000", body[:10], body[10:]},
		{"in chunks", "Transfer-Encoding: chunked", "", "5\r\n01234\r\n3e3\r\n" + body[5:] + "\r\n0\r\nX-Sum: 7\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			starts := make(chan time.Time, 1)
			got := make(chan *http.Request, 1)
			r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				e := early{Reader: r.Body, t: t, start: <-starts, allowed: atRate(5000)}
				if r.URL.Path == "/free" {
					e.allowed = func(time.Duration) int64 { return 1000 }
				}
				read, err := io.ReadAll(&e)
				if err != nil || string(read) != body {
					t.Errorf("%d bytes arrived, then %v", len(read), err)
				}
				got <- r
			}), rules(`{"throttle": {"rate": 5000, "side": "request"}, "match": {"path": "/slow"}}`))
			c := r.dial()
			for _, path := range []string{"/slow", "/free", "/slow"} {
				starts <- time.Now()
				c.send("POST "+path+" HTTP/1.1", "Host: x", test.head, "", test.first)
				c.send(test.rest)
				reply, _ := c.reply(http.MethodPost)
				equal(t, "status", reply.StatusCode, 200)
				if request := <-got; request.ContentLength < 0 {
					equal(t, "trailer", request.Trailer.Get("X-Sum"), "7")
				}
				x := r.exchange()
				equal(t, "delayed", x.Delayed, path == "/slow")
				equal(t, "recorded bytes", x.RequestBytes, 1000)
			}
		})
	}
}

// pacedBoth: each side has the rate, and the reply does not wait for the request to have ended.
func (s suite) pacedBoth(t *testing.T) {
	body := strings.Repeat("0123456789", 50)
	start := time.Now()
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, &early{Reader: r.Body, t: t, start: start, allowed: atRate(5000)})
	}), rules(`{"throttle": {"rate": 5000, "side": "both"}}`))
	_, got := r.call(http.MethodPost, "/", body)
	equal(t, "echo", got, body)
	if took, least := time.Since(start), 100*time.Millisecond; took < least {
		t.Errorf("took %v, want at least %v", took, least)
	}
}

// sharedRate: with scope rule two replies take as long as both of them need.
func (s suite) sharedRate(t *testing.T) {
	body := strings.Repeat("0123456789", 100)
	upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	r := s.start(t, upstream, rules(`{"throttle": {"rate": 10000, "scope": "rule"}}`))
	start := time.Now()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			reply, err := r.client.Get(r.url)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(reply.Body)
			_ = reply.Body.Close()
			if err != nil || string(got) != body {
				t.Errorf("%d bytes arrived, then %v", len(got), err)
			}
		})
	}
	both.Wait()
	if took, least := time.Since(start), 150*time.Millisecond; took < least {
		t.Errorf("both took %v, want at least %v", took, least)
	}
}

// pacedAnswer: an answer of ours is slowed down as a reply is.
func (s suite) pacedAnswer(t *testing.T) {
	upstream, calls := counted(t)
	r := s.start(t, upstream, rules(`{"throttle": 50}`, `{"abort": {"status": 503, "body": "0123456789"}}`))
	e := early{t: t, start: time.Now(), allowed: atRate(50)}
	reply, err := r.client.Get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	e.Reader = reply.Body
	got, err := io.ReadAll(&e)
	equal(t, "status", reply.StatusCode, 503)
	equal(t, "body", fmt.Sprint(string(got), err), "0123456789<nil>")
	equal(t, "calls", calls.Load(), 0)
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.Injected)
	equal(t, "flags", strings.Join(x.Flags(), ","), "DI,FI")
	equal(t, "recorded bytes", x.ResponseBytes, 10)
}

// pacedStream: what there is of a stream goes, and is not waited for to be a whole piece.
func (s suite) pacedStream(t *testing.T) {
	for _, rule := range []string{`{"throttle": 1000}`, `{"drip": {"chunk": 9, "interval": "5ms"}}`} {
		arrived := make(chan struct{})
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range pieces {
				_, _ = io.WriteString(w, piece)
				_ = http.NewResponseController(w).Flush()
				select { // the next one comes only when this one has arrived
				case <-arrived:
				case <-r.Context().Done():
					return
				}
			}
		}), rules(rule))
		reply, err := r.client.Get(r.url)
		if err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, len(piece))
		for i := range pieces {
			if _, err := io.ReadFull(reply.Body, buffer); err != nil || string(buffer) != piece {
				t.Fatalf("%s: piece %d: %q, %v", rule, i, buffer, err)
			}
			arrived <- struct{}{}
		}
		_ = reply.Body.Close()
	}
}
