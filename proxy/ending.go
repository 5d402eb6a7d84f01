package proxy

import (
	"context"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/squall-proxy/squall/internal/wait"
)

const (
	endWait  = 250 * time.Millisecond // that an ending waits for its client in vain at most
	endLimit = 5 * time.Second        // that a reset waits for a slow client at most
	endDrop  = 64 << 10               // bytes that an ending reads and drops at most
	pollMin  = 50 * time.Microsecond  // between two looks at a send queue
	pollMax  = 5 * time.Millisecond
)

// Reset ends a connection with a TCP reset. What was written before still arrives: Reset waits until the client's side
// has acknowledged it, at most 250 ms without progress and 5 s in all; what is left then is lost. Under TLS the reset
// comes without a close_notify. What the client has sent and nobody has read is dropped. The connection is closed
// afterwards.
func Reset(conn net.Conn) { reset(conn, endWait, endLimit) }

func reset(conn net.Conn, patience, limit time.Duration) {
	conn = socketOf(conn)
	awaitSent(conn, patience, limit)
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0) // fails on a connection that is gone already
	}
	_ = conn.Close() // nobody is left to hear of an error
}

// Finish ends a connection with a FIN behind what was written; under TLS with a close_notify before it. It reads and drops
// what the client sends, until the client closes too, at most 64 KiB and 250 ms: closing over unread bytes would turn the
// FIN into a reset. The connection is closed afterwards.
func Finish(conn net.Conn) { finish(conn, endWait) }

func finish(conn net.Conn, limit time.Duration) {
	socket := socketOf(conn)
	defer socket.Close()
	_ = socket.SetDeadline(time.Now().Add(limit))
	if socket != conn {
		closeWrite(conn) // before a handshake there is nothing to notify
	}
	if closeWrite(socket) {
		_, _ = io.CopyN(io.Discard, socket, endDrop) // whatever ends it
	}
}

// socketOf is the connection below TLS; conn itself if there is no TLS.
func socketOf(conn net.Conn) net.Conn {
	for {
		layer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = layer.NetConn()
	}
}

func closeWrite(conn net.Conn) bool {
	half, ok := conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// awaitSent waits until nothing is left in a connection's send queue: at most for the limit, and not beyond the time for
// which it has not become shorter.
func awaitSent(conn net.Conn, patience, limit time.Duration) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	left, since := unsent(raw), time.Now()
	for pause := pollMin; left > 0 && time.Since(since) < patience; pause = min(2*pause, pollMax) {
		if wait.For(ctx, pause) != nil {
			return
		}
		if now := unsent(raw); now < left {
			left, since = now, time.Now()
		}
	}
}

// unsent is how many bytes were written that the other side has not acknowledged; 0 where that cannot be told.
func unsent(raw syscall.RawConn) int {
	n := 0
	err := raw.Control(func(fd uintptr) {
		if queued, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ); err == nil { // SIOCOUTQ by its other name: tcp(7)
			n = queued
		}
	})
	if err != nil {
		return 0
	}
	return n
}
