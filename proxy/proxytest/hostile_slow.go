package proxytest

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// slowUpstream is about upstreams that make their replies' heads long.
func (s engineSuite) slowUpstream(t *testing.T) {
	const limit = 200 * time.Millisecond
	short := config(func(c *proxy.Config) { c.Timeout = faults.Duration(limit) })
	const interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
	for _, test := range []struct {
		name   string
		answer func(*peer)
	}{
		{"DrippedHead", drip}, // the time is for the whole of it
		{"DrippedStatusLine", func(p *peer) { dripText(p, "HTTP/1.1 200 "+strings.Repeat("O", 10_000)) }},
		{"Dripped103", func(p *peer) { dripText(p, strings.Repeat(interim, 100)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{}, 1)
			r := s.start(t, scripted(t, func(p *peer) {
				if _, _, err := p.head(); err == nil {
					test.answer(p)
					_, _ = io.Copy(io.Discard, p.reader)
					ended <- struct{}{}
				}
			}), short)
			c := r.dial()
			begin := time.Now()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			line, _ := c.mustHead()
			for strings.Contains(line, " 103 ") {
				line, _ = c.mustHead()
			}
			took := time.Since(begin)
			equal(t, "line", line, "HTTP/1.1 504 Gateway Timeout")
			if took < limit || took > 5*limit {
				t.Errorf("gave up after %v, want %v", took, limit)
			}
			within(t, "the upstream's end", ended)
			equal(t, "outcome", r.exchange().Outcome, proxy.RealError)
		})
	}
	t.Run("FloodOf103", func(t *testing.T) { // is not waited out
		t.Parallel()
		ended := make(chan struct{}, 1)
		c := s.start(t, scripted(t, func(p *peer) {
			if _, _, err := p.head(); err == nil {
				pourText(p, interim)
				_, _ = io.Copy(io.Discard, p.reader)
				ended <- struct{}{}
			}
		})).dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		line, _ := c.mustHead()
		for strings.Contains(line, " 103 ") {
			line, _ = c.mustHead()
		}
		equal(t, "line", line, "HTTP/1.1 502 Bad Gateway")
		within(t, "the upstream's end", ended)
	})
	t.Run("SlowUploadIsNotSlowUpstream", func(t *testing.T) { // the time is from the end of the request
		t.Parallel()
		r := s.start(t, scripted(t, func(p *peer) {
			if _, fields, err := p.head(); err != nil {
				return
			} else if _, err := p.announcedBody(fields); err == nil {
				time.Sleep(limit) // half of what it has
				p.send(okReply)
			}
		}), config(func(c *proxy.Config) { c.Timeout = faults.Duration(2 * limit) }))
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 3", "", "")
		for range 3 {
			c.stay(limit * 3 / 2)
			c.send("x")
		}
		reply, _ := c.reply(http.MethodPost)
		equal(t, "status", reply.StatusCode, 200)
	})
	t.Run("EndlessHead", s.endlessHead)
}

// dripText sends a text, a byte at a time.
func dripText(p *peer, text string) {
	go func() {
		for i := range len(text) {
			if _, err := io.WriteString(p, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(2 * time.Millisecond) // the upstream's pace
		}
	}()
}

// pourText sends a text again and again, until the connection ends.
func pourText(p *peer, text string) {
	go func() {
		for {
			if _, err := io.WriteString(p, text); err != nil {
				return
			}
		}
	}()
}

// endlessHead: a head is read up to 1 MiB, and not further.
func (s engineSuite) endlessHead(t *testing.T) {
	for name, line := range map[string]string{"OneLine": strings.Repeat("a", 1<<10), "ManyLines": "X-Field: 1\r\n"} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan int, 1)
			r := s.start(t, scripted(t, func(p *peer) {
				if _, _, err := p.head(); err != nil {
					return
				}
				setBuffer(p.Conn, 64<<10)
				total, err := io.WriteString(p, "HTTP/1.1 200 OK\r\nX-Field: ")
				for n := 0; err == nil; total += n {
					n, err = io.WriteString(p, line)
				}
				sent <- total
			}))
			reply, body := r.get("/")
			expectProblem(t, reply, body, 502, "1 MiB")
			if total := <-sent; total < 1<<20 {
				t.Errorf("refused after %d bytes", total)
			}
		})
	}
}

// setBuffer bounds what waits to be sent on a connection, in bytes.
func setBuffer(conn net.Conn, size int) {
	if tcp, ok := conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = tcp.SetWriteBuffer(size) // a larger one only makes the test slower
	}
}

// acknowledged waits until the other side has all that was sent.
func (p *peer) acknowledged() {
	p.t.Helper()
	raw := socketOf(p.t, p.Conn)
	if !eventually(patience, func() bool {
		queued := 1
		_ = raw.Control(func(fd uintptr) { queued, _ = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) })
		return queued == 0
	}) {
		p.t.Error("what was sent does not arrive")
	}
}
