package proxytest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// attempts shows what is recorded of the client that makes an exchange.
func (s suite) attempts(t *testing.T) {
	t.Run("connection", s.attemptConnection)
	t.Run("identity", s.attemptIdentity)
	t.Run("calls", s.attemptCalls)
	t.Run("times", s.attemptTimes)
	t.Run("ends", s.attemptEnds)
	t.Run("replies", s.attemptReplies)
	t.Run("without marks", s.attemptUnmarked)
}

// attempt makes a call and gives what was recorded of it.
func (r *rig) attempt(method, path, body string, header ...string) proxy.Attempt {
	r.t.Helper()
	r.call(method, path, body, header...)
	return r.exchange().Attempt
}

// attemptConnection: exchanges of a connection are counted, and connections told apart.
func (s suite) attemptConnection(t *testing.T) {
	upstream, _ := counted(t)
	r := s.start(t, upstream)
	first, second := r.attempt("GET", "/", ""), r.attempt("GET", "/", "")
	r.client.CloseIdleConnections()
	third := r.attempt("GET", "/", "")
	equal(t, "first of a connection", first.Nth, 1)
	equal(t, "second", second.Nth, 2)
	equal(t, "same connection", second.Connection, first.Connection)
	equal(t, "first of another", third.Nth, 1)
	equal(t, "another connection", third.Connection != first.Connection && third.Connection != 0, true)
}

// attemptIdentity: targets and bodies are told apart, whatever rules do to them.
func (s suite) attemptIdentity(t *testing.T) {
	upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	r := s.start(t, upstream)
	long := strings.Repeat("x", 64<<10)
	plain := r.attempt("POST", "/a?b=c", "hello")
	equal(t, "the same again", r.attempt("POST", "/a?b=c", "hello").Body, plain.Body)
	equal(t, "another query", r.attempt("POST", "/a?b=d", "hello").Target != plain.Target, true)
	other := r.attempt("POST", "/a?b=c", "hallo")
	equal(t, "same target", other.Target, plain.Target)
	equal(t, "another body", other.Body != plain.Body, true)
	equal(t, "no body", r.attempt("POST", "/a", "").Body, 0)
	full := r.attempt("POST", "/a", long).Body
	equal(t, "beyond 64 KiB nothing counts", r.attempt("POST", "/a", long+"y").Body, full)
	equal(t, "up to there all does", r.attempt("POST", "/a", long[1:]+"y").Body != full, true)
	r.change(rules(`{"corrupt": {"side": "request", "bytes": 5}}`))
	equal(t, "corrupted later", r.attempt("POST", "/a", long).Body, full)
	r.change(rules(`{"abort": 503, "phase": "after", "match": {"body": {"/a": 1}}}`))
	matched := r.attempt("POST", "/a", `{"a": 1}`)
	r.change(rules())
	equal(t, "looked into before", r.attempt("POST", "/a", `{"a": 1}`).Body, matched.Body)

	raw := func(target string) uint64 {
		p := r.dial()
		p.send("GET "+target+" HTTP/1.1", "Host: "+strings.TrimPrefix(upstream, "http://"), "Connection: close", "", "")
		_, _ = io.ReadAll(p)
		return r.exchange().Attempt.Target
	}
	equal(t, "a target as URL", raw(upstream+"/a?b=c"), plain.Target)
	equal(t, "as it came", raw("/%61?b=c") != plain.Target, true)
}

// attemptCalls: which call an attempt belongs to, and which it is, is what its client says.
func (s suite) attemptCalls(t *testing.T) {
	upstream, _ := counted(t)
	r := s.start(t, upstream)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, test := range []struct {
		header, by string
		number     int
		numberBy   string
	}{
		{"", "", 0, ""},
		{"X-Request-Id: one", "X-Request-Id", 0, ""},
		{"x-request-id: \xff", "", 0, ""}, // none that is passed on: one is made
		{"traceparent: " + trace, "Traceparent", 0, ""},
		{"traceparent: nonsense", "", 0, ""},
		{"traceparent: " + trace + "|X-Request-Id: one", "X-Request-Id", 0, ""},
		{"X-Request-Id: one|amz-sdk-invocation-id: a|amz-sdk-request: ttl=1; attempt=2; max=3", "Amz-Sdk-Invocation-Id", 2, "Amz-Sdk-Request"},
		{"amz-sdk-invocation-id: a|Idempotency-Key: k", "Idempotency-Key", 0, ""},
		{"x-idempotency-key: k|X-Request-Id: one", "X-Idempotency-Key", 0, ""},
		{"grpc-previous-rpc-attempts: 2", "", 3, "Grpc-Previous-Rpc-Attempts"},
		{"X-Envoy-Attempt-Count: 4", "", 4, "X-Envoy-Attempt-Count"},
		{"X-Envoy-Attempt-Count: many", "", 0, ""},
		{"Idempotency-Key: k|x-shop-call: 7", "X-Shop-Call", 0, ""},
	} {
		lines := []string{"GET / HTTP/1.1", "Host: x", "Connection: close"}
		for line := range strings.SplitSeq(test.header, "|") {
			if line != "" {
				lines = append(lines, line)
			}
		}
		p := r.dial()
		p.send(append(lines, "", "")...)
		_, _ = io.ReadAll(p)
		a := r.exchange().Attempt
		if a.CallBy != test.by || a.Call != 0 != (test.by != "") || a.Number != test.number || a.NumberBy != test.numberBy {
			t.Errorf("%q: call %x by %q, number %d by %q", test.header, a.Call, a.CallBy, a.Number, a.NumberBy)
		}
		equal(t, test.header+": key", a.Key != 0, strings.Contains(strings.ToLower(test.header), "idempotency-key"))
	}
	one := r.attempt("GET", "/", "", "X-Request-Id", "one").Call
	equal(t, "the same id", r.attempt("GET", "/", "", "X-Request-Id", "one").Call, one)
	equal(t, "another id", r.attempt("GET", "/", "", "X-Request-Id", "two").Call != one, true)
}

