package proxytest

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// RunHTTP2 runs what an executor passes whose clients, or upstreams, speak HTTP/2: shown frame by frame. newExecutor is
// called for each proxy that a test starts.
func RunHTTP2(t *testing.T, newExecutor func() proxy.Executor) {
	s := http2Suite{suite{newExecutor}}
	for _, group := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"exchanges", s.exchanges},
		{"trailers", s.trailers},
		{"bothWays", s.bothWays},
		{"heldUploads", s.heldUploads},
		{"manyStreams", s.manyStreams},
		{"leaving", s.leaving},
		{"upstreamResets", s.upstreamResets},
		{"otherProtocols", s.otherProtocols},
		{"endings", s.streamEndings},
		{"AnHTTP2ResetThatAnswers200", s.mistake200},
		{"hang", s.streamHang},
		{"answers", s.streamAnswers},
		{"changes", s.streamChanges},
		{"goaway", s.streamGoaway},
		{"throttle", s.streamThrottle},
		{"capacity", s.streamCapacity},
		{"settings", s.settingsOnTheWay},
		{"drain", s.drainStreams},
		{"rapidReset", s.rapidReset},
		{"secured", s.secured},
	} {
		t.Run(group.name, group.run)
	}
}

// http2Suite is the executor under test.
type http2Suite struct{ suite }

// exchanges shows what goes through untouched.
func (s http2Suite) exchanges(t *testing.T) {
	requests := make(chan *http.Request, 10)
	upstream := serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- r
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header()["Date"] = nil
		w.Header().Set("X-Own", "1")
		_, _ = w.Write(append([]byte("got "), body...))
	})
	r := s.start(t, upstream)
	c := r.http2()
	id := c.open(http.MethodPost, "/a%7Cb?c=d;e", false, "te", "trailers", "grpc-timeout", "1S", "x-a", "b", "cookie", "a=1", "cookie", "b=2")
	c.send(id, "hello", true)
	reply := c.await(id)
	equal(t, "end", reply.end, ended)
	equal(t, "body", reply.body, "got hello")
	equalFields(t, reply.head, []string{
		":status: 200", "content-length: 9", "content-type: text/plain; charset=utf-8", "link: </a.css>", "x-own: 1",
	})
	got := <-requests
	equal(t, "protocol", got.Proto, "HTTP/2.0")
	equal(t, "target", got.RequestURI, "/a%7Cb?c=d;e")
	equal(t, "host", got.Host, "shop.test")
	for name, want := range map[string]string{
		"Te": "trailers", "Grpc-Timeout": "1S", "X-A": "b", "Cookie": "a=1; b=2", "X-Forwarded-For": "127.0.0.1",
		"X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.test",
	} {
		equal(t, name, got.Header.Get(name), want)
	}
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.OK)
	equal(t, "status", x.Status, 200)
	equal(t, "request", x.RequestBytes, 5)
	equal(t, "reply", x.ResponseBytes, 9)
	equal(t, "path", x.Method+" "+x.Host+x.Path, "POST shop.test/a|b")
	equal(t, "id", x.RequestID, got.Header.Get("X-Request-Id"))
	if next := c.get("/"); next.body != "got " || r.exchange().ID != x.ID+1 {
		t.Errorf("the next: %+v", next)
	}
}

// trailers shows that fields behind a body pass whether they were announced or not, and that a reply without a body is one.
func (s http2Suite) trailers(t *testing.T) {
	upstream := http2Upstream(t, func(f *http2.Framer, stream uint32) {
		if stream == 1 {
			writeHead(f, stream, false, ":status", "200", "content-type", "application/grpc", "trailer", "x-sum")
			_ = f.WriteData(stream, false, []byte("hello"))
			writeHead(f, stream, true, "x-sum", "7", "grpc-status", "0", "grpc-message", "50 %25")
			return
		}
		writeHead(f, stream, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "5")
	})
	c := s.start(t, upstream).http2()
	reply := c.get("/a/B", "te", "trailers")
	equal(t, "body", reply.body, "hello")
	equalFields(t, reply.trailer, []string{"grpc-message: 50 %25", "grpc-status: 0", "x-sum: 7"})
	only := c.get("/a/B", "te", "trailers")
	equalFields(t, only.head, []string{":status: 200", "content-type: application/grpc", "grpc-status: 5"})
	equal(t, "body of trailers alone", only.body, "")
	equal(t, "nothing behind the head", only.headOnly, true)
}

