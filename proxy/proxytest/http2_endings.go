package proxytest

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// halves starts an upstream whose streams to /slow come in two halves, the second once the test says so; /grpc is answered
// with trailers, /upload when its request is there; others are told how often they were called.
func halves(t *testing.T) (url string, release chan<- struct{}, calls <-chan string) {
	t.Helper()
	second, called := make(chan struct{}), make(chan string, 100)
	return serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		called <- r.URL.Path
		if r.URL.Path == "/upload" {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		if r.URL.Path != "/slow" {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "0123456789")
			return
		}
		_, _ = io.WriteString(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-second
		_, _ = io.WriteString(w, " second")
	}), second, called
}

// streamEndings: every ending is RST_STREAM with INTERNAL_ERROR, behind what was to arrive; the connection lives on, and
// another stream is not harmed.
func (s http2Suite) streamEndings(t *testing.T) {
	for _, test := range []struct {
		rule, status, body string
		called             bool
	}{
		{`"reset": "start"`, "", "", false},
		{`"reset": "start", "phase": "after"`, "", "", true},
		{`"reset": "head"`, "", "", false},
		{`"reset": {"at": "body", "after": 4}`, "200", "0123", true},
		{`"reset": {"at": "body", "after": 10}`, "200", "0123456789", true},
		{`"empty": {}`, "", "", false},
		{`"empty": {}, "phase": "after"`, "", "", true},
		{`"malformed": "status_line"`, "", "", false},
		{`"malformed": "header"`, "", "", false},
		{`"malformed": "chunk"`, "", "", false},
		{`"malformed": "garbage"`, "", "", false},
		{`"blackhole": "10ms"`, "", "", false},
		{`"blackhole": "10ms", "phase": "after"`, "", "", true},
		{`"truncate": 4`, "200", "0123", true},
		{`"truncate": 0`, "200", "", true},
		{`"truncate": 0.59`, "200", "01234", true},
		{`"truncate": {"after": 4, "how": "reset"}`, "200", "0123", true},
	} {
		t.Run(test.rule, func(t *testing.T) {
			upstream, release, calls := halves(t)
			r := s.start(t, upstream, rules(`{"name": "it", "first": 1, "match": {"path": "/hit"}, `+test.rule+`}`))
			c := r.http2()
			other := c.open(http.MethodGet, "/slow", true)
			c.awaitBody(other, "first")
			hit := c.get("/hit")
			equal(t, "end", hit.end, internalError)
			equal(t, "status", hit.field(":status"), test.status)
			equal(t, "body", hit.body, test.body)
			if marked := hit.field(strings.ToLower(faults.AttributionHeader)) != ""; marked != (test.status != "") {
				t.Errorf("head %q", hit.head)
			}
			status, _ := strconv.Atoi(test.status) // none = 0
			r.endedBy(t, status, int64(len(test.body)))
			release <- struct{}{}
			equal(t, "the other stream", c.await(other).body+" "+c.streams[other].end, "first second "+ended)
			equal(t, "its outcome", r.exchange().Outcome, proxy.OK)
			spared := c.get("/hit")
			equal(t, "the next", spared.body+" "+spared.end, "0123456789 "+ended)
			equal(t, "its outcome", r.exchange().Outcome, proxy.OK)
			equal(t, "GOAWAY", c.goaway == nil, true)
			want := []string{"/slow", "/hit"}
			if test.called {
				want = append(want, "/hit")
			}
			equal(t, "calls", len(calls), len(want))
		})
	}
}

// mistake200 is one of the old mistakes of the field: a reset of which the client sees a whole reply, and that a good one.
func (s http2Suite) mistake200(t *testing.T) {
	upstream, _, _ := halves(t)
	for _, rule := range []string{
		`{"reset": "start"}`, `{"reset": "head"}`, `{"reset": {"at": "body", "after": 4}}`, `{"reset": "start", "phase": "after"}`,
	} {
		reply := s.start(t, upstream, rules(rule)).http2().get("/")
		if reply.end == ended || len(reply.body) > 4 || reply.field(":status") == "200" && reply.body == "" {
			t.Errorf("%s: the client got %+v", rule, reply)
		}
	}
}

