package nethttp

import (
	"net"
	"sync"

	"github.com/squall-proxy/squall/proxy"
)

// What both sides may choose over TLS (ALPN: RFC 7301, and RFC 9113, 3.1).
const (
	alpnHTTP1 = "http/1.1"
	alpnHTTP2 = "h2"
)

// greeter is a listener whose clients have finished their TLS handshake. net/http would do that as well, but without
// faults and without a record.
type greeter struct {
	net.Listener
	server   *server
	ready    chan net.Conn
	over     chan struct{} // closed when nobody takes clients any more
	close    sync.Once
	greeting sync.WaitGroup // the accepting goroutine, and one per handshake
}

func (s *server) newGreeter(ln net.Listener) *greeter {
	g := &greeter{Listener: ln, server: s, ready: make(chan net.Conn), over: make(chan struct{})}
	g.greeting.Go(g.run)
	return g
}

// run accepts until the listener is closed. Where clients speak clear text they keep their order.
func (g *greeter) run() {
	for {
		conn, err := g.Listener.Accept()
		handed, isHanded := conn.(proxy.HandedOver)
		switch {
		case err != nil:
			return
		case isHanded:
			g.hand(handed.HandedOver())
		case g.server.proxy.Settings().Config.TLS == nil:
			g.hand(conn)
		default:
			g.greeting.Go(func() { g.greet(conn) })
		}
	}
}

func (g *greeter) greet(conn net.Conn) {
	secured, err := g.server.proxy.Terminate(g.server.draining, conn, alpnHTTP2, alpnHTTP1)
	if err == nil { // else Terminate has closed and recorded it
		g.hand(secured)
	}
}

// hand gives a client to whoever accepts, or closes it.
func (g *greeter) hand(conn net.Conn) {
	select {
	case g.ready <- conn:
	case <-g.over:
		_ = conn.Close() // no request was read from it
	}
}

// Accept waits for a client that can send a request.
func (g *greeter) Accept() (net.Conn, error) {
	select {
	case conn := <-g.ready:
		return conn, nil
	case <-g.over:
		return nil, net.ErrClosed
	}
}

// Close ends the listener.
func (g *greeter) Close() error {
	g.close.Do(func() { close(g.over) })
	return g.Listener.Close()
}