// bothWays: request and reply flow at the same time, each piece at once; and a reply may end before its request.
func (s http2Suite) bothWays(t *testing.T) {
	r := s.start(t, serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 5)
		for {
			n, err := io.ReadFull(r.Body, piece)
			if err != nil || string(piece) == "enouf" {
				return
			}
			_, _ = w.Write(piece[:n])
			_ = http.NewResponseController(w).Flush()
		}
	}))
	c := r.http2()
	id := c.open(http.MethodPost, "/a/B", false)
	for i := range 3 {
		c.send(id, "hello", false)
		c.awaitBody(id, strings.Repeat("hello", i+1))
	}
	other := c.open(http.MethodPost, "/a/B", false)
	c.send(other, "there", true)
	equal(t, "another stream", c.await(other).body, "there")
	equal(t, "it goes on", c.streams[id].end, "")
	c.send(id, "enouf", false) // and no end
	equal(t, "end", c.await(id).end, ended)
	equal(t, "whole", c.streams[id].body, "hellohellohello")
	equal(t, "outcomes", r.exchange().Outcome+r.exchange().Outcome, proxy.OK+proxy.OK)
	equal(t, "the connection lives", c.goaway == nil, true)
}

// heldUploads: what the streams of a connection have sent that nobody reads yet does not stop another one's upload.
func (s http2Suite) heldUploads(t *testing.T) {
	const held, size = 40, 60_000
	upstream := serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strconv.FormatInt(n, 10))
	})
	r := s.start(t, upstream, rules(`{"blackhole": {}, "match": {"path": "/held"}}`))
	c := r.http2()
	upload := func(path string) (id uint32) {
		id = c.open(http.MethodPost, path, false)
		for sent := 0; sent < size; sent += 10_000 {
			c.send(id, strings.Repeat("x", 10_000), sent+10_000 == size)
		}
		return id
	}
	var ids []uint32
	for range held {
		ids = append(ids, upload("/held"))
	}
	equal(t, "another upload", c.await(upload("/")).body, strconv.Itoa(size))
	for _, id := range ids {
		equal(t, "held", c.streams[id].end, "")
		c.reset(id)
	}
}

// manyStreams: as many streams as a connection may have, and more than that, carry their bodies both ways at once.
func (s http2Suite) manyStreams(t *testing.T) {
	const streams = 300
	body := strings.Repeat("0123456789abcdef", 6250) // 100 KB: more than a window
	upstream := serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	r := s.start(t, upstream)
	var speaks http.Protocols
	speaks.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &speaks}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	var calls sync.WaitGroup
	for range streams {
		calls.Go(func() {
			reply, err := client.Post(r.url, "text/plain", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer reply.Body.Close()
			got, err := io.ReadAll(reply.Body)
			if err != nil || string(got) != body {
				t.Errorf("%d bytes came back, then %v", len(got), err)
			}
		})
	}
	calls.Wait()
}

// leaving: a client that cancels a stream cancels the upstream's.
func (s http2Suite) leaving(t *testing.T) {
	begun, cancelled := make(chan struct{}, 2), make(chan struct{}, 2)
	upstream := serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/streams" {
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
		}
		begun <- struct{}{}
		<-r.Context().Done()
		cancelled <- struct{}{}
	})
	r := s.start(t, upstream)
	c := r.http2()
	for _, path := range []string{"/silent", "/streams"} {
		id := c.open(http.MethodGet, path, true)
		within(t, "the upstream is called", begun)
		if path == "/streams" {
			c.awaitBody(id, "some")
		}
		c.reset(id)
		within(t, path+": the upstream is told", cancelled)
		equal(t, path, r.exchange().Outcome, proxy.ClientLeft)
	}
	counter := faults.NewCounter()
	r.change(armed(t, counter, `{"delay": "1h"}`))
	id := c.open(http.MethodGet, "/", true)
	waitHit(t, counter)
	c.reset(id)
	equal(t, "held", r.exchange().Outcome, proxy.ClientLeft)
	equal(t, "places", counter.Status().Active, 0)
	equal(t, "calls", len(begun), 0)
}

