package http1

import (
	"errors"
	"net"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// watch notices that the client leaves while nobody reads from it: when its FIN or its reset has arrived, also behind
// bytes that nobody has read yet. (Behind more of them than the socket takes the FIN waits at the client's.)
type watch struct {
	conn *conn
	done chan struct{}
	gone bool // set before done is closed
}

// start watches until stop is called, and calls left at most once, on a goroutine of its own.
func (w *watch) start(c *conn, left func()) {
	w.conn, w.done, w.gone = c, make(chan struct{}), false
	if c.socket.raw == nil {
		close(w.done)
		return
	}
	c.read.move(time.Time{})
	c.server.serving.Go(func() { w.run(left) })
}

func (w *watch) run(left func()) {
	defer close(w.done)
	err := w.conn.socket.raw.Read(w.look) // ends with the client, when somebody drops the connection, or by stop
	if w.gone = w.gone || errors.Is(err, net.ErrClosed); w.gone {
		left()
	}
}

// look is called whenever something has arrived.
func (w *watch) look(fd uintptr) bool {
	w.gone = proxy.HasLeft(int(fd))
	return w.gone
}

// running reports whether start was called and stop was not.
func (w *watch) running() bool { return w.done != nil }

// stop ends the watching. When it returns nobody reads from the client any more.
func (w *watch) stop() {
	if w.done == nil {
		return
	}
	w.conn.read.move(past)
	<-w.done
	w.done = nil
}

// left looks once whether the client has left.
func (c *conn) left() bool {
	gone := false
	if c.socket.raw != nil {
		_ = c.socket.raw.Control(func(fd uintptr) { gone = proxy.HasLeft(int(fd)) }) // fails if it is closed by us
	}
	return gone
}
