package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// greeter is an executor that tells every client its proxy's upstream, and closes.
type greeter struct {
	mu      sync.Mutex
	proxies map[string]*proxy.Proxy
	stay    bool // Shutdown ends with its context only
	idle    bool // nobody is accepted
}

func (g *greeter) Start(ln net.Listener, p *proxy.Proxy) proxy.Server {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.proxies == nil {
		g.proxies = make(map[string]*proxy.Proxy)
	}
	g.proxies[p.Name] = p
	s := &greeting{greeter: g, listener: ln, proxy: p}
	if !g.idle {
		s.running.Go(s.serve)
	}
	return s
}

func (g *greeter) proxy(name string) *proxy.Proxy {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.proxies[name]
}

type greeting struct {
	greeter  *greeter
	listener net.Listener
	proxy    *proxy.Proxy
	running  sync.WaitGroup
}

func (s *greeting) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, s.proxy.Settings().Config.Upstream)
		_ = conn.Close()
	}
}

func (s *greeting) Shutdown(ctx context.Context) error {
	err := s.listener.Close()
	s.running.Wait()
	if s.greeter.stay {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return err
}

// newEngine runs greeters; it is shut down with the test.
func newEngine(t *testing.T, g *greeter) *proxy.Engine {
	t.Helper()
	e := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: g}}
	t.Cleanup(func() { shutdown(t, e) })
	return e
}

func shutdown(t *testing.T, e *proxy.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := e.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// endpoint is a proxy that greets with "http://NAME".
func endpoint(name, listen string) proxy.Endpoint {
	c := proxy.Defaults()
	c.Name, c.Listen, c.Upstream = name, listen, "http://"+name
	return proxy.Endpoint{Config: c}
}

// greeting with another text than the name's.
func as(e proxy.Endpoint, upstream string) proxy.Endpoint {
	e.Config.Upstream = "http://" + upstream
	return e
}

func prepare(t *testing.T, e *proxy.Engine, endpoints ...proxy.Endpoint) *proxy.Change {
	t.Helper()
	change, err := e.Prepare(endpoints)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func run(t *testing.T, e *proxy.Engine, endpoints ...proxy.Endpoint) {
	t.Helper()
	prepare(t, e, endpoints...).Commit()
}

// addr is where a running proxy listens.
func addr(t *testing.T, e *proxy.Engine, name string) string {
	t.Helper()
	a := e.Addr(name)
	if a == nil {
		t.Fatalf("%s is not running", name)
	}
	return a.String()
}

// greet gives what a client hears at an address.
func greet(address string) (string, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	text, err := io.ReadAll(conn)
	return string(text), err
}

func expectGreeting(t *testing.T, address, want string) {
	t.Helper()
	if got, err := greet(address); err != nil || got != "http://"+want {
		t.Errorf("at %s: %q, %v; want http://%s", address, got, err, want)
	}
}

func expectRefused(t *testing.T, address string) {
	t.Helper()
	if got, err := greet(address); err == nil {
		t.Errorf("at %s: %q, want nobody", address, got)
	}
}

// occupied is a port that another program has.
func occupied(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}

// wildcard is the port of an address on all addresses.
func wildcard(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return ":" + port
}

// hammer greets an address until stop is called, which gives the first failure.
func hammer(address string) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if _, err := greet(address); err != nil {
				failed <- fmt.Errorf("a client was turned away: %w", err)
				return
			}
		}
		failed <- nil
	}()
	return func() error {
		cancel()
		return errors.Join(<-failed)
	}
}