// upstreamResets: the upstream's RST_STREAM is one for the client, and no reply. Which error it was, net/http cannot pass
// on.
func (s http2Suite) upstreamResets(t *testing.T) {
	upstream := http2Upstream(t, func(f *http2.Framer, stream uint32) {
		if stream > 1 {
			writeHead(f, stream, false, ":status", "200")
			_ = f.WriteData(stream, false, []byte("some"))
		}
		_ = f.WriteRSTStream(stream, http2.ErrCodeCancel)
	})
	r := s.start(t, upstream)
	c := r.http2()
	before := c.get("/")
	equal(t, "before the head", before.end, internalError)
	equal(t, "status", before.field(":status"), "")
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.RealError)
	equal(t, "error", strings.Contains(x.Error, "CANCEL"), true)
	behind := c.get("/")
	equal(t, "behind the head", behind.end, internalError)
	equal(t, "status", behind.field(":status"), "200")
	equal(t, "body", behind.body, "some")
	equal(t, "outcome", r.exchange().Outcome, proxy.RealError)
	equal(t, "the connection lives", c.goaway == nil, true)
}

// otherProtocols: each side may speak another version.
func (s http2Suite) otherProtocols(t *testing.T) {
	t.Run("HTTP1Upstream", func(t *testing.T) {
		upstream, requests := recording(t, chunkedReply)
		c := s.start(t, upstream).http2()
		id := c.open(http.MethodPost, "/a", false)
		c.send(id, "he", false)
		c.send(id, "llo", true)
		reply := c.await(id)
		equal(t, "body", reply.body, "hello world")
		equalFields(t, reply.trailer, []string{"x-sum: 7"})
		equal(t, "request line", next(t, requests).line, "POST /a HTTP/1.1")
	})
	t.Run("HTTP1Client", func(t *testing.T) {
		r := s.start(t, serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/early" {
				_, _ = io.WriteString(w, "early")
				return
			}
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)+9))
			_, _ = io.WriteString(w, r.Proto+" "+string(body))
		}), rules(`{"reset": {"at": "body", "after": 4}, "match": {"path": "/cut"}}`))
		c := r.dial()
		for _, body := range []string{"hello", "again"} {
			c.send("POST /a HTTP/1.1", "Host: x", "Content-Length: 5", "", body)
			reply, got := c.reply(http.MethodPost)
			equal(t, "status", reply.StatusCode, 200)
			equal(t, "body", got, "HTTP/2.0 "+body)
			equal(t, "outcome", r.exchange().Outcome, proxy.OK)
		}
		c.send("GET /a HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
		reply, got := c.reply(http.MethodGet)
		equal(t, "an upgrade is none there", strconv.Itoa(reply.StatusCode)+got, "200HTTP/2.0 ")
		c.send("POST /early HTTP/1.1", "Host: x", "Content-Length: 1000", "", "hello")
		reply, got = c.reply(http.MethodPost)
		equal(t, "an early reply", strconv.Itoa(reply.StatusCode)+got, "200early")
		c.expectEnd()
		c = r.dial()
		c.send("GET /cut HTTP/1.1", "Host: x", "", "")
		c.mustHead()
		cut, end := c.rest()
		equal(t, "cut", cut+" "+end, "HTTP "+rst)
	})
	t.Run("HTTP1ClientAfterAChange", func(t *testing.T) {
		clear, _ := recording(t, okReply)
		r := s.start(t, clear)
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		c.reply(http.MethodGet)
		r.change(config(func(c *proxy.Config) {
			c.Upstream = serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })
		}))
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		_, body := c.reply(http.MethodGet)
		equal(t, "body", body, "HTTP/2.0")
	})
	t.Run("ATruncatedPreface", func(t *testing.T) {
		clear, requests := recording(t, okReply)
		c := s.start(t, clear).dial()
		c.send("PRI * HTTP/2.0", "Host: x", "", "")
		reply, _ := c.reply(http.MethodGet)
		equal(t, "status", reply.StatusCode, 505)
		none(t, requests)
	})
}

