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
	t.Run("BeforeTheUpstreamIsNotCalled", func(t *testing.T) {
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
		x := r.exchange()
		equal(t, "request id", reply.Header.Get("X-Request-Id"), x.RequestID)
		equal(t, "outcome", x.Outcome, proxy.Injected)
		equal(t, "faulted", x.Faulted, true)
	})
	t.Run("AfterItRanAndItsReplyIsDropped", func(t *testing.T) {
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
	t.Run("CORS", func(t *testing.T) {
		upstream, _ := counted(t)
		r := s.start(t, upstream, rules(`{"abort": 503}`))
		reply, _ := r.get("/", "Origin", "https://shop.test")
		equal(t, "origin", reply.Header.Get("Access-Control-Allow-Origin"), "https://shop.test")
		equal(t, "credentials", reply.Header.Get("Access-Control-Allow-Credentials"), "true")
		equal(t, "Vary", reply.Header.Get("Vary"), "Origin")
		reply, _ = r.get("/")
		equal(t, "without an origin", reply.Header.Get("Access-Control-Allow-Origin"), "")
	})
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
}

func (s suite) hold(t *testing.T) {
	t.Run("Delays", func(t *testing.T) {
		upstream, _ := counted(t)
		r := s.start(t, upstream, rules(`{"name": "a", "delay": "40ms"}`, `{"name": "b", "delay": "40ms"}`,
			`{"name": "c", "delay": "40ms", "phase": "after"}`, `{"name": "d", "abort": 500, "percent": 0}`))
		start := time.Now()
		reply, _ := r.get("/")
		if took := time.Since(start); took < 120*time.Millisecond {
			t.Errorf("took %v, want 120ms", took) // they add up
		}
		equal(t, "status", reply.StatusCode, 200)
		x := r.exchange()
		equal(t, "delayed", x.Delayed, true)
		equal(t, "faulted", x.Faulted, false)
		equal(t, "outcome", x.Outcome, proxy.OK)
		if x.Duration < 120*time.Millisecond || x.UpstreamDuration > x.Duration-120*time.Millisecond {
			t.Errorf("recorded %v, of which %v upstream", x.Duration, x.UpstreamDuration)
		}
	})
	for _, phase := range []string{"before", "after"} {
		t.Run("DelayEndsWithTheClient/"+phase, func(t *testing.T) {
			upstream, calls := counted(t)
			counter := faults.NewCounter()
			r := s.start(t, upstream, armed(t, counter, `{"delay": "1h", "phase": "`+phase+`", "max_active": 1}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			waitHit(t, counter)
			equal(t, "active", counter.Status().Active, 1)
			_ = c.Close()
			equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)
			equal(t, "active", counter.Status().Active, 0)
			equal(t, "called", calls.Load() == 1, phase == "after")
		})
		t.Run("Blackhole/"+phase, func(t *testing.T) {
			upstream, calls := counted(t)
			r := s.start(t, upstream, rules(`{"blackhole": {"for": "50ms"}, "phase": "`+phase+`"}`))
			c := r.dial()
			start := time.Now()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			c.expectEnd()
			if took := time.Since(start); took < 50*time.Millisecond {
				t.Errorf("closed after %v, want 50ms", took)
			}
			x := r.exchange()
			equal(t, "outcome", x.Outcome, proxy.Injected)
			equal(t, "status", x.Status, 0)
			equal(t, "called", calls.Load() == 1, phase == "after")
		})
		t.Run("BlackholeUntilTheClientLeaves/"+phase, func(t *testing.T) {
			upstream, _ := counted(t)
			counter := faults.NewCounter()
			r := s.start(t, upstream, armed(t, counter, `{"blackhole": {}, "phase": "`+phase+`"}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			waitHit(t, counter)
			_ = c.Close()
			equal(t, "outcome", r.exchange().Outcome, proxy.Injected)
		})
	}
}

// armed puts one rule in force whose counter the test keeps.
func armed(t *testing.T, counter *faults.Counter, document string) option {
	t.Helper()
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: rule(t, document), Counter: counter}}})
	if err != nil {
		t.Fatal(err)
	}
	return func(_ *testing.T, e *proxy.Endpoint) { e.Faults = set }
}

