package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestTCPChangesAnswerAtOnce whatever the traffic does: a client does not read, the upstream is a black hole, 1,000
// connections are open. The best of some tries counts, as a busy machine may take longer.
func TestTCPChangesAnswerAtOnce(t *testing.T) {
	const limit = 100 * time.Millisecond
	echo := tcpUpstream(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	flood := tcpUpstream(t, func(conn net.Conn) { _, _ = io.Copy(conn, endless{}) })
	hole := blackHole(t)
	s := startServe(t, nil)
	for name, upstream := range map[string]string{"many": echo, "unread": flood, "hole": hole} {
		s.squall("proxies", "add", name, "127.0.0.1:0", upstream, "--protocol", "tcp")
	}
	dial := func(name string) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url(name), "tcp://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	addr := strings.TrimPrefix(s.url("many"), "tcp://")
	for range 1000 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	dial("unread")
	dial("hole")
	time.Sleep(300 * time.Millisecond) // until the buffers before the one that does not read are full
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for _, name := range []string{"many", "unread", "hole"} {
		for _, step := range []struct{ method, path, body string }{
			{"PUT", "/admin/faults/rules/r?proxy=" + name, fmt.Sprintf(`{"proxy":%q,"latency":"1h"}`, name)},
			{"PUT", "/admin/faults/rules/r?proxy=" + name, fmt.Sprintf(`{"proxy":%q,"slicer":100}`, name)},
			{"DELETE", "/admin/faults/rules/r?proxy=" + name, ""},
		} {
			best := time.Hour
			for try := 0; try < 20 && best > limit; try++ {
				if step.method == "DELETE" && try > 0 {
					s.squall("faults", "rule", "r", fmt.Sprintf(`{"proxy":%q,"noop":{}}`, name))
				}
				request, err := http.NewRequestWithContext(t.Context(), step.method, s.admin+step.path, strings.NewReader(step.body))
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				response, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				best = min(best, time.Since(begun))
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode/100 != 2 {
					t.Fatalf("%s: %s %s: %s", name, step.method, step.body, response.Status)
				}
			}
			if best > limit {
				t.Errorf("%s: %s %s took %v", name, step.method, step.body, best)
			}
		}
	}
}

// tcpUpstream hands each connection to a script.
func tcpUpstream(t *testing.T, script func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				script(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		running.Wait()
	})
	return ln.Addr().String()
}

// endless is a stream without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// blackHole is a listener whose queue is full: who dials it hears nothing (listen(2), tcp(7)).
func blackHole(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	raw, err := ln.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { _ = syscall.Listen(int(fd), 0) }) // a queue of one
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		conn, err := net.DialTimeout("tcp", ln.Addr().String(), 200*time.Millisecond)
		if err != nil {
			return ln.Addr().String()
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the queue of a listener is not bounded here")
	return ""
}
