package http1

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/squall-proxy/squall/internal/rawio"
)

// socket is a connection's socket below [net.Conn]. It does what that does in fewer steps: it takes a buffer only when
// there is something to put in, asks the kernel only where that can have an answer, and does not tell Go's scheduler of
// calls that never block. Two goroutines may use it, one that reads and one that writes.
type socket struct {
	raw      syscall.RawConn // nil if there is no socket
	incoming *reader
	size     int
	ready    func(fd uintptr) bool // socket.isReady, made once
	taken    func(fd uintptr) bool // socket.isTaken, made once
	asking   bool                  // ready is called for the first time in ask
	sent     int
	data     []byte // what is to be written
	inErr    error
	outErr   error
}

// open finds the socket of a connection, and reports whether the connection's bytes go over it as they are: not under
// TLS. in is where to put what comes, in a buffer of a size.
func (s *socket) open(conn net.Conn, in *reader, size int) (clear bool) {
	s.incoming, s.size = in, size
	s.ready, s.taken = s.isReady, s.isTaken
	under, isTLS := conn.(interface{ NetConn() net.Conn })
	if isTLS {
		conn = under.NetConn()
	}
	if socket, ok := conn.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			s.raw = raw
			return !isTLS
		}
	}
	return false
}

// fill waits for bytes, and puts them into the reader, which must be empty: it takes a buffer only then.
func (s *socket) fill() error {
	s.asking = false
	return s.wait()
}

func (s *socket) wait() error {
	if err := s.raw.Read(s.ready); err != nil {
		return err
	}
	return s.inErr
}

// isReady reads what is there, and reports whether that is something, if only an end.
func (s *socket) isReady(fd uintptr) bool {
	if s.asking {
		s.asking = false
		return s.begin(fd)
	}
	in := s.incoming
	buffer := in.buffers.get(s.size)
	n, err := rawio.Read(fd, buffer)
	switch {
	case n > 0:
		in.buf, in.r, in.w = buffer, 0, n
		s.inErr = nil
		return true
	case err == syscall.EAGAIN:
		in.buffers.put(buffer)
		return false
	}
	in.buffers.put(buffer)
	if s.inErr = io.EOF; err != nil {
		s.inErr = err
	}
	return true
}

// errStale says that something has come on an idle connection, if only its end: it cannot be used.
var errStale = &net.OpError{Op: "read", Net: "tcp", Err: syscall.EPIPE}

// errNotAsked says that the read deadline was over before anything was done.
var errNotAsked = errors.New("not asked yet")

// ask writes data on a connection on which nothing was under way, and waits for what comes back. sent is how much of the
// data went out; if that is not all, nothing was waited for. After [errStale] and [errNotAsked] it is nothing.
func (s *socket) ask(data []byte) (sent int, err error) {
	s.asking, s.data, s.sent, s.inErr = true, data, 0, nil
	if err = s.wait(); s.asking && expired(err) {
		err = errNotAsked
	}
	return s.sent, err
}

// begin looks whether the connection is as silent as it was left, and writes. It is called after the runtime was told
// that this goroutine is going to wait for what comes, so nothing that comes from now on is missed.
func (s *socket) begin(fd uintptr) (done bool) {
	var probe [1]byte
	if _, err := rawio.Read(fd, probe[:]); err != syscall.EAGAIN {
		s.inErr = errStale
		return true
	}
	n, err := rawio.Write(fd, s.data)
	if s.sent = n; err != nil && err != syscall.EAGAIN {
		s.inErr = &net.OpError{Op: "write", Net: "tcp", Err: err}
		return true
	}
	return s.sent < len(s.data)
}

// write writes all of data.
func (s *socket) write(data []byte) error {
	s.data, s.outErr = data, nil
	if err := s.raw.Write(s.taken); err != nil {
		return err
	}
	return s.outErr
}

// isTaken writes as much as the socket takes, and reports whether that was all.
func (s *socket) isTaken(fd uintptr) bool {
	for len(s.data) > 0 {
		n, err := rawio.Write(fd, s.data)
		switch {
		case n > 0:
			s.data = s.data[n:]
		case err == syscall.EAGAIN:
			return false
		default:
			s.outErr = &net.OpError{Op: "write", Net: "tcp", Err: err}
			return true
		}
	}
	return true
}
