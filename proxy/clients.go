package proxy

import (
	"net"
	"sync"
	"syscall"
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

// limited is a listener whose clients wait until there is a place: a connection that was accepted beyond the limit is
// neither read nor refused until another one ends.
type limited struct {
	net.Listener
	places places
	closed chan struct{}
	close  sync.Once
}

func (p places) limit(ln net.Listener) *limited {
	return &limited{Listener: ln, places: p, closed: make(chan struct{})}
}

// Accept waits for a client, and for a place for it.
func (l *limited) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		_ = conn.Close() // nothing was read from it
		return nil, net.ErrClosed
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return &client{Conn: conn, places: l.places}, nil
	}
	return &tcpClient{TCPConn: tcp, client: client{Conn: conn, places: l.places}}, nil
}

// Close ends the listener, also while a client waits for its place.
func (l *limited) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// client is a connection that gives its place back when it is closed.
type client struct {
	net.Conn
	places places
	once   sync.Once
}

// Close ends the connection.
func (c *client) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.places })
	return err
}

// tcpClient keeps what a TCP connection can do beyond a net.Conn: half-close, splice.
type tcpClient struct {
	*net.TCPConn
	client client
}

// Close ends the connection.
func (c *tcpClient) Close() error { return c.client.Close() }
