package tcp

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// bufferSize is how much is read at once.
const bufferSize = 32 << 10

// buffers are for what was read and not written yet.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

func putBuffer(buffer []byte) { buffers.Put((*[bufferSize]byte)(buffer[:bufferSize])) }

// socket is one side of a connection. While nothing comes it holds no buffer, so that idle connections cost little.
type socket struct {
	net.Conn
	raw            syscall.RawConn // nil: a connection without a descriptor
	received, sent *atomic.Int64   // bytes, of all connections of the proxy
}

func newSocket(conn net.Conn, received, sent *atomic.Int64) (*socket, error) {
	with, ok := conn.(syscall.Conn)
	if !ok {
		return &socket{conn, nil, received, sent}, nil
	}
	raw, err := with.SyscallConn()
	return &socket{conn, raw, received, sent}, err
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
	var buffer *[bufferSize]byte
	var n int
	var failed error
	err := s.raw.Read(func(fd uintptr) bool {
		buffer = buffers.Get().(*[bufferSize]byte)
		for {
			if n, failed = unix.Read(int(fd), buffer[:]); failed != unix.EINTR {
				break
			}
		}
		if failed != unix.EAGAIN {
			return true
		}
		buffers.Put(buffer)
		buffer = nil
		return false
	})
	if buffer == nil {
		return nil, err // the deadline, or the connection was closed
	}
	if n > 0 && failed == nil {
		s.received.Add(int64(n))
		return buffer[:n], nil
	}
	buffers.Put(buffer)
	if failed != nil {
		return nil, os.NewSyscallError("read", failed)
	}
	return nil, io.EOF
}
