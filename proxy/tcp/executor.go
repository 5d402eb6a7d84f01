// Package tcp carries out faults of TCP connections. A client's connection has two links, one for each direction. A link
// without a rule is a loop of reading and writing; one with rules is a reader, which stamps what comes with the time and
// queues it, and a writer, which asks what goes when (see [faults.Link]). A change of rules wakes all links.
package tcp

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/proxy"
)

// Executor is a [proxy.Executor] for TCP. The zero Executor is ready.
type Executor struct {
	pipes pipes
	dial  func(context.Context, *proxy.Settings) (net.Conn, error) // nil = by the proxy's dialer
}

// server serves the clients of one proxy.
type server struct {
	proxy    *proxy.Proxy
	listener net.Listener
	pipes    *pipes // of all servers
	dial     func(context.Context, *proxy.Settings) (net.Conn, error)
	accepted atomic.Uint64
	queued   atomic.Int64    // bytes that wait at all links
	lifetime context.Context // of every connection
	kill     context.CancelFunc
	serving  sync.WaitGroup // the accepting goroutine, the watching one, and one per connection

	mu    sync.Mutex // guards conns
	conns map[*conn]struct{}
}

// Start serves the clients that ln accepts.
func (e *Executor) Start(ln net.Listener, p *proxy.Proxy) proxy.Server {
	s := &server{proxy: p, listener: ln, pipes: &e.pipes, dial: e.dial, conns: make(map[*conn]struct{})}
	if s.dial == nil {
		s.dial = s.dialUpstream
	}
	s.lifetime, s.kill = context.WithCancel(context.Background())
	s.serving.Go(s.accept)
	s.serving.Go(s.watch)
	return s
}

// accept takes clients until the listener is closed.
func (s *server) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		c := newConn(s, client)
		s.serving.Go(c.serve)
	}
}

func (s *server) dialUpstream(ctx context.Context, settings *proxy.Settings) (net.Conn, error) {
	return s.proxy.Dialer(settings).DialContext(ctx, "tcp", settings.Upstream.Host)
}

// watch tells all connections when other rules are in force.
func (s *server) watch() {
	for {
		changed := s.proxy.Settings().Replaced()
		s.each((*conn).nudge)
		if wait.On(s.lifetime, changed) != nil {
			return
		}
	}
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

// Shutdown stops accepting and drops all connections at once: nobody can say when one of them is done.
func (s *server) Shutdown(context.Context) error {
	_ = s.listener.Close() // what could fail is over
	s.kill()
	s.serving.Wait()
	return nil
}
