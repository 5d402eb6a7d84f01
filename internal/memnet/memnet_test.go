package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/internal/memnet"
)

var (
	here  = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	there = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2}
)

// connect makes a connection over a listener.
func connect(t *testing.T, room int) (client *memnet.Conn, server net.Conn) {
	t.Helper()
	ln := memnet.Listen(there, room)
	accepted := make(chan net.Conn)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	client, err := ln.Dial(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	if server.RemoteAddr().String() != "127.0.0.1:1" || client.RemoteAddr() != ln.Addr() {
		t.Errorf("%v is connected to %v", server.RemoteAddr(), client.RemoteAddr())
	}
	_ = ln.Close()
	if _, err := ln.Dial(t.Context(), here); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener is dialled: %v", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener accepts: %v", err)
	}
	return client, server
}

// TestEachDirectionEndsAlone: what is answered behind the end of the question arrives.
func TestEachDirectionEndsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t, 100)
		_, _ = io.WriteString(client, "ask")
		_ = client.CloseWrite()
		if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("written behind the end: %v", err)
		}
		asked, err := io.ReadAll(server)
		_, _ = io.WriteString(server, string(asked)+"ed")
		_ = server.Close()
		if got, failed := io.ReadAll(client); string(got) != "asked" || err != nil || failed != nil {
			t.Errorf("%q, %v, %v", got, err, failed)
		}
		if _, err := server.Read(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed end reads: %v", err)
		}
		if err := server.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
	})
}

func TestResets(t *testing.T) {
	for name, end := range map[string]func(client *memnet.Conn, server net.Conn){
		"asked for": func(client *memnet.Conn, _ net.Conn) { _ = client.SetLinger(0) },
		"unread":    func(_ *memnet.Conn, server net.Conn) { _, _ = io.WriteString(server, "x") },
	} {
		synctest.Test(t, func(t *testing.T) {
			client, server := connect(t, 100)
			_, _ = io.WriteString(client, "lost")
			end(client, server)
			_ = client.Close()
			if got, err := io.ReadAll(server); len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: written to nobody: %v", name, err)
			}
		})
	}
}

// TestDeadlines end what blocks, exactly; also one that is set while it does, and one that has passed.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := connect(t, 4)
		begun := time.Now()
		_ = client.SetDeadline(begun.Add(time.Second))
		if n, err := client.Write([]byte("too long")); n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("wrote %d, %v, after %v", n, err, time.Since(begun))
		}
		_ = client.SetDeadline(time.Time{})
		go func() {
			time.Sleep(time.Second)
			_ = client.SetReadDeadline(time.Unix(1, 0))
		}()
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 2*time.Second {
			t.Errorf("read: %v, after %v", err, time.Since(begun))
		}
		_ = client.SetReadDeadline(time.Now().Add(time.Hour))
		_ = client.SetReadDeadline(time.Now().Add(time.Minute)) // which stands for it
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 62*time.Second {
			t.Errorf("read: %v, after %v", err, time.Since(begun))
		}
	})
}

// TestAWriterWaitsForRoom, and is let go by a reader or by the end.
func TestAWriterWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t, 4)
		begun := time.Now()
		go func() {
			for range 2 {
				time.Sleep(time.Second)
				_, _ = server.Read(make([]byte, 4))
			}
			time.Sleep(time.Second)
			_ = client.Close()
		}()
		n, err := client.Write(make([]byte, 12))
		if n != 12 || err != nil || time.Since(begun) != 2*time.Second {
			t.Errorf("wrote %d, %v, after %v", n, err, time.Since(begun))
		}
		if _, err = client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) || time.Since(begun) != 3*time.Second {
			t.Errorf("wrote to a closed end: %v, after %v", err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := memnet.Listen(there, 1).Dial(ctx, here); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody accepts: %v", err)
		}
	})
}
