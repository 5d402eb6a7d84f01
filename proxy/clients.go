package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/squall-proxy/squall/internal/wait"
)

// MaxClients bounds the clients that an engine serves at once, over all its proxies.
const MaxClients = 10_000

// sparedDescriptors are kept for the admin API, listeners and files.
const sparedDescriptors = 64

// clientLimit is how many clients the process can serve: each takes a descriptor, and one more for its upstream.
func clientLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= 2*MaxClients+sparedDescriptors {
		return MaxClients
	}
	return max((int(limit.Cur)-sparedDescriptors)/2, 1)
}

// places are the places of clients that are served.
type places chan struct{}

// admission is the listener of a proxy as its executor has it. Its clients wait until there is a place: a connection that
// was accepted beyond the limit is neither read nor refused until another one ends. Each is kept in the engine's registry
// while it is open.
type admission struct {
	net.Listener
	proxy    *Proxy
	protocol string
	places   places
	registry *registry
	over     context.Context // done when the listener is closed
	end      context.CancelFunc
}

func (e *Engine) admit(ln net.Listener, p *Proxy, protocol string) *admission {
	a := &admission{Listener: ln, proxy: p, protocol: protocol, places: e.places, registry: &e.registry}
	a.over, a.end = context.WithCancel(context.Background())
	return a
}

// Accept waits for a client, and for a place for it. It fails only once the listener is closed.
func (a *admission) Accept() (net.Conn, error) {
	conn, err := a.next()
	if err != nil {
		return nil, err
	}
	select {
	case a.places <- struct{}{}:
	case <-a.over.Done():
		_ = conn.Close() // nothing was read from it
		return nil, net.ErrClosed
	}
	c := &client{socket: conn.(socket), places: a.places, registry: a.registry}
	c.live = &Live{proxy: a.proxy.Name, protocol: a.protocol, client: conn.RemoteAddr(), opened: time.Now(), tally: a.proxy.tally}
	a.registry.enter(c)
	c.live.tally.enter()
	return c, nil
}

// next waits for a client, through whatever keeps the system from accepting one.
func (a *admission) next() (net.Conn, error) {
	for {
		conn, err := a.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		a.proxy.failed(err)
		if wait.For(a.over, acceptPause) != nil {
			return nil, net.ErrClosed
		}
	}
}

// Close ends the listener, also while a client waits for its place.
func (a *admission) Close() error {
	a.end()
	return a.Listener.Close()
}

// socket is what a client's connection is. [net.TCPConn] is one.
type socket interface {
	net.Conn
	CloseWrite() error
	SyscallConn() (syscall.RawConn, error)
}

// client is a client's connection. When it is closed it gives its place back and leaves the registry.
type client struct {
	socket
	live     *Live
	places   places
	registry *registry
	once     sync.Once
}

// Live gives the connection's account.
func (c *client) Live() *Live { return c.live }

// CloseWrite ends the stream to the client.
func (c *client) CloseWrite() error {
	c.live.noteEnd(c.socket)
	return c.socket.CloseWrite()
}

// SetLinger has the connection's end be a reset, as of [net.TCPConn].
func (c *client) SetLinger(seconds int) error {
	if tcp, ok := c.socket.(*net.TCPConn); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}

// Close ends the connection.
func (c *client) Close() error {
	c.live.noteEnd(c.socket)
	err := c.socket.Close()
	c.once.Do(c.leave)
	return err
}

func (c *client) leave() {
	c.registry.leave(c, time.Now())
	c.live.tally.leave()
	<-c.places
}

// drop ends the connection at once, and waits for nobody: by a reset, with which what was not sent yet is lost, or by a FIN
// behind that. What the client has sent is read and dropped, up to 64 KiB, or the FIN would be a reset. Whoever reads or
// writes is told.
func (c *client) drop(reset bool) {
	c.live.noteEnd(c.socket)
	c.live.drop(reset)
	if reset {
		_ = c.SetLinger(0) // fails on a connection that is gone already, as all of this
	} else {
		_ = c.socket.CloseWrite()
		c.discard()
	}
	_ = c.Close()
}

// discard drops what has come and nobody has read.
func (c *client) discard() {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	buffer := make([]byte, 16<<10)
	_ = raw.Control(func(fd uintptr) { // fails if it is closed
		for left := endDrop; left > 0; {
			n, _, err := unix.Recvfrom(int(fd), buffer, unix.MSG_DONTWAIT)
			if n <= 0 || err != nil {
				return
			}
			left -= n
		}
	})
}
