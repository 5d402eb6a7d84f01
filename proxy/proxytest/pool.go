package proxytest

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/squall-proxy/squall/proxy"
)

// idleUpstream is about upstream connections between two requests: what happens to them there must not become part of
// the next exchange.
func (s engineSuite) idleUpstream(t *testing.T) {
	own, roots := certificate(t)
	server := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	for scheme, wrap := range map[string]func(net.Conn) net.Conn{
		"http":  func(conn net.Conn) net.Conn { return cork(conn) },
		"https": func(conn net.Conn) net.Conn { return tls.Server(cork(conn), server) },
	} {
		for what, does := range map[string]func(*peer){
			"Closed":           (*peer).finish,
			"Reset":            func(p *peer) { p.socket().leave(rst) },
			"UnaskedReply":     func(p *peer) { p.say(another) },
			"UnaskedWithReply": nil, // in one segment with the reply before it, and under TLS in a record of its own
			"Late103":          func(p *peer) { p.say("HTTP/1.1 103 Early Hints\r\n\r\n") },
			"StrayBytes":       func(p *peer) { p.say("\r\n") },
		} {
			t.Run(scheme+"/"+what, func(t *testing.T) {
				done, connections := make(chan struct{}), atomic.Int64{}
				upstream := serveScript(t, func(p *peer) {
					mischief := connections.Add(1) <= 2
					for _, _, err := p.head(); err == nil; _, _, err = p.head() {
						switch {
						case mischief && does == nil:
							uncork := p.socket().Conn.(*corked).hold()
							p.send(okReply)
							p.send(another)
							uncork()
							p.socket().acknowledged()
						case mischief:
							p.say(okReply)
							does(p)
						default:
							p.say(okReply)
						}
						done <- struct{}{}
					}
				}, wrap)
				r := s.with(Options{RootCAs: roots}).start(t, scheme+"://"+upstream)
				c := r.dial()
				for range 5 {
					c.send("GET / HTTP/1.1", "Host: x", "", "")
					reply, body := c.reply(http.MethodGet)
					equal(t, "status", reply.StatusCode, 200)
					equal(t, "body", body, "ok")
					within(t, "the upstream's mischief", done)
					x := r.exchange()
					equal(t, "outcome", x.Outcome, proxy.OK)
					equal(t, "attempts", x.UpstreamAttempts, 1)
				}
				equal(t, "connections", connections.Load(), 3) // the last one without mischief
			})
		}
	}
	t.Run("ChangeOfUpstreamClosesThem", s.changeOfUpstream)
	t.Run("AskedToClose", s.askedToClose)
}

// corked is a connection whose writes can be held back, to go out as one.
type corked struct {
	*net.TCPConn
	held *bytes.Buffer // nil = they are not
}

func cork(conn net.Conn) net.Conn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &corked{TCPConn: tcp}
	}
	return conn
}

// hold holds writes back, until uncork is called.
func (c *corked) hold() (uncork func()) {
	c.held = &bytes.Buffer{}
	return func() {
		all := c.held.Bytes()
		c.held = nil
		_, _ = c.Write(all) // what does not arrive is missed at the other end
	}
}

// Write writes, now or later.
func (c *corked) Write(p []byte) (int, error) {
	if c.held != nil {
		return c.held.Write(p)
	}
	return c.TCPConn.Write(p)
}

// socket is the peer below TLS.
func (p *peer) socket() *peer {
	if secured, ok := p.Conn.(*tls.Conn); ok {
		return &peer{p.t, secured.NetConn(), p.reader}
	}
	return p
}

// say sends, and waits until it has arrived.
func (p *peer) say(text string) {
	p.send(text)
	p.socket().acknowledged()
}

// finish ends this side of the connection, and waits until that has arrived.
func (p *peer) finish() {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok && p.Conn != p.socket().Conn {
		_ = half.CloseWrite() // the close_notify
	}
	socket := p.socket()
	if half, ok := socket.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	const finWait2 = 5 // tcp_states.h
	raw := socketOf(p.t, socket.Conn)
	if !eventually(patience, func() (arrived bool) {
		_ = raw.Control(func(fd uintptr) {
			info, err := unix.GetsockoptTCPInfo(int(fd), syscall.IPPROTO_TCP, unix.TCP_INFO)
			arrived = err == nil && info.State == finWait2
		})
		return arrived
	}) {
		p.t.Error("a FIN does not arrive")
	}
}

// changeOfUpstream: connections to an upstream that is not the upstream any more are closed, and not used again when it
// is.
func (s engineSuite) changeOfUpstream(t *testing.T) {
	ended := make(chan struct{}, 10)
	first := scripted(t, func(p *peer) {
		for _, _, err := p.head(); err == nil; _, _, err = p.head() {
			p.send("HTTP/1.1 200 OK", "Content-Length: 5", "", "first")
		}
		ended <- struct{}{}
	})
	second, _ := recording(t, okReply)
	r := s.start(t, first)
	for range 3 {
		_, body := r.get("/")
		equal(t, "body", body, "first")
		equal(t, "ended too early", len(ended), 0)
		r.change(config(func(c *proxy.Config) { c.Timeout++ })) // which is none of the upstream
		r.get("/")
		equal(t, "ended by another change", len(ended), 0)
		r.change(config(func(c *proxy.Config) { c.Upstream = second }))
		_, body = r.get("/")
		equal(t, "body", body, "ok")
		within(t, "the end of an idle connection", ended)
		r.change(config(func(c *proxy.Config) { c.Upstream = first }))
	}
}

// askedToClose: an upstream that wants its connection closed, gets that.
func (s engineSuite) askedToClose(t *testing.T) {
	for _, reply := range []string{
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	} {
		ended := make(chan struct{}, 1)
		r := s.start(t, scripted(t, func(p *peer) {
			if _, _, err := p.head(); err == nil {
				p.send(reply)
			}
			_ = p.SetReadDeadline(time.Now().Add(patience))
			if rest, err := io.ReadAll(p.reader); err != nil || len(rest) > 0 {
				t.Errorf("after %q: %q, %v", reply, rest, err)
			}
			ended <- struct{}{}
		}))
		c := r.dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			_, body := c.reply(http.MethodGet)
			equal(t, "body", body, "ok")
			within(t, "the end of the connection", ended)
		}
	}
}
