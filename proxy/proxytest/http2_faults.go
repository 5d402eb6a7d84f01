package proxytest

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// streamChanges shows faults that let the exchange go on.
func (s http2Suite) streamChanges(t *testing.T) {
	bodies := make(chan string, 10)
	upstream := serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body) + r.Header.Get("X-Request-Fault")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(http.TrailerPrefix+"X-Sum", "7")
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		_, _ = io.WriteString(w, `{"a":1,"b":2}`)
	})
	own := config(func(c *proxy.Config) { c.Attribution = false })
	for _, test := range []struct{ rule, sent, head, body, trailer string }{
		{`{"trailers": {"drop": ["X-Sum"]}}`, "hi", "", `{"a":1,"b":2}`, "grpc-status: 0"},
		{`{"trailers": {"drop": "all"}}`, "hi", "", `{"a":1,"b":2}`, ""},
		{`{"trailers": {"set": {"grpc-status": "14"}}}`, "hi", "", `{"a":1,"b":2}`, "grpc-status: 14,x-sum: 7"},
		{`{"headers": {"response": {"set": {"X-A": "b"}}, "request": {"set": {"X-Request-Fault": "!"}}}}`, "hi!", "b", `{"a":1,"b":2}`, "grpc-status: 0,x-sum: 7"},
		{`{"degrade": {"merge": {"b": null}}}`, "hi", "", `{"a":1}`, ""},
		{`{"corrupt": 1}`, "hi", "", "?", "grpc-status: 0,x-sum: 7"},
		{`{"duplicate": 2}`, "hi", "", `{"a":1,"b":2}`, "grpc-status: 0,x-sum: 7"},
		{`{"delay": "20ms"}`, "hi", "", `{"a":1,"b":2}`, "grpc-status: 0,x-sum: 7"},
		{`{"drip": {"chunk": 5, "interval": "10ms"}}`, "hi", "", `{"a":1,"b":2}`, "grpc-status: 0,x-sum: 7"},
	} {
		r := s.start(t, upstream, own, rules(test.rule))
		c := r.http2()
		begin := time.Now()
		id := c.open(http.MethodPost, "/", false)
		c.send(id, "hi", true)
		reply := c.await(id)
		took := time.Since(begin)
		equal(t, test.rule+": end", reply.end, ended)
		if test.body == "?" {
			equal(t, test.rule+": body", len(reply.body) == 13 && reply.body[0] != '{' && reply.body[1:] == `"a":1,"b":2}`, true)
		} else {
			equal(t, test.rule+": body", strings.TrimSpace(reply.body), test.body)
		}
		equal(t, test.rule+": header", reply.field("x-a"), test.head)
		slices.Sort(reply.trailer)
		equal(t, test.rule+": trailer", strings.Join(reply.trailer, ","), test.trailer)
		equal(t, test.rule+": sent", <-bodies, test.sent)
		if strings.Contains(test.rule, "20ms") || strings.Contains(test.rule, "10ms") {
			equal(t, test.rule+": never early", took >= 20*time.Millisecond, true)
		}
		x := r.exchange()
		equal(t, test.rule+": flags", len(x.Flags()), 1)
		if strings.Contains(test.rule, "duplicate") {
			equal(t, "repeated", <-bodies+<-bodies, "hihi")
			equal(t, "attempts", x.UpstreamAttempts, 3)
		}
	}
	equal(t, "other requests", len(bodies), 0)
}

// streamGoaway: the reply arrives whole, and the client is told to leave; what it has open goes on.
func (s http2Suite) streamGoaway(t *testing.T) {
	upstream, release, _ := halves(t)
	hinting := serveHTTP2(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints) })
	early := s.start(t, hinting, rules(`{"goaway": {}}`)).http2()
	equal(t, "behind an interim reply", early.get("/").field(":status"), "200")
	early.until("a GOAWAY", func() bool { return early.goaway != nil })
	r := s.start(t, upstream, rules(`{"goaway": {}, "match": {"path": "/hit"}}`))
	c := r.http2()
	other := c.open(http.MethodGet, "/slow", true)
	c.awaitBody(other, "first")
	equal(t, "untouched", c.get("/").body, "0123456789")
	equal(t, "GOAWAY yet", c.goaway == nil, true)
	hit := c.get("/hit")
	equal(t, "reply", hit.body+" "+hit.end, "0123456789 "+ended)
	equal(t, "field", hit.field("connection"), "")
	c.until("a GOAWAY", func() bool { return c.goaway != nil })
	equal(t, "GOAWAY", *c.goaway, http2.ErrCodeNo)
	release <- struct{}{}
	equal(t, "the other stream", c.await(other).body, "first second")
	c.expectEnd()
	equal(t, "another connection", r.http2().get("/").body, "0123456789")
}

// streamThrottle: the rate holds for a stream, and trailers wait for the body.
func (s http2Suite) streamThrottle(t *testing.T) {
	const size = 2000
	upstream := serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	})
	r := s.start(t, upstream, rules(`{"throttle": "10KB", "match": {"path": "/hit"}}`))
	c := r.http2()
	begin := time.Now()
	slow := c.open(http.MethodGet, "/hit", true)
	quick := c.get("/")
	equal(t, "another stream", len(quick.body), size)
	equal(t, "meanwhile", c.streams[slow].end, "")
	reply := c.await(slow)
	took := time.Since(begin)
	equal(t, "body", len(reply.body), size)
	equalFields(t, reply.trailer, []string{"grpc-status: 0"})
	if least := 150 * time.Millisecond; took < least { // 200 ms, of which 50 ms may be a burst
		t.Errorf("%d bytes at 10 KB/s took %v, want at least %v", size, took, least)
	}
}

// streamCapacity: the streams of one connection share what is limited.
func (s http2Suite) streamCapacity(t *testing.T) {
	upstream, release, _ := halves(t)
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"concurrency": {"max": 1}}`))
	c := r.http2()
	first := c.open(http.MethodGet, "/slow", true)
	c.awaitBody(first, "first")
	equal(t, "beside it", c.get("/").field(":status"), "503")
	release <- struct{}{}
	equal(t, "the first", c.await(first).body, "first second")
	r.exchange()
	r.exchange()
	equal(t, "behind it", c.get("/").field(":status"), "200")

	limited := s.start(t, upstream, rules(`{"rate_limit": {"rate": 2, "per": "1h"}}`)).http2()
	for i, want := range []string{"200", "200", "429"} {
		equal(t, "request "+strconv.Itoa(i), limited.get("/").field(":status"), want)
	}
}