// waitHit blocks until a rule has hit.
func waitHit(t *testing.T, counter *faults.Counter) {
	t.Helper()
	if _, err := counter.WaitHits(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}

func (s suite) headers(t *testing.T) {
	const edit = `{"set": {"X-Set": "new"}, "add": {"X-Add": "2"}, "remove": ["X-Gone"]}`
	t.Run("OfTheRequest", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream, rules(`{"headers": {"request": `+edit+`}}`))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "X-Set: old", "X-Add: 1", "X-Gone: 1", "", "")
		c.reply(http.MethodGet)
		equalFields(t, withoutID(next(t, requests).fields),
			append(r.added("x"), "Host: x", "X-Set: new", "X-Add: 1", "X-Add: 2"))
		equal(t, "faulted", r.exchange().Faulted, true)
	})
	for _, phase := range []string{"before", "after"} {
		response := `"phase": "` + phase + `", "headers": {"response": {"set": {"X-Own": "edited"}, "add": {"X-Own": "2"},
			"remove": ["Etag", "Content-Type"]}}`
		t.Run("OfTheReply/"+phase, func(t *testing.T) {
			upstream, _ := counted(t)
			reply, body := s.start(t, upstream, rules(`{`+response+`}`)).get("/")
			equal(t, "X-Own", strings.Join(reply.Header.Values("X-Own"), ","), "edited,2")
			equal(t, "Etag", reply.Header.Get("Etag"), "")
			equal(t, "Content-Type", reply.Header.Get("Content-Type"), "") // removed is removed, not sniffed
			equal(t, "body", body, "real")
		})
		t.Run("OfAnAnswerBehind/"+phase, func(t *testing.T) {
			upstream, _ := counted(t)
			r := s.start(t, upstream, rules(`{`+response+`}`, `{"abort": 503, "phase": "`+phase+`"}`))
			reply, _ := r.get("/")
			equal(t, "status", reply.StatusCode, 503)
			equal(t, "X-Own", strings.Join(reply.Header.Values("X-Own"), ","), "edited,2")
		})
	}
}

// record shows that every exchange is told once, with what was decided.
func (s suite) record(t *testing.T) {
	upstream, _ := counted(t)
	r := s.start(t, upstream, rules(
		`{"name": "a", "delay": "1ms", "match": {"headers": {"X-Slow": "1"}}}`,
		`{"name": "b", "abort": 418, "match": {"path": "/tea/**"}}`))
	r.call(http.MethodPost, "/a//b/../c?q=1", "hello")
	x := r.exchange()
	for what, pair := range map[string][2]any{
		"proxy": {x.Proxy, "p"}, "client": {x.Client, "127.0.0.1"}, "method": {x.Method, "POST"}, "host": {x.Host, r.addr},
		"path": {x.Path, "/a/c"}, "status": {x.Status, 200}, "request bytes": {x.RequestBytes, int64(5)},
		"response bytes": {x.ResponseBytes, int64(4)}, "outcome": {x.Outcome, proxy.OK}, "error": {x.Error, ""},
		"attempts": {x.UpstreamAttempts, 1}, "flags": {len(x.Flags()), 0},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %v, want %v", what, pair[0], pair[1])
		}
	}
	if x.UpstreamDuration <= 0 || x.Duration < x.UpstreamDuration || time.Since(x.At) > patience {
		t.Errorf("took %v, of which %v upstream, from %v", x.Duration, x.UpstreamDuration, x.At)
	}
	r.get("/tea/green", "X-Slow", "1")
	second := r.exchange()
	equal(t, "flags", strings.Join(second.Flags(), ","), "DI,FI")
	decisions := second.Faults.Decisions()
	if len(decisions) != 2 || decisions[0].Outcome != faults.Hit || decisions[1].Outcome != faults.Hit {
		t.Errorf("decided %v", decisions)
	}
	equal(t, "numbered apart", x.ID != second.ID, true)

	broken := faults.Rule{Name: "broken", Kind: "abort", Percent: 100, Enabled: true}
	broken.Attributes = (*faults.Abort)(nil) // deciding panics
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: broken, Counter: faults.NewCounter()}}})
	if err != nil {
		t.Fatal(err)
	}
	r.change(func(_ *testing.T, e *proxy.Endpoint) { e.Faults = set })
	reply, body := r.get("/")
	equal(t, "status in spite of a panic", reply.StatusCode, 200)
	equal(t, "body in spite of a panic", body, "real")
	if x := r.exchange(); x.FaultPanic == "" {
		t.Error("the panic is not recorded")
	}
	if len(r.exchanges) > 0 {
		t.Error("an exchange was recorded twice")
	}
}
