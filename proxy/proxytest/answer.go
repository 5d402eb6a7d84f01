package proxytest

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// counted is an upstream that says how often it was called.
func counted(t *testing.T) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = new(atomic.Int64)
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("X-Own", "1")
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Access-Control-Allow-Origin", "https://shop.test")
		w.Header().Set("Vary", "Origin")
		w.Header().Set("Content-Type", "text/real")
		_, _ = io.WriteString(w, "real")
	}), calls
}

func (s suite) answer(t *testing.T) {
	t.Run("BeforeTheUpstreamIsNotCalled", s.answerBefore)
	t.Run("AfterItRanAndItsReplyIsDropped", s.answerAfter)
	t.Run("AfterKeepsTheUpstreamsConnection", func(t *testing.T) {
		clients := make(chan string, 10)
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			clients <- r.RemoteAddr
			_, _ = io.WriteString(w, "short")
		}), rules(`{"abort": 500, "phase": "after"}`))
		r.get("/")
		r.get("/")
		equal(t, "second connection", <-clients, <-clients)
	})
	t.Run("AfterKeepsFieldsIfAsked", func(t *testing.T) {
		upstream, _ := counted(t)
		r := s.start(t, upstream, rules(`{"phase": "after", "abort": {"status": 500, "keep_headers": true, "body": "no"}}`))
		reply, body := r.get("/")
		equal(t, "body", body, "no")
		equal(t, "X-Own", reply.Header.Get("X-Own"), "1")
		equal(t, "Etag", reply.Header.Get("Etag"), "")
		equal(t, "Content-Type", reply.Header.Get("Content-Type"), "text/plain; charset=utf-8")
		equal(t, "length", reply.ContentLength, 2)
	})
	t.Run("WithoutABody", s.bodylessAnswer)
	t.Run("CORS", s.answerAcrossOrigins)
	t.Run("WithoutAttribution", func(t *testing.T) {
		upstream, _ := counted(t)
		off := config(func(c *proxy.Config) { c.Attribution = false })
		reply, _ := s.start(t, upstream, off, rules(`{"abort": 503}`)).get("/")
		equal(t, "attribution", reply.Header.Get(faults.AttributionHeader), "")
	})
	t.Run("ToAnUpload", func(t *testing.T) {
		upstream, calls := counted(t)
		r := s.start(t, upstream, rules(`{"abort": 503}`))
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 1000000", "", "the rest never comes")
		reply, _ := c.reply(http.MethodPost) // without waiting for the body
		equal(t, "status", reply.StatusCode, 503)
		equal(t, "calls", calls.Load(), 0)
	})
	t.Run("ProtectedPath", func(t *testing.T) {
		upstream, calls := counted(t)
		r := s.start(t, upstream, rules(`{"abort": 503}`, `{"name": "b", "abort": 500, "phase": "after"}`))
		reply, _ := r.get("/health")
		equal(t, "status", reply.StatusCode, 200)
		equal(t, "calls", calls.Load(), 1)
		reply, _ = r.get("/healthy")
		equal(t, "status of another", reply.StatusCode, 503)
	})
}

func (s suite) answerBefore(t *testing.T) {
	upstream, calls := counted(t)
	r := s.start(t, upstream, rules(`{"name": "no way", "abort": {"status": 503, "headers": {"X-Why": "chaos"}}}`))
	reply, body := r.get("/")
	equal(t, "status", reply.StatusCode, 503)
	equal(t, "body", body, `{"message":"Service Unavailable"}`+"\n")
	equal(t, "length", reply.ContentLength, int64(len(body)))
	equal(t, "Content-Type", reply.Header.Get("Content-Type"), "application/json")
	equal(t, "X-Why", reply.Header.Get("X-Why"), "chaos")
	equal(t, "attribution", reply.Header.Get(faults.AttributionHeader), `rule="no way"; kind=abort; n=1`)
	equal(t, "calls", calls.Load(), 0)
	timingOf(t, reply, "abort", 0)
	x := r.exchange()
	equal(t, "request id", reply.Header.Get("X-Request-Id"), x.RequestID)
	equal(t, "outcome", x.Outcome, proxy.Injected)
	equal(t, "faulted", x.Faulted, true)
}

