package tcp

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/squall-proxy/squall/internal/rawio"
)

// bufferSize is how much is read at once.
const bufferSize = 32 << 10

// buffers are for what was read and not written yet.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

func putBuffer(buffer []byte) { buffers.Put((*[bufferSize]byte)(buffer[:bufferSize])) }

// socket is one side of a connection. While nothing comes it holds no buffer, so that idle connections cost little. Two
// goroutines may use it, one that reads and one that writes.
type socket struct {
	net.Conn
	raw            syscall.RawConn // nil: a connection without a descriptor
	received, sent *atomic.Int64   // bytes, of all connections of the proxy

	ready, taken func(fd uintptr) bool // isReady and isTaken, made once
	buffer       *[bufferSize]byte     // what isReady has read
	n            int                   // bytes of it
	inErr        error
	data         []byte // that is still to be written
	outErr       error
}

func newSocket(conn net.Conn, received, sent *atomic.Int64) (*socket, error) {
	s := &socket{Conn: conn, received: received, sent: sent}
	with, ok := conn.(syscall.Conn)
	if !ok {
		return s, nil
	}
	var err error
	s.raw, err = with.SyscallConn()
	s.ready, s.taken = s.isReady, s.isTaken
	return s, err
}

// readSome reads what there is, and waits until there is something. What it gives goes back with putBuffer.
func (s *socket) readSome() ([]byte, error) {
	if s.raw == nil {
		buffer := buffers.Get().(*[bufferSize]byte)
		n, err := s.Read(buffer[:])
		if n == 0 {
			buffers.Put(buffer)
			return nil, err
		}
		s.received.Add(int64(n))
		return buffer[:n], err
	}
	if err := s.raw.Read(s.ready); err != nil {
		return nil, err // the deadline, or the connection was closed
	}
	if s.inErr != nil {
		return nil, s.inErr
	}
	s.received.Add(int64(s.n))
	got := s.buffer[:s.n]
	s.buffer = nil // or an idle socket would hold it
	return got, nil
}

// isReady reads what is there, and reports whether that is something, if only an end.
func (s *socket) isReady(fd uintptr) bool {
	buffer := buffers.Get().(*[bufferSize]byte)
	n, err := rawio.Read(fd, buffer[:])
	if n > 0 {
		s.buffer, s.n, s.inErr = buffer, n, nil
		return true
	}
	buffers.Put(buffer)
	switch err {
	case syscall.EAGAIN:
		return false
	case nil:
		s.inErr = io.EOF
	default:
		s.inErr = os.NewSyscallError("read", err)
	}
	return true
}

// Write writes all of data, and says how much it has if it fails.
func (s *socket) Write(data []byte) (int, error) {
	if s.raw == nil {
		return s.Conn.Write(data)
	}
	s.data, s.outErr = data, nil
	err := s.raw.Write(s.taken)
	if err == nil {
		err = s.outErr
	}
	n := len(data) - len(s.data)
	s.data = nil
	return n, err
}

// isTaken writes as much as there is room for, and reports whether that was all.
func (s *socket) isTaken(fd uintptr) bool {
	for len(s.data) > 0 {
		n, err := rawio.Write(fd, s.data)
		if err == syscall.EAGAIN {
			return false
		}
		if err != nil {
			s.outErr = os.NewSyscallError("write", err)
			return true
		}
		s.data = s.data[n:]
	}
	return true
}
