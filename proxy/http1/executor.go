// Package http1 is an HTTP/1.1 engine of our own (RFC 9112): what goes over the wire is what came, but for what a proxy
// has to change, and a fault reaches every byte. One goroutine per client's connection reads a head, lets the rules decide,
// forwards, reads the reply and forwards that; a second one runs only where both directions move at once, or where the
// client's leaving has to be noticed meanwhile.
package http1

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

const (
	headTimeout    = 5 * time.Second  // for a request's head, from its first byte; for the first head, from the beginning
	idleTimeout    = 60 * time.Second // of a connection between requests, on both sides
	defaultBodyGap = 60 * time.Second
	alpn           = "http/1.1" // what clients may ask for over TLS (RFC 7301)
	alpnHTTP2      = "h2"       // and what is not for this engine (RFC 9113, 3.1)
)

// Executor is a [proxy.Executor] for HTTP/1.1. The zero Executor is ready.
type Executor struct {
	// RootCAs are what https upstreams are verified against; nil = the system's.
	RootCAs *x509.CertPool
	// BodyTimeout is how long an unfinished request body may be silent before the client is dropped; 0 = 60 s.
	BodyTimeout time.Duration
	// HTTP2 serves the connections that this engine does not: those of clients that speak HTTP/2, and those with a request
	// for an upstream that does. It gets them from a listener of their own, with what was read of them. nil = they are
	// refused.
	HTTP2 proxy.Executor
}

// server serves the clients of one proxy.
type server struct {
	proxy       *proxy.Proxy
	roots       *x509.CertPool
	bodyTimeout time.Duration
	protocols   []string // that clients may ask for over TLS, the best first
	listener    net.Listener
	handover    *handover    // nil = HTTP/2 is refused
	second      proxy.Server // of what was handed over
	pool        atomic.Pointer[pool]
	buffers     buffers
	exchanges   sync.Pool
	ids         idMaker

	draining context.Context // done when injected waits are to end, and connections close after their exchange
	drain    context.CancelFunc
	lifetime context.Context // done when what is left is dropped
	kill     context.CancelFunc

	serving sync.WaitGroup // the accepting goroutine, and one per connection

	mu    sync.Mutex // guards conns
	conns map[*conn]struct{}
}

// Start serves the clients that ln accepts.
func (e *Executor) Start(ln net.Listener, p *proxy.Proxy) proxy.Server {
	s := &server{
		proxy: p, roots: e.RootCAs, bodyTimeout: e.BodyTimeout, listener: ln, conns: make(map[*conn]struct{}),
		ids: idMaker{prefix: rand.Text()[:idPrefix]}, protocols: []string{alpn},
	}
	if s.bodyTimeout == 0 {
		s.bodyTimeout = defaultBodyGap
	}
	s.draining, s.drain = context.WithCancel(context.Background())
	s.lifetime, s.kill = context.WithCancel(context.Background())
	s.pool.Store(s.newPool(p.Settings()))
	if e.HTTP2 != nil {
		s.handover = newHandover(ln.Addr())
		s.second = e.HTTP2.Start(s.handover, p)
		s.protocols = []string{alpnHTTP2, alpn}
	}
	s.serving.Go(s.accept)
	return s
}

// accept takes clients until the listener is closed.
func (s *server) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.serving.Go(func() { s.serve(client) })
	}
}

// serve is a connection's goroutine.
func (s *server) serve(client net.Conn) {
	client, err := s.proxy.Terminate(s.draining, client, s.protocols...)
	if err != nil {
		return // Terminate has closed and recorded it
	}
	if s.agreedOnHTTP2(client) {
		s.handover.give(&begun{Conn: client})
		return
	}
	c := newConn(s, client)
	s.add(c)
	c.serve()
}

func (s *server) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// each calls f with every connection.
func (s *server) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		f(c)
	}
}

// Shutdown stops accepting, cuts injected waits to nothing, and waits for the exchanges under way until ctx is done;
// then it drops them and returns ctx's cause.
func (s *server) Shutdown(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.cut)
	s.drain()
	_ = s.listener.Close()
	s.each((*conn).endIdle)
	if s.second != nil {
		s.serving.Go(func() { _ = s.second.Shutdown(ctx) }) // which fails by ctx alone, as we do
	}
	s.serving.Wait()
	s.kill()
	s.pool.Load().close()
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// cut drops every exchange.
func (s *server) cut() {
	s.kill()
	s.each((*conn).cut)
}
