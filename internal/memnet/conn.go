package memnet

import (
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Conn is one end of a connection. Its methods may be called concurrently.
type Conn struct {
	in, out       *stream
	local, remote *net.TCPAddr
	read, write   deadline
	closed        chan struct{}
	isClosed      atomic.Bool
	resets        atomic.Bool // closing does
}

// Pipe makes a connection between two addresses, and gives both its ends. In each direction so many bytes may be on their way.
func Pipe(a, b *net.TCPAddr, room int) (atA, atB *Conn) {
	there, back := newStream(room), newStream(room)
	return newConn(back, there, a, b), newConn(there, back, b, a)
}

func newConn(in, out *stream, local, remote *net.TCPAddr) *Conn {
	return &Conn{
		in: in, out: out, local: local, remote: remote,
		read: newDeadline(), write: newDeadline(), closed: make(chan struct{}),
	}
}

// Read waits until something is there, and gives as much of it as fits.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		changed := c.in.watch()
		switch {
		case c.isClosed.Load():
			return 0, c.failed("read", net.ErrClosed)
		case c.read.isOver():
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		}
		n, err := c.in.take(p)
		switch {
		case n > 0 || len(p) == 0:
			return n, nil
		case err == errEnd:
			return 0, err
		case err != nil:
			return 0, c.failed("read", err)
		}
		c.wait(changed, &c.read)
	}
}

// Write waits until there is room for everything.
func (c *Conn) Write(p []byte) (int, error) {
	for written := 0; ; {
		changed := c.out.watch()
		switch {
		case c.isClosed.Load():
			return written, c.failed("write", net.ErrClosed)
		case c.write.isOver():
			return written, c.failed("write", os.ErrDeadlineExceeded)
		}
		n, err := c.out.put(p[written:])
		if err != nil {
			return written, c.failed("write", err)
		}
		if written += n; written == len(p) {
			return written, nil
		}
		c.wait(changed, &c.write)
	}
}

// wait blocks until a stream has changed, a deadline is over or is set anew, or the connection is closed.
func (c *Conn) wait(changed <-chan struct{}, d *deadline) {
	over, moved := d.watch()
	select {
	case <-changed:
	case <-over:
	case <-moved:
	case <-c.closed:
	}
}

func (c *Conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// CloseWrite ends what is written; what comes can still be read.
func (c *Conn) CloseWrite() error {
	c.out.end(errEnd)
	return nil
}

// SetLinger with 0 seconds has Close reset the connection.
func (c *Conn) SetLinger(seconds int) error {
	c.resets.Store(seconds == 0)
	return nil
}

// Close ends the connection in both directions: by a reset where something was not read, as TCP does (RFC 2525, 2.17), or where
// that was asked for.
func (c *Conn) Close() error {
	if !c.isClosed.CompareAndSwap(false, true) {
		return c.failed("close", net.ErrClosed)
	}
	close(c.closed)
	if c.in.abandon() || c.resets.Load() {
		c.out.end(errReset)
	} else {
		c.out.end(errEnd)
	}
	return nil
}

// LocalAddr is this end's.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other end's.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both.
func (c *Conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline ends reads at a time; zero = never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.read.set(t)
	return nil
}

// SetWriteDeadline ends writes at a time; zero = never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.write.set(t)
	return nil
}