// attemptTimes: when the request was there, and when the reply began.
func (s suite) attemptTimes(t *testing.T) {
	const delay = 30 * time.Millisecond
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "a")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/slow" {
			time.Sleep(delay)
		}
	})
	r := s.start(t, upstream)
	r.get("/slow")
	x := r.exchange()
	if a := x.Attempt; a.RequestEnd <= 0 || a.FirstByte < a.RequestEnd || x.Duration-a.FirstByte < delay/2 { // it may be passed on late
		t.Errorf("a reply that ends late: request %v, first byte %v, over %v", a.RequestEnd, a.FirstByte, x.Duration)
	}
	r.change(rules(`{"delay": "30ms"}`))
	r.get("/")
	if x = r.exchange(); x.Attempt.RequestEnd >= delay || x.Attempt.FirstByte < delay {
		t.Errorf("a reply that begins late: request %v, first byte %v", x.Attempt.RequestEnd, x.Attempt.FirstByte)
	}
	r.change(rules())
	p := r.dial()
	p.send("POST / HTTP/1.1", "Host: x", "Connection: close", "Content-Length: 2", "", "a")
	time.Sleep(delay)
	p.send("b")
	_, _ = io.ReadAll(p)
	if x = r.exchange(); x.Attempt.RequestEnd < delay/2 { // the head may have been read late
		t.Errorf("a request that ends late: %v", x.Attempt.RequestEnd)
	}
	r.change(rules(`{"blackhole": "10ms"}`))
	_, _ = r.client.Get(r.url + "/") // fails
	equal(t, "no reply", r.exchange().Attempt.FirstByte, 0)
}

// attemptEnds: who has ended the connection.
func (s suite) attemptEnds(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "hello")
	})
	r := s.start(t, upstream)
	raw := func(path string, fields ...string) proxy.Side {
		p := r.dial()
		p.send(append([]string{"GET " + path + " HTTP/1.1", "Host: x"}, append(fields, "", "")...)...)
		_, _ = p.Read(make([]byte, 1))
		by := r.exchange().Attempt.ClosedBy
		_ = p.Close()
		return by
	}
	equal(t, "kept", raw("/"), "")
	equal(t, "the client asks for it", raw("/", "Connection: close"), proxy.ByClient)
	equal(t, "an answer about the upstream", raw("/broken"), "")
	for rule, by := range map[string]proxy.Side{
		`{"abort": 503}`: "", `{"reset": {}}`: proxy.ByProxy, `{"empty": {}}`: proxy.ByProxy,
		`{"truncate": 2}`: proxy.ByProxy, `{"goaway": {}}`: proxy.ByProxy,
	} {
		r.change(rules(rule))
		equal(t, rule, raw("/"), by)
	}
	for _, rule := range []string{`{"delay": "20s"}`, `{"blackhole": "20s"}`} {
		r.change(rules(rule))
		p := r.dial()
		p.send("GET / HTTP/1.1", "Host: x", "", "")
		time.Sleep(20 * time.Millisecond) // the request is on its way
		_ = p.Close()
		equal(t, "the client leaves in "+rule, r.exchange().Attempt.ClosedBy, proxy.ByClient)
	}
	r.change(rules(`{"blackhole": "1ms"}`))
	equal(t, "a silence that ends", raw("/"), proxy.ByProxy)
}

