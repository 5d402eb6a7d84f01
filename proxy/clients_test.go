package proxy

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func TestClientsBeyondTheLimitWaitForAPlace(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{places: make(places, 1)}
	ln := e.admit(socket, &Proxy{Name: "a"}, TCP)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", socket.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	dial()
	first := <-accepted
	dial()
	select {
	case <-accepted:
		t.Fatal("a second client was served beside the first")
	case <-time.After(50 * time.Millisecond):
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err == nil {
		t.Error("closing twice went unnoticed")
	}
	second := <-accepted
	if _, ok := second.(interface{ CloseWrite() error }); !ok {
		t.Error("the connection lost its half-close")
	}
	third := dial() // waits for a place while the listener is closed
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, io.ErrNoProgress) {
		t.Error("the client that waited was not let go")
	}
	_ = second.Close()
}

func TestClientLimitLeavesDescriptorsForAdmin(t *testing.T) {
	if got := clientLimit(); got < 1 || got > MaxClients {
		t.Errorf("limit %d", got)
	}
}
