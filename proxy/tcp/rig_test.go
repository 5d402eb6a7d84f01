package tcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/tcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds how long a test waits for what must happen soon.
const patience = 20 * time.Second

// rig is a running TCP proxy.
type rig struct {
	t         testing.TB
	engine    *proxy.Engine
	endpoint  proxy.Endpoint
	addr      string
	counters  map[string]*faults.Counter
	exchanges chan proxy.Exchange
}

// start runs a proxy before an upstream, with rules in force.
func start(t testing.TB, upstream string, rules ...string) *rig {
	t.Helper()
	return startOn(t, &tcp.Executor{}, upstream, rules...)
}

func startOn(t testing.TB, executor proxy.Executor, upstream string, rules ...string) *rig {
	t.Helper()
	r := &rig{t: t, counters: map[string]*faults.Counter{}, exchanges: make(chan proxy.Exchange, 1000)}
	r.engine = &proxy.Engine{
		Executors: map[string]proxy.Executor{proxy.TCP: executor},
		Observer:  func(x *proxy.Exchange) { r.exchanges <- *x },
	}
	c := proxy.Defaults()
	c.Name, c.Protocol, c.Listen, c.Upstream = "redis", proxy.TCP, "127.0.0.1:0", upstream
	r.endpoint = proxy.Endpoint{Config: c}
	r.rules(rules...)
	r.addr = r.engine.Addr("redis").String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.engine.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

// rules puts others in force. One of a name that was there goes on counting.
func (r *rig) rules(documents ...string) {
	r.t.Helper()
	c := faults.Config{Seed: 42}
	for _, text := range documents {
		rule := decode(r.t, text)
		if r.counters[rule.Name] == nil {
			r.counters[rule.Name] = faults.NewCounter()
		}
		c.Entries = append(c.Entries, faults.Entry{Rule: rule, Counter: r.counters[rule.Name]})
	}
	set, err := faults.Compile(c)
	if err != nil {
		r.t.Fatal(err)
	}
	r.endpoint.Faults = set
	r.change()
}

func (r *rig) change() {
	r.t.Helper()
	change, err := r.engine.Prepare([]proxy.Endpoint{r.endpoint})
	if err != nil {
		r.t.Fatal(err)
	}
	change.Commit()
}

func decode(t testing.TB, text string) faults.Rule {
	t.Helper()
	rule, err := parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return rule
}

// parse reads a rule; one without a name is named after its kind.
func parse(text string) (faults.Rule, error) {
	node, err := document.ParseJSON([]byte(text))
	if err != nil {
		return faults.Rule{}, err
	}
	var rule faults.Rule
	if err := document.Decode(node, &rule); err != nil {
		return faults.Rule{}, err
	}
	if rule.Name == "" {
		rule.Name = rule.Kind
	}
	_, err = faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: rule}}})
	return rule, err
}

// dial connects a client.
func (r *rig) dial() *net.TCPConn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

// talk sends a text over a connection of its own and reads what comes until the end. A reset may come before the connection
// is there.
func (r *rig) talk(text string) (string, error) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, text); err != nil { // a reset that is told here is not told again
		return "", err
	}
	got, err := io.ReadAll(conn)
	return string(got), err
}

// record is that of the next connection that ends.
func (r *rig) record() proxy.Exchange {
	r.t.Helper()
	select {
	case x := <-r.exchanges:
		return x
	case <-time.After(patience):
		r.t.Fatal("no connection was recorded")
		return proxy.Exchange{}
	}
}

// serve starts an upstream that hands each connection to a script, and closes it afterwards.
func serve(t testing.TB, script func(*net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, func(conn net.Conn) { script(conn.(*net.TCPConn)) })
	return ln.Addr().String()
}

// serveOn is that on a listener.
func serveOn(t testing.TB, ln net.Listener, script func(net.Conn)) {
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				script(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		running.Wait()
	})
}

// echo sends everything back, and ends when the client has.
func echo(t testing.TB) string {
	return serve(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
}

// exchange sends a text and reads as many bytes back.
func exchange(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("got %q, %v, want %q", got, err, text)
	}
}

// expectEnd reads the end of a connection: want nil is a FIN.
func expectEnd(t testing.TB, conn net.Conn, want error) {
	t.Helper()
	rest, err := io.ReadAll(conn)
	if len(rest) > 0 || !errors.Is(err, want) {
		t.Errorf("read %q, %v, want %v", rest, err, want)
	}
}
