package proxytest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func (s suite) reply(t *testing.T) {
	t.Run("ArrivesAsItCame", func(t *testing.T) {
		sent := []string{"Set-Cookie: a=1", "Set-Cookie: b=2", "X-Thing: some  thing", "Content-Length: 15"}
		upstream, _ := recording(t, "HTTP/1.1 200 OK\r\n"+strings.Join(sent, "\r\n")+"\r\n\r\n<html>no sniff!")
		c := s.start(t, upstream).dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		line, fields := c.mustHead()
		equal(t, "status line", line, "HTTP/1.1 200 OK")
		equalFields(t, fields, sent) // no Content-Type, no Date, no Server of ours
		c.expect("<html>no sniff!")
	})
	t.Run("HopByHopFieldsStayBehind", func(t *testing.T) {
		upstream, _ := recording(t, "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"+
			"Proxy-Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
		c := s.start(t, upstream).dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		_, fields := c.mustHead()
		equalFields(t, fields, []string{"Content-Length: 2"})
		c.expect("ok")
	})
	t.Run("Statuses", func(t *testing.T) {
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			var status int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		for _, status := range []int{200, 201, 204, 205, 301, 302, 304, 307, 400, 401, 404, 418, 429, 500, 502, 503, 504, 599} {
			reply, _ := r.get(fmt.Sprintf("/%d", status))
			equal(t, "status", reply.StatusCode, status)
			equal(t, "Location", reply.Header.Get("Location"), "/elsewhere") // redirects are the client's to follow
		}
	})
	t.Run("CompressionIsTheUpstreams", s.compression)
	t.Run("EarlyHints", s.earlyHints)
	t.Run("FewInterimReplies", s.interim)
	t.Run("ConnectionsAreReused", s.reuse)
}

func (s suite) earlyHints(t *testing.T) {
	upstream, _ := recording(t, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"+okReply)
	c := s.start(t, upstream).dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	line, fields := c.mustHead()
	equal(t, "first line", line, "HTTP/1.1 103 Early Hints")
	equal(t, "Link", field(fields, "Link"), "</a.css>")
	line, fields = c.mustHead()
	equal(t, "second line", line, "HTTP/1.1 200 OK")
	equalFields(t, fields, []string{"Content-Length: 2"})
	c.expect("ok")
}

// interim: an upstream's 1xx replies cost it nothing, and a client of HTTP/1.0 does not know them (RFC 9110, 15.2).
func (s suite) interim(t *testing.T) {
	upstream, _ := recording(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", 8)+okReply)
	r := s.start(t, upstream)
	for version, want := range map[string]int{"1.1": 5, "1.0": 0} {
		c := r.dial()
		c.send("GET / HTTP/"+version, "Host: x", "", "")
		got, line, fields := 0, "", []string(nil)
		for line, fields = c.mustHead(); strings.Contains(line, " 103 "); line, fields = c.mustHead() {
			got++
		}
		equal(t, "interim replies to HTTP/"+version, got, want)
		equal(t, "last line", strings.HasSuffix(line, " 200 OK"), true)
		equal(t, "Link of the reply itself", field(fields, "Link"), "")
		c.expect("ok")
	}
}

func (s suite) compression(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(strings.Repeat("squeeze me ", 100)))
	_ = z.Close()
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped.Bytes())
	}))
	for _, accept := range []string{"gzip", "identity", ""} {
		reply, body := r.get("/", "Accept-Encoding", accept)
		equal(t, "Content-Encoding", reply.Header.Get("Content-Encoding"), "gzip")
		equal(t, "same bytes", body == zipped.String(), true)
	}
}

func (s suite) reuse(t *testing.T) {
	connections := make(chan struct{}, 100)
	upstream := scripted(t, func(p *peer) {
		connections <- struct{}{}
		for {
			if _, _, err := p.head(); err != nil {
				return
			}
			p.send(okReply)
		}
	})
	c := s.start(t, upstream).dial()
	for range 10 {
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		c.reply(http.MethodGet)
	}
	equal(t, "upstream connections", len(connections), 1)
}

func (s suite) replyFraming(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
	t.Run("Chunked", func(t *testing.T) {
		upstream, _ := recording(t, chunked)
		c := s.start(t, upstream).dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		reply, body := c.reply(http.MethodGet)
		equal(t, "body", body, "hello world")
		equal(t, "length", reply.ContentLength, -1)
	})
	t.Run("UntilTheEnd", func(t *testing.T) {
		r := s.start(t, scripted(t, func(p *peer) {
			if _, _, err := p.head(); err == nil {
				p.send("HTTP/1.1 200 OK", "", "all of it")
			}
		}))
		_, body := r.get("/")
		equal(t, "body", body, "all of it")
	})
	t.Run("NoneForHEAD", func(t *testing.T) {
		upstream, requests := recording(t, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
		c := s.start(t, upstream).dial()
		for range 2 { // the second shows that no body was sent or expected
			c.send("HEAD / HTTP/1.1", "Host: x", "", "")
			_, fields := c.mustHead()
			equalFields(t, fields, []string{"Content-Length: 1234"})
			equal(t, "request line", next(t, requests).line, "HEAD / HTTP/1.1")
		}
	})
	t.Run("NoneFor204And304", s.bodyless)
	t.Run("Trailers", s.replyTrailers)
	t.Run("HTTP10", func(t *testing.T) {
		upstream, _ := recording(t, chunked)
		c := s.start(t, upstream).dial()
		c.send("GET / HTTP/1.0", "Host: x", "", "")
		line, fields := c.mustHead()
		equal(t, "chunked", field(fields, "Transfer-Encoding"), "")
		equal(t, "status", strings.HasSuffix(line, " 200 OK"), true)
		c.expect("hello world")
		c.expectEnd()
	})
	t.Run("HTTP10KeepsAliveWhenAsked", func(t *testing.T) {
		upstream, _ := recording(t, okReply)
		c := s.start(t, upstream).dial()
		for range 3 {
			c.send("GET / HTTP/1.0", "Host: x", "Connection: keep-alive", "", "")
			_, body := c.reply(http.MethodGet)
			equal(t, "body", body, "ok")
		}
	})
}

func (s suite) bodyless(t *testing.T) {
	for _, status := range []string{"204 No Content", "304 Not Modified"} {
		upstream, _ := recording(t, "HTTP/1.1 "+status+"\r\nETag: \"1\"\r\n\r\n")
		c := s.start(t, upstream).dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			line, fields := c.mustHead()
			equal(t, "line", line, "HTTP/1.1 "+status)
			equalFields(t, fields, []string{`Etag: "1"`})
		}
	}
}

func (s suite) replyTrailers(t *testing.T) {
	for _, test := range []struct{ name, announcement string }{
		{"Announced", "Trailer: X-Sum\r\n"}, {"Unannounced", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			upstream, _ := recording(t, "HTTP/1.1 200 OK\r\n"+test.announcement+
				"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n")
			c := s.start(t, upstream).dial()
			c.send("GET / HTTP/1.1", "Host: x", "TE: trailers", "", "")
			reply, err := http.ReadResponse(c.reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			body, err := io.ReadAll(reply.Body)
			if err != nil || string(body) != "hello" {
				t.Fatalf("body %q, %v", body, err)
			}
			equal(t, "X-Sum", reply.Trailer.Get("X-Sum"), "7")
		})
	}
}
