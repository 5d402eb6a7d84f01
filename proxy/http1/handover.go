package http1

import (
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// preface is what a client of HTTP/2 begins with that does not ask first, read as a head: the rest of it, "SM" and two
// line ends, is behind (RFC 9113, 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\n"

// handover is the listener of the server that carries on with what this engine does not speak.
type handover struct {
	addr  net.Addr
	conns chan net.Conn
	over  chan struct{} // closed when nobody accepts any more
	close sync.Once
}

func newHandover(addr net.Addr) *handover {
	return &handover{addr: addr, conns: make(chan net.Conn), over: make(chan struct{})}
}

// give hands a connection over, or closes it if nobody takes it any more.
func (h *handover) give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.over:
		_ = conn.Close() // no request of it was begun
	}
}

// Accept waits for a connection.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.over:
		return nil, net.ErrClosed
	}
}

// Close ends the listener.
func (h *handover) Close() error {
	h.close.Do(func() { close(h.over) })
	return nil
}

// Addr is the address that clients have called.
func (h *handover) Addr() net.Addr { return h.addr }

// agreedOnHTTP2 reports whether a client's TLS handshake has chosen HTTP/2.
func (s *server) agreedOnHTTP2(client net.Conn) bool {
	secured, ok := client.(*tls.Conn)
	return ok && s.handover != nil && secured.ConnectionState().NegotiatedProtocol == alpnHTTP2
}

// isForHTTP2 reports whether a request, of which the head is there, is none of ours: it is HTTP/2's preface, or is for an
// upstream that speaks that.
func (x *exchange) isForHTTP2(head string) bool {
	return x.server.handover != nil &&
		(len(head) == len(preface) && x.conn.first && head == preface || x.settings.Upstream.Scheme == proxy.H2C)
}

// handOver gives the client's connection away, with what was read of a request and what came behind.
func (c *conn) handOver(head string) {
	c.server.remove(c) // from here on nobody else ends the connection
	c.given = true
	c.read.move(time.Time{})
	b := begun{Conn: c.client, read: append([]byte(head), c.in.buffered()...)}
	if secured, ok := c.client.(*tls.Conn); ok {
		c.server.handover.give(&begunTLS{b, secured})
	} else {
		c.server.handover.give(&b)
	}
}

// begun is a connection that is handed over, see [proxy.HandedOver].
type begun struct {
	net.Conn
	read []byte // of it already
}

// HandedOver gives what to go on with.
func (b *begun) HandedOver() net.Conn {
	if len(b.read) == 0 {
		return b.Conn
	}
	return b
}

// Read reads that first.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.read) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.read)
	if b.read = b.read[n:]; len(b.read) == 0 {
		b.read = nil
	}
	return n, nil
}

// NetConn is the connection below.
func (b *begun) NetConn() net.Conn { return b.Conn }

// CloseWrite ends what is written.
func (b *begun) CloseWrite() error {
	if half, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return b.Close()
}

// SetLinger has the connection's end be a reset, as of [net.TCPConn].
func (b *begun) SetLinger(seconds int) error {
	if tcp, ok := b.Conn.(interface{ SetLinger(int) error }); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}

// begunTLS is one over TLS of which something was read. net/http wants to know of TLS.
type begunTLS struct {
	begun
	secured *tls.Conn
}

// HandedOver gives what to go on with.
func (b *begunTLS) HandedOver() net.Conn { return b }

// ConnectionState tells what TLS has agreed on.
func (b *begunTLS) ConnectionState() tls.ConnectionState { return b.secured.ConnectionState() }