// streamHang: what arrives in silence stays silent until the client leaves.
func (s http2Suite) streamHang(t *testing.T) {
	upstream, _, _ := halves(t)
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"truncate": {"after": 4, "how": "hang"}, "first": 1}`))
	c := r.http2()
	id := c.open(http.MethodGet, "/hit", true)
	c.awaitBody(id, "0123")
	equal(t, "the next", c.get("/hit").body, "0123456789")
	equal(t, "its outcome", r.exchange().Outcome, proxy.OK)
	equal(t, "still silent", c.streams[id].end, "")
	equal(t, "active", counter.Status().Active, 1)
	c.reset(id)
	r.endedBy(t, 200, 4)
	soon(t, "the place is given back", func() bool { return counter.Status().Active == 0 })

	held := s.start(t, upstream, armed(t, faults.NewCounter(), `{"truncate": {"after": 4, "how": "hang"}}`))
	c = held.http2()
	id = c.open(http.MethodGet, "/hit", true)
	c.awaitBody(id, "0123")
	equal(t, "dropped at shutdown", held.shutdown(patience), false)
	equal(t, "end", c.await(id).end, internalError)
}

// streamAnswers shows what stands in for a reply, to clients of HTTP and to calls of gRPC.
func (s http2Suite) streamAnswers(t *testing.T) {
	upstream, _, calls := halves(t)
	r := s.start(t, upstream, rules(
		`{"abort": {"status": 429, "grpc_status": "RESOURCE_EXHAUSTED", "grpc_message": "50 % größer", "headers": {"X-A": "b"}}, "match": {"path": "/both"}}`,
		`{"name": "late", "abort": 503, "phase": "after", "match": {"path": "/late"}}`,
		`{"abort": 503, "match": {"path": "/503"}}`,
		`{"name": "limit", "rate_limit": {"rate": 0}, "match": {"path": "/limit"}}`,
		`{"name": "own", "abort": {"status": 200, "body": "frames", "content_type": "application/grpc"}, "match": {"path": "/own"}}`,
	), config(func(c *proxy.Config) { c.Attribution = false }))
	c := r.http2()
	plain := c.get("/both")
	equalFields(t, withoutOwn(plain.head), []string{":status: 429", "content-length: 32", "content-type: application/json", "x-a: b"})
	equal(t, "body", plain.body, "{\"message\":\"Too Many Requests\"}\n")
	for path, want := range map[string][]string{
		"/both":  {"grpc-message: 50 %25 gr%C3%B6%C3%9Fer", "grpc-status: 8", "x-a: b"},
		"/late":  {"grpc-message: Service Unavailable", "grpc-status: 14"},
		"/503":   {"grpc-message: Service Unavailable", "grpc-status: 14"},
		"/limit": {"grpc-message: Too Many Requests", "grpc-status: 14", "retry-after: 1"},
	} {
		id := c.open(http.MethodPost, path, false, "content-type", "application/grpc+proto", "te", "trailers")
		reply := c.await(id) // although the request is not through
		equalFields(t, withoutOwn(reply.head), append([]string{":status: 200", "content-type: application/grpc"}, want...))
		equal(t, path+": trailers only", reply.headOnly, true)
	}
	own := c.get("/own", "content-type", "application/grpc")
	equal(t, "an answer that is gRPC", own.body+" "+own.field(":status"), "frames 200")
	equal(t, "gRPC-Web reads a status of HTTP", c.get("/503", "content-type", "application/grpc-web").field(":status"), "503")
	equal(t, "untouched", c.get("/").body, "0123456789")
	equal(t, "calls", len(calls), 2) // the late one, and the one untouched
}

// withoutOwn drops what the proxy or the server adds to each reply.
func withoutOwn(fields []string) []string {
	return slices.DeleteFunc(slices.Clone(fields), func(f string) bool {
		return strings.HasPrefix(f, "date: ") || strings.HasPrefix(f, "x-request-id: ")
	})
}
