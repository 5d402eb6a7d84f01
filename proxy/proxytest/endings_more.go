package proxytest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// endStream: a stream is cut as it flows, and its upstream is let go at once.
func (s suite) endStream(t *testing.T) {
	left := make(chan struct{})
	arrived := make(chan struct{}, 1)
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
			select { // the next piece comes only when this one has arrived
			case <-arrived:
			case <-r.Context().Done():
			}
		}
	}), rules(`{"truncate": 28}`))
	reply, err := r.client.Get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	buffer := make([]byte, len(piece))
	for range 2 {
		if _, err := io.ReadFull(reply.Body, buffer); err != nil || string(buffer) != piece {
			t.Fatalf("got %q, %v", buffer, err)
		}
		arrived <- struct{}{}
	}
	n, err := io.ReadFull(reply.Body, buffer)
	equal(t, "the rest", string(buffer[:n]), piece[:28-2*len(piece)])
	equal(t, "a broken end", errors.Is(err, io.ErrUnexpectedEOF), true)
	within(t, "the upstream's end", left)
	r.endedBy(t, 200, 28)
}

// endBehindMegabyte: an RST does not overtake what was to arrive before it.
func (s suite) endBehindMegabyte(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 200_000)
	r := s.start(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }),
		rules(`{"reset": {"at": "body", "after": "1MB"}}`))
	reply, err := r.client.Get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	got, err := io.ReadAll(reply.Body)
	if err == nil || !bytes.Equal(got, body[:1_000_000]) {
		t.Errorf("%d bytes arrived, then %v", len(got), err)
	}
	r.endedBy(t, 200, 1_000_000)
}

// uncuttable: where there is nothing to cut, the reply passes as it came, and the rules behind go on.
func (s suite) uncuttable(t *testing.T) {
	const sized = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
	for _, test := range []struct{ name, rule, method, reply, body string }{
		{"a body of that length", `"truncate": 10`, "GET", sized, "0123456789"},
		{"a shorter body", `"truncate": {"after": "1KB", "how": "hang"}`, "GET", sized, "0123456789"},
		{"no length", `"truncate": 0.5`, "GET", chunkedReply, "hello world"},
		{"an empty body", `"truncate": 0`, "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		{"HEAD", `"truncate": 4`, "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", ""},
		{"HEAD, reset", `"reset": "body"`, "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", ""},
		{"204", `"truncate": 0`, "GET", "HTTP/1.1 204 No Content\r\n\r\n", ""},
		{"204, reset", `"reset": "body"`, "GET", "HTTP/1.1 204 No Content\r\n\r\n", ""},
		{"304", `"truncate": {"after": 0, "how": "reset"}`, "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			upstream, _ := recording(t, test.reply)
			r := s.start(t, upstream, rules(`{"name": "it", `+test.rule+`}`,
				`{"name": "behind", "phase": "after", "headers": {"response": {"set": {"X-Behind": "1"}}}}`))
			c := r.dial()
			for range 2 { // the second shows that the connection lives
				c.send(test.method+" / HTTP/1.1", "Host: x", "", "")
				reply, body := c.reply(test.method)
				equal(t, "body", body, test.body)
				equal(t, "mark", reply.Header.Get(faults.AttributionHeader), "")
				equal(t, "behind", reply.Header.Get("X-Behind"), "1")
				x := r.exchange()
				equal(t, "outcome", x.Outcome, proxy.OK)
				d := x.Faults.Decisions()
				if len(d) != 2 || d[0].Why != faults.WhyBody || d[1].Outcome != faults.Hit {
					t.Errorf("decided %+v", d)
				}
			}
		})
	}
}

// uncuttableUpgrade: a 101 has no body to cut. What ends without a body ends here, too.
func (s suite) uncuttableUpgrade(t *testing.T) {
	upstream := scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "", "raw")
			_, _ = io.Copy(io.Discard, p.reader)
		}
	})
	for _, rule := range []string{`{"truncate": 1}`, `{"reset": "body"}`} {
		c := s.start(t, upstream, rules(rule)).dial()
		c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
		line, fields := c.mustHead()
		equal(t, rule, line, "HTTP/1.1 101 Switching Protocols")
		equal(t, rule+": mark", field(fields, faults.AttributionHeader), "")
		c.expect("raw")
	}
	c := s.start(t, upstream, rules(`{"empty": {}, "phase": "after"}`)).dial()
	c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
	got, end := c.rest()
	equal(t, "bytes", got, "")
	equal(t, "end", end, fin)
}

