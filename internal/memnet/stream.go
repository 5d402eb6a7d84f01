package memnet

import (
	"io"
	"sync"
	"syscall"
)

// How a stream can end.
var (
	errEnd   error = io.EOF
	errReset error = syscall.ECONNRESET
)

// stream is one direction of a connection.
type stream struct {
	room int

	mu      sync.Mutex // guards what follows
	data    []byte     // that was written and not read
	ended   error      // how; nil = it goes on
	left    bool       // nobody will read any more
	changed chan struct{}
}

func newStream(room int) *stream { return &stream{room: room, changed: make(chan struct{})} }

// watch gives what is closed when the stream changes.
func (s *stream) watch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// signal tells all who watch. s.mu is held.
func (s *stream) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// take reads what is there; without anything it gives how the stream has ended. A reset destroys what was not read.
func (s *stream) take(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.data) == 0 || s.ended == errReset {
		return 0, s.ended
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	s.signal()
	return n, nil
}

// put writes as much as there is room for.
func (s *stream) put(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended != nil:
		return 0, syscall.EPIPE
	case s.left:
		return 0, syscall.ECONNRESET
	}
	n := min(len(p), s.room-len(s.data))
	if n > 0 {
		s.data = append(s.data, p[:n]...)
		s.signal()
	}
	return n, nil
}

// end ends the stream, once; a reset also after its end.
func (s *stream) end(how error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil || how == errReset {
		s.ended = how
		s.signal()
	}
}

// abandon says that nobody will read any more, and reports whether something is left.
func (s *stream) abandon() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	s.signal()
	return len(s.data) > 0
}
