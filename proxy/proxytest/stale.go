package proxytest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

const staleRule = `{"degrade": {"stale": "5m", "headers": {"X-Mode": "stale"}}}`

// counting answers with the number of the call, for whom it was, and what more a test says.
func counting(t *testing.T, more func(w http.ResponseWriter, r *http.Request, n int64)) (url string) {
	t.Helper()
	var calls atomic.Int64
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := calls.Add(1)
		w.Header().Set("Etag", fmt.Sprint(n))
		w.Header().Set("Content-Type", "application/json")
		if more != nil {
			more(w, r, n)
		}
		_, _ = fmt.Fprintf(w, `{"n":%d,"for":%q}`, n, r.Header.Get("Authorization"))
	})
}

func (s suite) stale(t *testing.T) {
	t.Run("OneCallLate", s.staleOneLate)
	t.Run("NotHit", func(t *testing.T) {
		r := s.start(t, counting(t, nil), rules(`{"degrade": {"stale": "5m"}, "every": 3}`))
		for i, n := range []int{1, 2, 2, 4, 5, 5} {
			_, body := r.get("/")
			equal(t, fmt.Sprint("body ", i+1), body, fmt.Sprintf(`{"n":%d,"for":""}`, n))
			equal(t, "faulted", r.exchange().Faulted, i%3 == 2)
		}
	})
	t.Run("TooOld", func(t *testing.T) {
		r := s.start(t, counting(t, nil), rules(`{"degrade": {"stale": "1ns"}}`))
		for n := 1; n <= 3; n++ {
			_, body := r.get("/")
			equal(t, "body", body, fmt.Sprintf(`{"n":%d,"for":""}`, n))
			equal(t, "why", r.exchange().Faults.Decisions()[0].Why, faults.WhyBody)
		}
	})
	t.Run("InPlaceOfAnError", func(t *testing.T) {
		upstream := counting(t, func(w http.ResponseWriter, _ *http.Request, n int64) {
			if n > 1 {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		r := s.start(t, upstream, rules(`{"degrade": {"stale": "5m"}, "match": {"response": {"status": [500]}}}`))
		for i := range 3 {
			reply, body := r.get("/")
			equal(t, "status", reply.StatusCode, 200)
			equal(t, "body", body, `{"n":1,"for":""}`)
			x := r.exchange()
			equal(t, "status on record", x.Status, 200)
			equal(t, "faulted", x.Faulted, i > 0)
		}
	})
	t.Run("Otherwise", func(t *testing.T) {
		r := s.start(t, counting(t, nil), rules(`{"degrade": {"stale": "5m", "otherwise": "abort"}}`))
		reply, _ := r.get("/")
		equal(t, "status", reply.StatusCode, 503)
		equal(t, "outcome", r.exchange().Outcome, proxy.Injected)
		reply, body := r.get("/")
		equal(t, "status", reply.StatusCode, 200)
		equal(t, "body", body, `{"n":1,"for":""}`) // it was remembered, though nobody has seen it
		reply, _ = r.call(http.MethodPost, "/", "")
		equal(t, "status of a POST", reply.StatusCode, 200)
	})
	t.Run("UsersAreToldApart", s.staleUsers)
	t.Run("AsItWasSent", s.staleAsSent)
	t.Run("AmongOthers", s.staleAmongOthers)
	t.Run("WhatIsNotRemembered", s.staleNotRemembered)
	t.Run("NothingWaits", s.staleNothingWaits)
	t.Run("FreshWithoutAnEnd", s.staleFreshWithoutEnd)
}

func (s suite) staleOneLate(t *testing.T) {
	r := s.start(t, counting(t, nil), rules(staleRule))
	reply, body := r.get("/")
	equal(t, "the first", body, `{"n":1,"for":""}`)
	equal(t, "attribution", reply.Header.Get(faults.AttributionHeader), "")
	x := r.exchange()
	equal(t, "faulted", x.Faulted, false)
	equal(t, "why", x.Faults.Decisions()[0].Why, faults.WhyBody)
	for n := 2; n <= 4; n++ {
		reply, body = r.get("/")
		equal(t, "body", body, fmt.Sprintf(`{"n":%d,"for":""}`, n-1))
		for name, want := range map[string]string{
			"Etag": fmt.Sprint(n - 1), "Content-Length": fmt.Sprint(len(body)), "Content-Type": "application/json", "Age": "0", "X-Mode": "stale",
			faults.AttributionHeader: fmt.Sprintf("rule=degrade; kind=degrade; n=%d", n),
		} {
			equal(t, name, strings.Join(reply.Header.Values(name), "|"), want)
		}
		x := r.exchange()
		equal(t, "outcome", x.Outcome, proxy.OK)
		equal(t, "faulted", x.Faulted, true)
		equal(t, "response bytes", x.ResponseBytes, int64(len(body)))
	}
	_, body = r.get("/other")
	equal(t, "another path", body, `{"n":5,"for":""}`)
	_, body = r.get("/%6fther")
	equal(t, "the same path, spelt otherwise", body, `{"n":6,"for":""}`)
	_, body = r.get("/?a=b")
	equal(t, "another query", body, `{"n":7,"for":""}`)
}

// staleUsers: many clients at once, and each gets its own, one call late.
func (s suite) staleUsers(t *testing.T) {
	const users, each = 16, 20
	r := s.start(t, counting(t, nil), rules(staleRule))
	var work sync.WaitGroup
	for user := range users {
		work.Go(func() {
			last := int64(-1)
			for i := range each {
				request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url, nil)
				request.Header.Set("Authorization", fmt.Sprint("user", user))
				reply, err := r.client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(reply.Body)
				_ = reply.Body.Close()
				var n int64
				var whose string
				if _, err := fmt.Sscanf(string(body), `{"n":%d,"for":%q}`, &n, &whose); err != nil || whose != fmt.Sprint("user", user) {
					t.Errorf("user %d got %s", user, body)
				}
				hit := reply.Header.Get(faults.AttributionHeader) != ""
				if hit != (i > 0) || i > 1 && n <= last { // the first is shown twice
					t.Errorf("user %d, call %d: hit %t, %d behind %d", user, i, hit, n, last)
				}
				last = n
			}
		})
	}
	work.Wait()
}

// staleAsSent: bytes and coding are those that came; HEAD has its own; trailers stay behind.
func (s suite) staleAsSent(t *testing.T) {
	coded := inCoding(t, "gzip", cart)
	r := s.start(t, jsonUpstream(t, coded, "Content-Encoding", "gzip", "Vary", "X-Form"), rules(staleRule))
	for i := range 2 {
		reply, body := r.get("/", "Accept-Encoding", "gzip")
		equal(t, "the same bytes", body == coded, true)
		equal(t, "Content-Encoding", reply.Header.Get("Content-Encoding"), "gzip")
		equal(t, "hit", reply.Header.Get("X-Mode") != "", i > 0)
	}
	reply, _ := r.get("/", "Accept-Encoding", "br")
	equal(t, "another coding is hit", reply.Header.Get("X-Mode"), "")
	reply, _ = r.get("/", "Accept-Encoding", "gzip", "X-Form", "b")
	equal(t, "what the reply varies by is hit", reply.Header.Get("X-Mode"), "")

	c := r.dial()
	for i := range 3 {
		c.send("HEAD / HTTP/1.1", "Host: x", "", "")
		_, fields := c.mustHead()
		for name, want := range map[string]string{"Content-Length": fmt.Sprint(len(coded)), "Etag": `"1"`, "Content-Encoding": "gzip"} {
			equal(t, "HEAD: "+name, field(fields, name), want)
		}
		equal(t, "HEAD: hit", field(fields, "X-Mode") != "", i > 0)
	}
	upstream, _ := recording(t, "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"+
		"5\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\n\r\n")
	c = s.start(t, upstream, rules(staleRule)).dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	_, body := c.reply(http.MethodGet)
	equal(t, "body in chunks", body, "hello!")
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	_, fields := c.mustHead()
	for name, want := range map[string]string{"Content-Length": "6", "Trailer": "", "Transfer-Encoding": "", "X-Hop": "", "Age": "0"} {
		equal(t, "of chunks: "+name, field(fields, name), want)
	}
	c.expect("hello!")
}

// staleAmongOthers: what is remembered is the upstream's own, whatever others make of it; those behind it change what is given.
func (s suite) staleAmongOthers(t *testing.T) {
	r := s.start(t, counting(t, nil),
		rules(`{"name": "a", "corrupt": 3, "first": 1}`, `{"name": "b", "degrade": {"merge": {"n": 0}}, "first": 1}`, staleRule,
			`{"name": "c", "degrade": {"merge": {"more": 1}}, "skip": 1}`, `{"name": "d", "corrupt": 1, "skip": 2}`))
	r.get("/")
	_, body := r.get("/")
	equal(t, "edited", body, `{"n":1,"for":"","more":1}`)
	_, body = r.get("/")
	equal(t, "corrupted", body[1:], `"n":2,"for":"","more":1}`)
	_, body = r.get("/")
	equal(t, "not corrupted in memory", body[1:], `"n":3,"for":"","more":1}`)
	r.get("/")

	r = s.start(t, counting(t, nil), rules(`{"name": "gone", "abort": {"status": 500}, "phase": "after", "first": 1}`, staleRule))
	r.get("/")
	_, body = r.get("/")
	equal(t, "of a lost reply", body, `{"n":1,"for":""}`)
}

// staleNotRemembered: what is not whole, not good, or too large passes, and is not given again.
func (s suite) staleNotRemembered(t *testing.T) {
	for name, reply := range map[string]string{
		"session":            "200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\nhi",
		"events":             "200 OK\r\nContent-Length: 2\r\nContent-Type: text/event-stream\r\n\r\nhi",
		"a part":             "206 Partial Content\r\nContent-Length: 2\r\n\r\nhi",
		"no body":            "204 No Content\r\n\r\n",
		"made":               "201 Created\r\nContent-Length: 2\r\n\r\nhi",
		"too long":           "200 OK\r\nContent-Length: 1048577\r\n\r\n" + strings.Repeat("x", 1048577),
		"too long in chunks": "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n" + strings.Repeat("x", 1048577) + "\r\n0\r\n\r\n",
	} {
		upstream, _ := recording(t, "HTTP/1.1 "+reply)
		r := s.start(t, upstream, rules(staleRule))
		for range 2 {
			got, _ := r.get("/")
			equal(t, name+": hit", got.Header.Get("X-Mode"), "")
		}
	}
	for name, reply := range map[string]string{
		"broken off":     "Content-Length: 100\r\n\r\nhi",
		"in chunks":      "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
		"of unknown end": "\r\nhi",
	} {
		r := s.start(t, scripted(t, func(p *peer) {
			if _, _, err := p.head(); err == nil {
				p.send("HTTP/1.1 200 OK", reply)
			}
		}), rules(staleRule))
		for range 2 {
			if got, err := r.client.Get(r.url); err == nil {
				equal(t, name+": hit", got.Header.Get("X-Mode"), "")
				_, _ = io.Copy(io.Discard, got.Body)
				_ = got.Body.Close()
			}
			r.exchange()
		}
	}
}

// staleNothingWaits: a piece of what is being remembered goes on before the next one comes.
func (s suite) staleNothingWaits(t *testing.T) {
	arrived := make(chan struct{})
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range pieces {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-arrived:
			case <-r.Context().Done():
				return
			}
		}
	}), rules(`{"degrade": {"stale": "5m"}, "skip": 1}`))
	reply, err := r.client.Get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	buffer := make([]byte, len(piece))
	for i := range pieces {
		if _, err := io.ReadFull(reply.Body, buffer); err != nil {
			t.Fatalf("piece %d: %v", i, err)
		}
		arrived <- struct{}{}
	}
	_, _ = io.Copy(io.Discard, reply.Body)
	r.exchange()
	close(arrived)
	again, body := r.get("/")
	equal(t, "given again", body, strings.Repeat(piece, pieces))
	equal(t, "hit", again.Header.Get(faults.AttributionHeader), "rule=degrade; kind=degrade; n=2")
}

