package http1

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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
	_ = w.conn.socket.raw.Read(w.look) // ends with the client, or by stop
	if w.gone {
		left()
	}
}

// look is called whenever something has arrived.
func (w *watch) look(fd uintptr) bool {
	w.gone = hasLeft(int(fd))
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

// States of a TCP socket (tcp_states.h) in which the peer sends no more.
const (
	tcpClose     = 7
	tcpCloseWait = 8
	tcpLastAck   = 9
	tcpClosing   = 11
)

// hasLeft reports whether the peer of a socket has sent its FIN, or has reset the connection.
func hasLeft(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, syscall.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return false
	}
	switch info.State {
	case tcpClose, tcpCloseWait, tcpLastAck, tcpClosing:
		return true
	}
	return false
}

// left looks once whether the client has left.
func (c *conn) left() bool {
	gone := false
	if c.socket.raw != nil {
		_ = c.socket.raw.Control(func(fd uintptr) { gone = hasLeft(int(fd)) }) // fails if it is closed by us
	}
	return gone
}