// endUpload: an ending does not wait for the rest of a request's body, and what is unread does not turn a FIN into an RST.
func (s suite) endUpload(t *testing.T) {
	early := scripted(t, func(p *peer) { // answers while the upload is under way
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 200 OK", "Content-Length: 10", "", "0123456789")
			_, _ = io.Copy(io.Discard, p.reader)
		}
	})
	for _, test := range []struct{ rule, body, end string }{
		{`{"empty": {}}`, "", fin},
		{`{"reset": "start"}`, "", rst},
		{`{"reset": "start", "phase": "after"}`, "", rst},
		{`{"empty": {}, "phase": "after"}`, "", fin},
		{`{"truncate": 4}`, "0123", fin},
		{`{"reset": {"at": "body", "after": 4}}`, "0123", rst},
	} {
		for _, upload := range [][]string{
			{"Content-Length: 1000", "", "half of it"},
			{"Transfer-Encoding: chunked", "", "5", "half ", "5", "of"},
			{"Expect: 100-continue", "Content-Length: 1000", "", ""},
		} {
			what, called := test.rule+upload[0], test.body != "" || strings.Contains(test.rule, "after")
			r := s.start(t, early, rules(test.rule))
			c := r.dial()
			c.send(append([]string{"POST / HTTP/1.1", "Host: x"}, upload...)...)
			raw, end := c.rest()
			if called {
				raw = strings.TrimPrefix(raw, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			_, body, _ := strings.Cut(raw, "\r\n\r\n")
			equal(t, what+": body", body, test.body)
			equal(t, what+": nothing else", raw == "", test.body == "")
			equal(t, what+": end", end, test.end)
			r.endedBy(t, len(body)*50, int64(len(body))) // 4 bytes of a 200
		}
	}
}

// endBrokenOff: an upstream that breaks off before the place of the cut is a real error.
func (s suite) endBrokenOff(t *testing.T) {
	r := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 200 OK", "Content-Length: 100", "", "too little")
		}
	}), rules(`{"truncate": 50}`))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	c.rest()
	equal(t, "outcome", r.exchange().Outcome, proxy.RealError)
}

func (s suite) endInSilence(t *testing.T) {
	upstream, _ := recording(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")
	r := s.start(t, upstream, rules(`{"first": 1, "truncate": {"after": 4, "how": "hang"}}`))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	c.mustHead()
	c.expect("0123")
	c.send("GET /more HTTP/1.1", "Host: x", "", "") // is read, and not answered
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.reader.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("no silence: %d bytes, %v", n, err)
	}
	equal(t, "still there", len(r.exchanges), 0)
	_ = c.Close()
	r.endedBy(t, 200, 4)
	r.untouched(t)
}

func (s suite) endInSilenceDrained(t *testing.T) {
	upstream, _ := recording(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")
	r := s.start(t, upstream, rules(`{"truncate": {"after": 4, "how": "hang"}}`))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	c.mustHead()
	c.expect("0123")
	equal(t, "dropped", r.shutdown(patience), false)
	got, end := c.rest()
	equal(t, "bytes", got, "")
	equal(t, "end", end, fin)
	r.endedBy(t, 200, 4)
}

// endPercent: exactly those are ended that the seed says.
func (s suite) endPercent(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, rules(`{"name": "it", "empty": {}, "percent": 50}`))
	hits := 0
	for n := range uint64(20) {
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "Connection: close", "", "")
		got, _ := c.rest()
		hit := faults.Roll(42, "", "it", "", n+1, 0) < 0.5
		equal(t, "ended", got == "", hit)
		equal(t, "recorded", r.exchange().Outcome == proxy.Injected, hit)
		if hit {
			hits++
		}
	}
	equal(t, "some of each", hits > 0 && hits < 20, true)
}