func (s suite) answerAfter(t *testing.T) {
	upstream, calls := counted(t)
	r := s.start(t, upstream, rules(`{"abort": 500, "phase": "after", "match": {"response": {"status": 200}}}`))
	reply, body := r.get("/")
	equal(t, "status", reply.StatusCode, 500)
	equal(t, "body", body, `{"message":"Internal Server Error"}`+"\n")
	equal(t, "calls", calls.Load(), 1)
	for name, want := range map[string]string{
		"X-Own": "", "Etag": "", "Access-Control-Allow-Origin": "https://shop.test", "Vary": "Origin",
		"X-Squall-Fault": "rule=abort; kind=abort; n=1",
	} {
		equal(t, name, reply.Header.Get(name), want)
	}
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.Injected)
	equal(t, "attempts", x.UpstreamAttempts, 1)
}

func (s suite) answerAcrossOrigins(t *testing.T) {
	upstream, _ := counted(t)
	r := s.start(t, upstream, rules(`{"abort": 503}`))
	reply, _ := r.get("/", "Origin", "https://shop.test")
	equal(t, "origin", reply.Header.Get("Access-Control-Allow-Origin"), "https://shop.test")
	equal(t, "credentials", reply.Header.Get("Access-Control-Allow-Credentials"), "true")
	equal(t, "Vary", reply.Header.Get("Vary"), "Origin")
	reply, _ = r.get("/")
	equal(t, "without an origin", reply.Header.Get("Access-Control-Allow-Origin"), "")
}

func (s suite) bodylessAnswer(t *testing.T) {
	upstream, _ := counted(t)
	r := s.start(t, upstream, rules(
		`{"name": "a", "abort": 204, "match": {"path": "/204"}}`,
		`{"name": "b", "abort": 304, "match": {"path": "/304"}}`,
		`{"name": "c", "abort": {"status": 503, "body": "gone"}}`))
	c := r.dial()
	for range 2 { // the second shows that no body was sent
		c.send("GET /204 HTTP/1.1", "Host: x", "", "")
		line, fields := c.mustHead()
		equal(t, "line", line, "HTTP/1.1 204 No Content")
		equal(t, "Content-Length", field(fields, "Content-Length"), "")
		c.send("GET /304 HTTP/1.1", "Host: x", "", "")
		line, _ = c.mustHead()
		equal(t, "line", line, "HTTP/1.1 304 Not Modified")
		c.send("HEAD /any HTTP/1.1", "Host: x", "", "")
		line, fields = c.mustHead()
		equal(t, "line", line, "HTTP/1.1 503 Service Unavailable")
		equal(t, "Content-Length", field(fields, "Content-Length"), "4")
	}
	for range 6 {
		equal(t, "response bytes", r.exchange().ResponseBytes, 0)
	}
}

// timingOf holds a reply's Server-Timing (W3C Server Timing, 2): the kind of the fault, and a time that is no shorter than
// what it was held before.
func timingOf(t *testing.T, reply *http.Response, kind string, atLeast time.Duration) {
	t.Helper()
	found := regexp.MustCompile(`^squall;desc="([a-z_]+)";dur=(\d+\.\d)$`).FindStringSubmatch(reply.Header.Get(faults.ServerTimingHeader))
	if found == nil {
		t.Fatalf("Server-Timing is %q", reply.Header.Values(faults.ServerTimingHeader))
	}
	equal(t, "kind in Server-Timing", found[1], kind)
	took, err := strconv.ParseFloat(found[2], 64)
	if most := float64(patience) / float64(time.Millisecond); err != nil || took < float64(atLeast)/float64(time.Millisecond) || took > most {
		t.Errorf("Server-Timing says %v ms, %v", took, err)
	}
}

// serverTiming: an answer says how long it was held, beside what the dropped reply said; what is no answer of ours, or bears no
// mark, says nothing.
func (s suite) serverTiming(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Server-Timing", "db;dur=5") })
	r := s.start(t, upstream, rules(
		`{"name": "slow", "delay": "20ms"}`,
		`{"name": "gone", "abort": 503, "match": {"path": "/gone"}}`,
		`{"name": "stale", "phase": "before", "degrade": {"body": {"a": 1}}, "match": {"path": "/body"}}`))
	reply, _ := r.get("/gone")
	timingOf(t, reply, "abort", 20*time.Millisecond)
	reply, _ = r.get("/body")
	timingOf(t, reply, "degrade", 20*time.Millisecond)
	reply, _ = r.get("/")
	equal(t, "the upstream's own", reply.Header.Get("Server-Timing"), "db;dur=5")
	unmarked := s.start(t, upstream, rules(`{"name": "gone", "abort": 503}`), func(_ *testing.T, e *proxy.Endpoint) { e.Config.Attribution = false })
	reply, _ = unmarked.get("/")
	equal(t, "without a mark", reply.Header.Get("Server-Timing"), "")
}
