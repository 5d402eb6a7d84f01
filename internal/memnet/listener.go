package memnet

import (
	"context"
	"net"
	"sync"
)

// Listener accepts what Dial connects.
type Listener struct {
	addr   *net.TCPAddr
	room   int
	queue  chan *Conn
	closed chan struct{}
	close  sync.Once
}

// Listen makes a listener at an address. Its connections have so much room in each direction.
func Listen(addr *net.TCPAddr, room int) *Listener {
	return &Listener{addr: addr, room: room, queue: make(chan *Conn), closed: make(chan struct{})}
}

// Dial connects a client at an address, and waits until it is accepted.
func (l *Listener) Dial(ctx context.Context, from *net.TCPAddr) (*Conn, error) {
	here, there := Pipe(from, l.addr, l.room)
	select {
	case l.queue <- there:
		return here, nil
	case <-l.closed:
		return nil, here.failed("dial", net.ErrClosed)
	case <-ctx.Done():
		return nil, here.failed("dial", ctx.Err())
	}
}

// Accept waits for a client.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.queue:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener; connections go on.
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.addr }