// streamStale: the same on streams, whether the upstream speaks HTTP/2 or not; one connection's users are told apart.
func (s http2Suite) streamStale(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("X-Type"))
		w.Header().Set(http.TrailerPrefix+"X-Sum", "7")
		_, _ = io.WriteString(w, r.Header.Get("Authorization")+r.Header.Get("X-Call"))
	}
	for _, upstream := range []string{serve(t, answer), serveHTTP2(t, answer)} {
		r := s.start(t, upstream, rules(staleRule))
		c := r.http2()
		for i, want := range []string{"a1", "b2", "a1", "b2", "a3"} {
			reply := c.get("/", "authorization", want[:1], "x-call", fmt.Sprint(i+1), "x-type", "text/plain")
			r.exchange() // it is remembered by then
			equal(t, "body", reply.body, want)
			equal(t, "hit", reply.field("x-mode") != "", i > 1)
			equal(t, "age", reply.field("age"), map[bool]string{true: "0"}[i > 1])
			equal(t, "trailers", len(reply.trailer), map[bool]int{false: 1}[i > 1])
		}
		for range 2 {
			reply := c.get("/", "x-type", "application/grpc")
			r.exchange()
			equal(t, "a stream is hit", reply.field("x-mode"), "")
		}
	}
}

// staleFreshWithoutEnd: a reply that is not shown is not waited for longer than its head would be.
func (s suite) staleFreshWithoutEnd(t *testing.T) {
	const timeout = 200 * time.Millisecond
	calls := 0
	r := s.start(t, scripted(t, func(p *peer) {
		for {
			if _, _, err := p.head(); err != nil {
				return
			}
			if calls++; calls == 1 {
				p.send("HTTP/1.1 200 OK", "Content-Length: 3", "", "one")
				continue
			}
			p.send("HTTP/1.1 200 OK", "Content-Length: 100", "", "two")
			_, _, _ = p.head() // until the proxy leaves
			return
		}
	}), config(func(c *proxy.Config) { c.Timeout = faults.Duration(timeout) }), rules(staleRule))
	r.get("/")
	for range 2 {
		begin := time.Now()
		_, body := r.get("/")
		equal(t, "body", body, "one")
		if took := time.Since(begin); took < timeout || took >= patience {
			t.Errorf("given after %v, want %v", took, timeout)
		}
	}
}