// halves starts an upstream whose streams to /slow come in two halves, the second once the test says so; /grpc is answered
// with trailers; others are told how often they were called.
func halves(t *testing.T) (url string, release chan<- struct{}, calls <-chan string) {
	t.Helper()
	second, called := make(chan struct{}), make(chan string, 100)
	return serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		called <- r.URL.Path
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

// settingsOnTheWay: every stream that starts after a change sees it, also on a connection that was there before.
func (s http2Suite) settingsOnTheWay(t *testing.T) {
	upstream, _, _ := halves(t)
	r := s.start(t, upstream)
	c := r.http2()
	for i := range 5 {
		r.change(rules(`{"abort": 503}`))
		equal(t, "after a change", c.get("/").field(":status"), "503")
		r.change(rules())
		equal(t, "after "+strconv.Itoa(i)+" more", c.get("/").field(":status"), "200")
	}
}

// drainStreams: a shutdown sends GOAWAY, cuts delays, and lets the streams under way finish.
func (s http2Suite) drainStreams(t *testing.T) {
	upstream, release, _ := halves(t)
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"delay": "1h", "match": {"path": "/hit"}}`))
	idle := r.http2()
	idle.get("/")
	c := r.http2()
	slow := c.open(http.MethodGet, "/slow", true)
	c.awaitBody(slow, "first")
	held := c.open(http.MethodGet, "/hit", true)
	waitHit(t, counter)
	down := make(chan bool, 1)
	go func() { down <- r.shutdown(patience) }()
	equal(t, "held", c.await(held).body, "0123456789")
	c.until("a GOAWAY", func() bool { return c.goaway != nil })
	equal(t, "GOAWAY", *c.goaway, http2.ErrCodeNo)
	release <- struct{}{}
	equal(t, "under way", c.await(slow).body+" "+c.streams[slow].end, "first second "+ended)
	idle.expectEnd()
	c.expectEnd()
	equal(t, "dropped", <-down, false)

	stuck := s.start(t, upstream)
	c = stuck.http2()
	slow = c.open(http.MethodGet, "/slow", true)
	c.awaitBody(slow, "first")
	var told atomic.Bool
	slowly := func(proxy.Exchange) {
		time.Sleep(100 * time.Millisecond) // longer than the connection lives
		told.Store(true)
	}
	stuck.probe.Store(&slowly)
	equal(t, "dropped", stuck.shutdown(50*time.Millisecond), true)
	equal(t, "nothing runs on", told.Load(), true)
	equal(t, "outcome", stuck.exchange().Outcome, proxy.RealError)
	release <- struct{}{}
}

// rapidReset: streams that are reset as soon as they begin leave nothing behind: each is recorded, and gives its place
// back.
func (s http2Suite) rapidReset(t *testing.T) {
	const streams = 10_000
	upstream := serveHTTP2(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"name": "it", "delay": "1h", "max_active": 100}`))
	recorded := make(chan struct{}, streams)
	probe := func(x proxy.Exchange) {
		if x.Outcome == proxy.ClientLeft {
			recorded <- struct{}{}
		}
	}
	r.probe.Store(&probe)
	opened := 0
	for opened < streams {
		c := r.http2()
		for range min(100, streams-opened) { // as many as a connection may have open
			c.reset(c.open(http.MethodGet, "/", true))
			opened++
		}
		c.wrote(c.framer.WritePing(false, [8]byte{1})) // answered once all that was read
		pong := false
		for !pong && !c.closed {
			frame, err := c.framer.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if ping, ok := frame.(*http2.PingFrame); ok && ping.IsAck() {
				pong = true
			} else {
				c.take(frame)
			}
		}
		_ = c.Close()
	}
	soon(t, "all are recorded", func() bool { return len(recorded) == streams })
	status := counter.Status()
	equal(t, "matched", status.Matched, streams)
	equal(t, "active", status.Active, 0)
	r.probe.Store(nil)
	for len(r.exchanges) > 0 { // the rig keeps 100 of them
		r.exchange()
	}
	answering, _, _ := halves(t)
	r.change(rules(), config(func(c *proxy.Config) { c.Upstream = answering }))
	equal(t, "the next", r.http2().get("/").body, "0123456789")
	equal(t, "its outcome", r.exchange().Outcome, proxy.OK)
}
