// Package nethttp carries out HTTP faults with the standard library: net/http towards the client, httputil.ReverseProxy
// towards the upstream. It is the executor of HTTP/2, and of HTTP/1.1 the oracle beside our own engine.
//
// What those do by themselves stays: net/http repeats a GET whose reused upstream connection
// died, writes header fields in its own order and spelling and the standard reason phrases, encodes unusual characters of
// a path anew, hides what stands beside close in an upstream's Connection, and does not notice that a client left as long
// as its request's body is unread.
package nethttp

import (
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

const (
	headTimeout    = 5 * time.Second  // for a request's head
	idleTimeout    = 60 * time.Second // of a connection between requests, on both sides
	maxHead        = 64 << 10         // bytes of a request's head
	serverSlop     = 4096             // what net/http allows beyond Server.MaxHeaderBytes
	defaultBodyGap = 60 * time.Second
)

// Executor is a [proxy.Executor] for HTTP/2 and HTTP/1.1, which it tells apart by what TLS has agreed on, else by the first
// bytes. The zero Executor is ready.
type Executor struct {
	// RootCAs are what https upstreams are verified against; nil = the system's.
	RootCAs *x509.CertPool
	// BodyTimeout is how long an unfinished request body may be silent before the client is dropped; 0 = 60 s.
	// A stream of HTTP/2 may be silent: gRPC's are.
	BodyTimeout time.Duration
}

// server serves the clients of one proxy.
type server struct {
	proxy       *proxy.Proxy
	roots       *x509.CertPool
	bodyTimeout time.Duration
	listener    *greeter
	http        http.Server
	link        atomic.Pointer[link]
	buffers     buffers

	draining context.Context // done when injected waits are to end
	drain    context.CancelFunc
	lifetime context.Context // of every request's context; done when what is left is dropped
	kill     context.CancelFunc

	serving     sync.WaitGroup // the accepting goroutine
	connections sync.WaitGroup // of net/http
	upgrades    sync.WaitGroup // exchanges whose connections are net/http's no more
	streams     sync.WaitGroup // exchanges of HTTP/2, which may outlive their connections for a moment

	mu     sync.Mutex // guards fresh and closed
	fresh  map[net.Conn]struct{}
	closed bool // no stream begins any more
}

// Start serves the clients that ln accepts.
func (e *Executor) Start(ln net.Listener, p *proxy.Proxy) proxy.Server {
	s := &server{
		proxy: p, roots: e.RootCAs, bodyTimeout: e.BodyTimeout, fresh: make(map[net.Conn]struct{}),
	}
	if s.bodyTimeout == 0 {
		s.bodyTimeout = defaultBodyGap
	}
	s.draining, s.drain = context.WithCancel(context.Background())
	s.lifetime, s.kill = context.WithCancel(context.Background())
	s.link.Store(s.newLink(p.Settings()))
	s.http = http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead - serverSlop,
		BaseContext:       func(net.Listener) context.Context { return s.lifetime },
		ConnContext:       s.connect,
		ConnState:         s.track,
		ErrorLog:          silent(),
		Protocols:         protocols(true, true, true),
		HTTP2:             forClients(),

		DisableGeneralOptionsHandler: true, // OPTIONS * is the upstream's to answer
	}
	s.listener = s.newGreeter(ln)
	s.serving.Go(s.serve)
	return s
}

func (s *server) serve() {
	_ = s.http.Serve(s.listener) // ends when the listener is closed, and has nothing else to say
}

// silent is the log of the standard library's own remarks: what matters of them is in the exchanges.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }

// connection is what an exchange knows of the client's connection.
type connection struct {
	live *proxy.Live
	conn net.Conn
	peer netip.Addr
	ends streamEnds // of HTTP/2
}

// connectionKey is the context key of a connection.
type connectionKey struct{}

// connectionOf gives the connection that a request came on.
func connectionOf(r *http.Request) *connection {
	return r.Context().Value(connectionKey{}).(*connection)
}

func (s *server) connect(ctx context.Context, conn net.Conn) context.Context {
	c := &connection{live: proxy.LiveOf(conn), conn: conn}
	if addr, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		c.peer = addr.Addr().Unmap()
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// track counts connections, and remembers those that have not sent a request yet: http.Server.Shutdown gives such a
// connection five seconds, although nothing is under way on it.
func (s *server) track(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.connections.Add(1)
		s.setFresh(conn, true)
	case http.StateActive:
		s.setFresh(conn, false)
	case http.StateClosed, http.StateHijacked:
		s.setFresh(conn, false)
		s.connections.Done()
	}
}

func (s *server) setFresh(conn net.Conn, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fresh {
		s.fresh[conn] = struct{}{}
	} else {
		delete(s.fresh, conn)
	}
}

func (s *server) closeFresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.fresh {
		_ = conn.Close()
	}
}

// Shutdown stops accepting, cuts injected waits to nothing, and waits for the exchanges under way until ctx is done;
// then it drops them and returns ctx's cause.
func (s *server) Shutdown(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.cut)
	_ = s.listener.Close()
	s.serving.Wait() // from here on there is no new connection
	s.drain()
	s.listener.greeting.Wait()
	s.closeFresh()
	_ = s.http.Shutdown(ctx) // ctx's error is reported below
	s.connections.Wait()
	s.upgrades.Wait()
	s.endStreams()
	s.kill()
	s.link.Load().CloseIdleConnections()
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// cut drops every exchange: those on net/http's connections, and by their contexts the upgraded ones.
func (s *server) cut() {
	s.kill()
	_ = s.http.Close() // closing the listener again
}
