package http1

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair gives both ends of a TCP connection.
func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if here, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if there, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = here.Close(), there.Close() })
	return here, there
}

// A deadline that is over before the request is sent is not one of a silent upstream: nobody has asked it yet.
func TestAskAfterItsDeadlineSendsNothing(t *testing.T) {
	here, there := pair(t)
	var s socket
	in := reader{buffers: &buffers{}}
	if !s.open(here, &in, headBuffer) {
		t.Fatal("a TCP connection without a socket")
	}
	_ = here.SetReadDeadline(past)
	if sent, err := s.ask([]byte("question")); sent != 0 || err != errNotAsked {
		t.Fatalf("after the deadline: %d bytes sent, %v", sent, err)
	}
	_ = here.SetReadDeadline(time.Time{})
	go func() {
		question := make([]byte, 8)
		_, _ = io.ReadFull(there, question)
		_, _ = io.WriteString(there, "answer to "+string(question))
	}()
	if sent, err := s.ask([]byte("question")); sent != 8 || err != nil {
		t.Fatalf("%d bytes sent, %v", sent, err)
	}
	if got := string(in.buffered()); got != "answer to question" {
		t.Fatalf("got %q", got)
	}
}

// What an upstream says unasked is not taken for an answer, nor is its leaving.
func TestAskOnAConnectionThatIsNotSilent(t *testing.T) {
	for name, say := range map[string]func(net.Conn){
		"a reply":     func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n") },
		"the end":     func(c net.Conn) { _ = c.Close() },
		"its silence": nil,
	} {
		here, there := pair(t)
		var s socket
		in := reader{buffers: &buffers{}}
		s.open(here, &in, headBuffer)
		if say == nil {
			go func() { _, _ = io.Copy(there, there) }()
			if sent, err := s.ask([]byte("q")); sent != 1 || err != nil {
				t.Errorf("after %s: %d bytes sent, %v", name, sent, err)
			}
			continue
		}
		say(there)
		arrived := func(fd uintptr) bool {
			_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK)
			return err != unix.EAGAIN
		}
		if err := s.raw.Read(arrived); err != nil {
			t.Fatal(err)
		}
		if sent, err := s.ask([]byte("q")); sent != 0 || err != errStale {
			t.Errorf("after %s: %d bytes sent, %v", name, sent, err)
		}
	}
}
