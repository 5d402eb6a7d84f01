package proxytest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// early is about replies that go out while the body of the request is not read.
func (s suite) early(t *testing.T) {
	t.Run("HalfAnUploadIsNotWaitedFor", s.halfAnUpload)
	t.Run("WholeUploadsKeepTheConnection", func(t *testing.T) {
		upstream, _ := counted(t)
		r := s.start(t, upstream, rules(`{"abort": 503, "match": {"path": "/fail"}}`))
		for _, upload := range []string{
			"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n",
		} {
			c := r.dial()
			for range 3 {
				c.send("POST /fail HTTP/1.1", "Host: x", upload)
				reply, _ := c.reply(http.MethodPost)
				equal(t, "status", reply.StatusCode, 503)
			}
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			_, body := c.reply(http.MethodGet)
			equal(t, "behind it", body, "real")
		}
	})
	t.Run("ABrokenUploadIsNoRequest", func(t *testing.T) { // nor is what stands behind it
		upstream, calls := counted(t)
		c := s.start(t, upstream, rules(`{"abort": 503, "match": {"path": "/fail"}}`)).dial()
		c.send("POST /fail HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "xyz", "GET / HTTP/1.1", "Host: x", "", "")
		reply, _ := c.reply(http.MethodPost)
		equal(t, "refused", reply.StatusCode >= 400, true)
		c.expectEnd()
		equal(t, "calls", calls.Load(), 0)
	})
	t.Run("ArrivesDuringTheUpload", s.duringTheUpload)
}

// eager starts an upstream that replies as soon as it has a head, and reads on.
func eager(t *testing.T, reply string) string {
	return scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send(reply)
			_, _ = io.Copy(io.Discard, p.reader)
		}
	})
}

// halfAnUpload: once the client has its reply, it has not got a place for as long as it likes.
func (s suite) halfAnUpload(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
	for _, test := range []struct {
		name, upstream, line string
		status               int
	}{
		{"abort", okReply, "POST /fail HTTP/1.1", 503},
		{"connect", okReply, "CONNECT shop.test:443 HTTP/1.1", 405},
		{"another host", okReply, "POST http://shop.test/ HTTP/1.1", 421},
		{"early reply", okReply, "POST / HTTP/1.1", 200},
		{"early chunked reply", chunked, "POST / HTTP/1.1", 200},
		{"early reply, HTTP/1.0", chunked, "POST / HTTP/1.0", 200},
		{"early reply that breaks off", strings.TrimSuffix(chunked, "0\r\n\r\n") + "xyz\r\n", "POST / HTTP/1.1", 0},
	} {
		for _, half := range []string{"Content-Length: 1000\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"} {
			if strings.HasSuffix(test.line, "1.0") && strings.HasPrefix(half, "T") {
				continue // a contradiction
			}
			t.Run(test.name+"/"+half[:1], func(t *testing.T) {
				t.Parallel()
				c := s.start(t, eager(t, test.upstream), rules(`{"abort": 503, "match": {"path": "/fail"}}`)).dial()
				c.send(test.line, "Host: x", half)
				begin := time.Now()
				if test.status != 0 {
					reply, _ := c.reply(http.MethodPost)
					equal(t, "status", reply.StatusCode, test.status)
					if took := time.Since(begin); took > 900*time.Millisecond && !strings.HasSuffix(test.line, "1.0") {
						t.Errorf("the reply took %v", took)
					}
				}
				_, _ = io.Copy(io.Discard, c.reader) // whatever ends it
				if took := time.Since(begin); took > 5*time.Second {
					t.Errorf("the connection stayed open for %v", took)
				}
			})
		}
	}
}

// duringTheUpload: the reply arrives in full at a client that goes on sending.
func (s suite) duringTheUpload(t *testing.T) {
	const size = 1 << 20
	long := "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n" + strings.Repeat("x", size)
	r := s.start(t, eager(t, long), rules(`{"abort": {"status": 503, "body": "no"}, "match": {"path": "/fail"}}`))
	for line, want := range map[string]int{"POST /fail HTTP/1.1": 2, "POST / HTTP/1.1": size} {
		for _, framing := range []string{"Content-Length: 8388608", "Transfer-Encoding: chunked"} {
			c := r.dial()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				c.send(line, "Host: x", framing, "", "")
				piece := strings.Repeat("y", 1<<16)
				if framing[0] == 'T' {
					piece = "10000\r\n" + piece + "\r\n"
				}
				for range 128 {
					c.send(piece)
				}
			}()
			_, body := c.reply(http.MethodPost)
			equal(t, line+" with "+framing+": body", len(body), want)
			_ = c.Close()
			within(t, "the upload's end", sent)
		}
	}
}
