package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What these tests hold depends on what net/http's Transport does with bodies and connections: they use it, on loopback
// or, where time or a count must be exact, in memory.

// quick retries at once.
func quick(retries int) Config {
	cfg := Lab6Retry(retries, 0)
	cfg.Fallback = Fallback{}
	return cfg
}

func TestR7ConnectionsAreUsedAgain(t *testing.T) {
	const callers, callsEach = 8, 10
	for _, size := range []int{1 << 10, 20 << 10, drainBytes} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // its end shows that no goroutine is left
				var seen atomic.Int32
				first := make(chan struct{})
				up := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if n := seen.Add(1); n == callers { // each caller's first attempt has a connection of its own
						close(first)
					}
					<-first
					w.WriteHeader(http.StatusServiceUnavailable)
					_, _ = w.Write(make([]byte, size))
				})}
				var serving sync.WaitGroup
				serving.Go(func() { _ = server.Serve(up) })

				c := through(t, &http.Transport{DialContext: up.dial, MaxIdleConnsPerHost: callers}, Lab6Retry(3, time.Second))
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						for range callsEach {
							if g := get(t, c); g.from != Canned {
								t.Errorf("got %d %v %v", g.status, g.from, g.err)
							}
						}
					})
				}
				all.Wait()
				if n := seen.Load(); n != callers*callsEach*4 {
					t.Errorf("the upstream saw %d attempts", n)
				}
				if n := up.dialled.Load(); n != callers {
					t.Errorf("%d connections for %d callers", n, callers)
				}
				c.CloseIdleConnections()
				if err := server.Close(); err != nil {
					t.Error(err)
				}
				serving.Wait()
			})
		})
	}
}

// pipes is a listener in memory, so that net/http runs in fake time.
type pipes struct {
	conns   chan net.Conn
	closed  chan struct{}
	dialled atomic.Int32
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.dialled.Add(1)
	p.conns <- far
	return near, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

func TestR8CertificateErrorsOnTheWire(t *testing.T) {
	up := httptest.NewUnstartedServer(http.NotFoundHandler())
	up.Config.ErrorLog = log.New(io.Discard, "", 0)
	up.StartTLS()
	defer up.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, url := range map[string]string{
		"unknown authority": up.URL,
		"not TLS at all":    strings.Replace(plain.URL, "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			attempts := 0
			cfg := Lab6Retry(3, 0)
			cfg.Observe = func(e Event) { attempts = e.Attempts }
			c := through(t, nil, cfg)
			defer c.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if g := send(t, c, req); g.err == nil || attempts != 1 {
				t.Errorf("got %v %v after %d attempts", g.from, g.err, attempts)
			}
		})
	}
}

func TestR8ResetsOnTheWire(t *testing.T) {
	for name, fail := range map[string]func(t *testing.T, w http.ResponseWriter){
		"reset before the head": reset,
		"reset in the body": func(t *testing.T, w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "part")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			reset(t, w)
		},
		"garbage for a head": func(t *testing.T, w http.ResponseWriter) {
			conn := hijack(t, w)
			_, _ = io.WriteString(conn, "SSH-2.0-squall\r\n\r\n")
			_ = conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var seen atomic.Int32
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if seen.Add(1) == 1 {
					fail(t, w)
					return
				}
				_, _ = io.WriteString(w, goodBody)
			}))
			defer up.Close()
			c := through(t, nil, quick(1))
			defer c.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), "GET", up.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			send(t, c, req).is(t, 200, Fresh, goodBody)
			if seen.Load() != 2 {
				t.Errorf("%d attempts", seen.Load())
			}
		})
	}
}

func TestUpgradesPassUntouched(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := hijack(t, w)
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := bufio.NewReader(conn).ReadString('\n')
		_, _ = io.WriteString(conn, line)
	}))
	defer up.Close()
	c := through(t, nil, Default())
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), "GET", up.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := c.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	both, ok := resp.Body.(io.ReadWriter)
	if !ok {
		t.Fatalf("the body is a %T, which cannot be written to", resp.Body)
	}
	if _, err := io.WriteString(both, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(both).ReadString('\n'); line != "hello\n" {
		t.Errorf("echoed %q, %v", line, err)
	}
}

func hijack(t *testing.T, w http.ResponseWriter) net.Conn {
	t.Helper()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("hijacking: %v", err)
		panic(http.ErrAbortHandler)
	}
	return conn
}

func reset(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	conn := hijack(t, w)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
