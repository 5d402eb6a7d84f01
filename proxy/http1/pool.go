package http1

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

const (
	idlePerUpstream = 512 // connections kept for the next request; above, they are closed
	sweepEvery      = 10 * time.Second
)

// upstream is a connection to an upstream.
type upstream struct {
	net.Conn
	socket  socket
	clear   bool // Conn's bytes go over the socket as they are
	in      reader
	read    deadline
	reused  bool
	since   time.Time // when it became idle
	address string

	look  func(fd uintptr) // upstream.looked, made once
	quiet bool             // what it found
}

// pool keeps the idle connections to one upstream. Settings that ask for the same of it share it.
type pool struct {
	config  *proxy.Config
	scheme  string
	address string
	dialer  *proxy.Dialer
	secure  func(context.Context, net.Conn) (net.Conn, error) // does the TLS handshake; nil = clear text

	mu     sync.Mutex  // guards what follows
	idle   []*upstream // the one used last is the last
	closed bool
	sweep  *time.Timer // runs while there is an idle one
}

func (s *server) newPool(set *proxy.Settings) *pool {
	p := &pool{
		config: &set.Config, scheme: set.Upstream.Scheme, address: semantics.WithPort(set.Upstream.Host, set.Upstream.Scheme),
		dialer: s.proxy.Dialer(set),
	}
	if p.scheme == "https" {
		p.secure = func(ctx context.Context, conn net.Conn) (net.Conn, error) {
			return set.Originate(ctx, conn, s.roots, alpn)
		}
	}
	return p
}

// poolFor gives the pool for an exchange, at once as long as nothing about the upstream was changed. An exchange that
// started before such a change, and was held since, gets a pool of its own, which keeps nothing.
func (s *server) poolFor(set *proxy.Settings) *pool {
	current := s.pool.Load()
	if current.config == &set.Config || current.serves(&set.Config) {
		return current
	}
	fresh := s.newPool(set)
	if s.proxy.Settings() == set && s.pool.CompareAndSwap(current, fresh) {
		current.close()
		return fresh
	}
	fresh.closed = true
	return fresh
}

func (p *pool) serves(c *proxy.Config) bool {
	return p.config.Upstream == c.Upstream && p.config.UpstreamTLS.Equal(c.UpstreamTLS) &&
		slices.Equal(p.config.AllowUpstreams, c.AllowUpstreams)
}

// take gives an idle connection, nil if there is none. The upstream may have closed it meanwhile, or said something that
// nobody asked for: see [upstream.isQuiet].
func (p *pool) take() *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	u := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	u.reused = true
	return u
}

// keep makes a connection idle, whose exchange is over in good order.
func (p *pool) keep(u *upstream) {
	u.in.drop()
	u.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) == idlePerUpstream {
		_ = u.Close() // nothing is under way on it
		return
	}
	p.idle = append(p.idle, u)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(sweepEvery, p.closeOld)
	}
}

// closeOld closes what has been idle for too long.
func (p *pool) closeOld() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(u *upstream) bool {
		old := time.Since(u.since) > idleTimeout-sweepEvery
		if old {
			_ = u.Close() // nothing is under way on it
		}
		return old
	})
	if p.sweep = nil; len(p.idle) > 0 {
		p.sweep = time.AfterFunc(sweepEvery, p.closeOld)
	}
}

// close closes what is idle, now and later.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, u := range p.idle {
		_ = u.Close() // nothing is under way on it
	}
	p.idle = nil
	if p.sweep != nil {
		p.sweep.Stop()
	}
}

// dial connects.
func (p *pool) dial(ctx context.Context, b *buffers) (*upstream, error) {
	if p.scheme == proxy.H2C {
		return nil, errors.New("there is no executor of HTTP/2")
	}
	conn, err := p.dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	if p.secure != nil {
		if conn, err = p.secure(ctx, conn); err != nil {
			return nil, err
		}
	}
	u := &upstream{Conn: conn, read: deadline{conn: conn}, address: proxy.AddressText(conn.RemoteAddr())}
	u.in.buffers = b
	u.clear = u.socket.open(conn, &u.in, bodyBuffer)
	u.look = u.looked
	return u, nil
}

// isQuiet reports whether nothing has come on an idle connection, not even its end. What has come may be lost; the
// connection is not used again.
func (u *upstream) isQuiet() bool {
	u.quiet = false
	if u.socket.raw == nil {
		return false
	}
	_ = u.socket.raw.Control(u.look) // fails if it is closed
	if u.clear || !u.quiet {
		return u.quiet
	}
	u.read.move(past)
	n, err := u.Conn.Read(make([]byte, 1)) // what TLS holds already; of the socket it reads nothing any more
	return n == 0 && expired(err)
}

// looked looks at the socket, and does not wait. Under TLS something may be there that is not of HTTP, but nobody can tell
// without reading it.
func (u *upstream) looked(fd uintptr) {
	var probe [1]byte
	_, _, err := syscall.Recvfrom(int(fd), probe[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	u.quiet = err == syscall.EAGAIN
}
