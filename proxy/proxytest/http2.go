package proxytest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

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
		{"stale", s.streamStale},
		{"goaway", s.streamGoaway},
		{"throttle", s.streamThrottle},
		{"capacity", s.streamCapacity},
		{"settings", s.settingsOnTheWay},
		{"drain", s.drainStreams},
		{"attempts", s.streamAttempts},
		{"rapidReset", s.rapidReset},
		{"resetBudget", s.resetBudget},
		{"brokenHeads", s.brokenHeads},
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
	const streams = 150
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
