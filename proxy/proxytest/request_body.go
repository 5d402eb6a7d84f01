package proxytest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

func (s suite) requestBody(t *testing.T) {
	t.Run("WithALength", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream)
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 5", "", "hello")
		c.reply(http.MethodPost)
		got := next(t, requests)
		equalFields(t, withoutID(got.fields), append(r.added("x"), "Host: x", "Content-Length: 5"))
		equal(t, "body", got.body, "hello")
		equal(t, "request bytes", r.exchange().RequestBytes, 5)
	})
	t.Run("Chunked", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream)
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "5;ext=1", "hello", "6", " world", "0", "", "")
		c.reply(http.MethodPost)
		got := next(t, requests)
		equalFields(t, withoutID(got.fields), append(r.added("x"), "Host: x", "Transfer-Encoding: chunked"))
		equal(t, "body", unchunk(t, got.body), "hello world")
	})
	t.Run("OfLengthZero", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		c := s.start(t, upstream).dial()
		c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 0", "", "")
		c.reply(http.MethodPost)
		equal(t, "Content-Length", field(next(t, requests).fields, "Content-Length"), "0")
	})
	t.Run("AnnouncedTrailers", func(t *testing.T) {
		got := s.trailers(t, "Trailer: X-Sum")
		equal(t, "Trailer", field(got.fields, "Trailer"), "X-Sum")
		if !strings.Contains(got.body, "\r\nX-Sum: 7\r\n") {
			t.Errorf("no trailer in %q", got.body)
		}
	})
	t.Run("UnannouncedTrailers", func(t *testing.T) {
		if got := s.trailers(t, "X-Other: 1"); !strings.Contains(got.body, "\r\nX-Sum: 7\r\n") {
			t.Errorf("no trailer in %q", got.body)
		}
	})
	t.Run("OriginsInTrailersAreDropped", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		c := s.start(t, upstream).dial()
		c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "5", "hello", "0", "X-Sum: 7", "X-Forwarded-For: 6.6.6.6",
			"Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "X-Request-Id: another", "", "")
		c.reply(http.MethodPost)
		got := next(t, requests)
		if !strings.Contains(got.body, "X-Sum: 7") || strings.Contains(got.body, "6.6.6.6") || strings.Contains(got.body, "another") {
			t.Errorf("the trailer is %q", got.body)
		}
	})
	t.Run("FramingInTrailersIsDropped", func(t *testing.T) {
		got := s.trailers(t, "X-Other: 1")
		for _, name := range []string{"Content-Length", "Host"} {
			if strings.Contains(got.body, name) {
				t.Errorf("%s in %q", name, got.body)
			}
		}
	})
	t.Run("ContinueIsTheUpstreams", s.continues)
	t.Run("LargeArrivesWhole", s.largeUpload)
	t.Run("EarlyReplyLeavesNoHole", s.earlyReply)
}

// unchunk reads a body that was recorded with its framing.
func unchunk(t *testing.T, raw string) string {
	t.Helper()
	head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	_, body := rawPeer(t, head+raw).reply(http.MethodGet)
	return body
}

// trailers sends a chunked request with a trailer, and fields of framing among them.
func (s suite) trailers(t *testing.T, header string) received {
	t.Helper()
	upstream, requests := recording(t, okReply)
	c := s.start(t, upstream).dial()
	c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", header, "",
		"5", "hello", "0", "X-Sum: 7", "Content-Length: 3", "Host: evil", "", "")
	c.reply(http.MethodPost)
	return next(t, requests)
}

func (s suite) continues(t *testing.T) {
	upstream := scripted(t, func(p *peer) {
		line, fields, err := p.head()
		if err != nil {
			return
		}
		if field(fields, "Expect") != "100-continue" || strings.Contains(line, "/refused") {
			p.send("HTTP/1.1 417 Expectation Failed", "Content-Length: 0", "Connection: close", "", "")
			return
		}
		p.send("HTTP/1.1 100 Continue", "", "")
		if body, _ := p.announcedBody(fields); body == "hello" {
			p.send("HTTP/1.1 200 OK", "Content-Length: 0", "Connection: close", "", "")
		}
	})
	r := s.start(t, upstream)
	head := []string{"Host: x", "Content-Length: 5", "Expect: 100-continue", "", ""}
	c := r.dial()
	c.send(append([]string{"POST /asked HTTP/1.1"}, head...)...)
	line, _ := c.mustHead()
	equal(t, "first line", line, "HTTP/1.1 100 Continue")
	c.send("hello")
	reply, _ := c.reply(http.MethodPost)
	equal(t, "status", reply.StatusCode, 200)

	c = r.dial()
	c.send(append([]string{"POST /refused HTTP/1.1"}, head...)...)
	line, _ = c.mustHead()
	equal(t, "line of a refusal", line, "HTTP/1.1 417 Expectation Failed")
}

func (s suite) largeUpload(t *testing.T) {
	const size = 8 << 20
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		_, _ = io.Copy(sum, r.Body)
		_, _ = io.WriteString(w, hex.EncodeToString(sum.Sum(nil)))
	}))
	sum := sha256.New()
	body := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sum)
	reply, err := r.client.Post(r.url, "application/octet-stream", body)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	got, _ := io.ReadAll(reply.Body)
	equal(t, "hash at the upstream", string(got), hex.EncodeToString(sum.Sum(nil)))
	equal(t, "request bytes", r.exchange().RequestBytes, size)
}

// earlyReply: an upstream that replies before it has the whole body gets all of it, or is cut off before its end, but
// never a body with a hole.
func (s suite) earlyReply(t *testing.T) {
	received := make(chan string, 1)
	upstream := scripted(t, func(p *peer) {
		if _, _, err := p.head(); err != nil {
			return
		}
		p.expect("5\r\nfirst\r\n")
		p.send("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "2", "ok", "") // and more may come
		rest, _ := io.ReadAll(p.reader)
		received <- string(rest)
	})
	c := s.start(t, upstream).dial()
	c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "5", "first", "")
	line, _ := c.mustHead()
	equal(t, "line", line, "HTTP/1.1 200 OK")
	c.send("6", "second", "5", "third", "0", "", "")
	_ = c.Close()
	rest := <-received
	if strings.HasSuffix(rest, "0\r\n\r\n") && unchunk(t, rest) != "secondthird" {
		t.Errorf("the upstream got %q after the first chunk: a hole", rest)
	}
}