// attemptReplies: what replies tell their clients, as they got it.
func (s suite) attemptReplies(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Date"] = nil
		switch r.URL.Path {
		case "/told":
			h["Date"] = []string{"Sun, 22 Nov 2026 20:00:00 GMT"}
			h.Set("Retry-After", "5")
			h.Set("Cache-Control", "max-age=60")
			h.Set("Age", "3")
			h.Set("Cache-Status", "x; hit")
			h.Set("Etag", r.URL.RawQuery)
		case "/long":
			h.Set("Retry-After", strings.Repeat("9", 100))
		case "/fallback":
			h.Set("X-Service-Mode", "fallback")
		case "/lab":
			h.Set("Content-Type", "application/json; charset=utf-8")
			_, _ = io.WriteString(w, `{"message": "Service in degra`)
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, `ded mode (fallback)", "data": [1, 2, 3]}`)
			return
		case "/elsewhere":
			h.Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"data": "not in degraded mode"}`)
			return
		}
		_, _ = io.WriteString(w, r.URL.RawQuery)
	})
	r := s.start(t, upstream)
	told := func(path string) proxy.ReplyMarks { return r.attempt("GET", path, "").Reply }
	marks := told("/told?a")
	tagged := marks.Token
	marks.Token = 0
	equal(t, "told", marks, proxy.ReplyMarks{
		RetryAfter: "5", CacheControl: "max-age=60", Age: "3", CacheStatus: "x; hit", Date: "Sun, 22 Nov 2026 20:00:00 GMT",
	})
	equal(t, "the same ETag", told("/told?a").Token, tagged)
	equal(t, "another one", told("/told?b").Token != tagged, true)
	equal(t, "a long text is cut", told("/long").RetryAfter, strings.Repeat("9", 64))
	equal(t, "the same body", told("/?a").Token, told("/?a").Token)
	equal(t, "another body", told("/?a").Token != told("/?b").Token, true)
	equal(t, "no body", told("/").Token, 0)
	equal(t, "not degraded", told("/elsewhere").Degraded, false)
	equal(t, "degraded by its header", told("/fallback").Degraded, true)
	equal(t, "degraded by its body", told("/lab").Degraded, true)
	r.change(rules(`{"abort": {"status": 503, "retry_after": 7}}`))
	equal(t, "a fault's answer", told("/").RetryAfter, "7")
}

// streamAttempts: what is recorded of clients of HTTP/2, whose streams end by themselves.
func (s http2Suite) streamAttempts(t *testing.T) {
	upstream, release, calls := halves(t)
	r := s.start(t, upstream)
	c := r.http2()
	id := c.open(http.MethodPost, "/upload", false, "idempotency-key", "k", "grpc-previous-rpc-attempts", "1")
	c.send(id, "hello", true)
	c.await(id)
	first := r.exchange().Attempt
	equal(t, "nth", first.Nth, 1)
	equal(t, "named by", first.CallBy, "Idempotency-Key")
	equal(t, "number", first.Number, 2)
	equal(t, "times", first.RequestEnd > 0 && first.FirstByte > 0, true)
	equal(t, "a body", first.Body != 0, true)
	equal(t, "a stream that ends", first.ClosedBy, "")
	equal(t, "a reply's body", first.Reply.Token != 0, true)
	<-calls
	defer close(release)
	id = c.open(http.MethodGet, "/slow", true)
	<-calls
	c.reset(id)
	second := r.exchange().Attempt
	equal(t, "the next one", second.Nth, 2)
	equal(t, "of the same connection", second.Connection, first.Connection)
	equal(t, "a stream that is reset", second.ClosedBy, proxy.ByClient)
	r.change(rules(`{"reset": {}}`))
	c.get("/")
	equal(t, "a stream that a fault ends", r.exchange().Attempt.ClosedBy, proxy.ByProxy)
}

// attemptUnmarked: an engine without marks says when and over which connection a client made its attempt, and no more.
func (s suite) attemptUnmarked(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Retry-After", "1")
		w.Header().Set("X-Service-Mode", "fallback")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "sorry")
	})
	r := s.startEngine(t, upstream, func(e *proxy.Engine) { e.NoMarks = true })
	for _, body := range []string{"hello", strings.Repeat("x", 200<<10)} {
		got := r.attempt("POST", "/a?b=c", body, "Idempotency-Key", "k", "Amz-Sdk-Request", "attempt=2")
		if got.Connection == 0 || got.Nth == 0 || got.RequestEnd == 0 || got.FirstByte == 0 {
			t.Errorf("what is free is missing: %+v", got)
		}
		equal(t, "the rest", got, proxy.Attempt{
			Connection: got.Connection, Nth: got.Nth, RequestEnd: got.RequestEnd, FirstByte: got.FirstByte, ClosedBy: got.ClosedBy,
		})
	}
}
