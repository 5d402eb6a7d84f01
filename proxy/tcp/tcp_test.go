package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
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
	t         *testing.T
	engine    *proxy.Engine
	endpoint  proxy.Endpoint
	addr      string
	counters  map[string]*faults.Counter
	exchanges chan proxy.Exchange
}

// start runs a proxy before an upstream, with rules in force.
func start(t *testing.T, upstream string, rules ...string) *rig {
	t.Helper()
	r := &rig{t: t, counters: map[string]*faults.Counter{}, exchanges: make(chan proxy.Exchange, 1000)}
	r.engine = &proxy.Engine{
		Executors: map[string]proxy.Executor{proxy.TCP: &tcp.Executor{}},
		Observer:  func(x proxy.Exchange) { r.exchanges <- x },
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

func decode(t *testing.T, text string) faults.Rule {
	t.Helper()
	node, err := document.ParseJSON([]byte(text))
	var rule faults.Rule
	if err == nil {
		err = document.Decode(node, &rule)
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if rule.Name == "" {
		rule.Name = rule.Kind
	}
	return rule
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
	_, _ = io.WriteString(conn, text)
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
func serve(t *testing.T, script func(*net.TCPConn)) string {
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
				_ = conn.SetDeadline(time.Now().Add(patience))
				script(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		running.Wait()
	})
	return ln.Addr().String()
}

// echo sends everything back, and ends when the client has.
func echo(t *testing.T) string {
	return serve(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
}

// exchange sends a text and reads as many bytes back.
func exchange(t *testing.T, conn net.Conn, text string) {
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
func expectEnd(t *testing.T, conn net.Conn, want error) {
	t.Helper()
	rest, err := io.ReadAll(conn)
	if len(rest) > 0 || !errors.Is(err, want) {
		t.Errorf("read %q, %v, want %v", rest, err, want)
	}
}

func TestBytesPass(t *testing.T) {
	r := start(t, echo(t))
	conn := r.dial()
	for _, size := range []int{1, 100, 40_000, 3_000_000} {
		sent := bytes.Repeat([]byte("0123456789"), size/10+1)
		go func() { _, _ = conn.Write(sent) }()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
	_ = conn.Close()
	if x := r.record(); x.Outcome != proxy.OK || x.RequestBytes != x.ResponseBytes || x.RequestBytes < 3_040_000 {
		t.Errorf("recorded %+v", x)
	}
}

// TestHalfClose: D6 of Toxiproxy. What is answered after the client has ended its stream arrives.
func TestHalfClose(t *testing.T) {
	for _, rules := range [][]string{nil, {`{"latency":"20ms"}`}, {`{"latency":"20ms","stream":"upstream"}`}} {
		upstream := serve(t, func(conn *net.TCPConn) {
			asked, err := io.ReadAll(conn)
			if err == nil {
				_, _ = fmt.Fprintf(conn, "%s!", asked)
			}
		})
		conn := start(t, upstream, rules...).dial()
		_, _ = io.WriteString(conn, "bye")
		_ = conn.CloseWrite()
		if got, err := io.ReadAll(conn); err != nil || string(got) != "bye!" {
			t.Errorf("%s: got %q, %v", rules, got, err)
		}
	}
}

func TestAnUpstreamThatCannotBeReached(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	r := start(t, ln.Addr().String())
	expectEnd(t, r.dial(), nil)
	if x := r.record(); x.Outcome != proxy.RealError || !strings.Contains(x.Error, "refused") {
		t.Errorf("recorded %+v", x)
	}
}

// TestResetsPass on from either side to the other.
func TestResetsPass(t *testing.T) {
	ended := make(chan error, 1)
	upstream := serve(t, func(conn *net.TCPConn) {
		_, err := io.ReadFull(conn, make([]byte, 4))
		if err == nil {
			_, err = io.ReadAll(conn)
		}
		ended <- err
	})
	conn := start(t, upstream).dial()
	_, _ = io.WriteString(conn, "PING")
	_ = conn.SetLinger(0)
	_ = conn.Close()
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the upstream saw %v", err)
	}
	dropping := serve(t, func(conn *net.TCPConn) { _ = conn.SetLinger(0) })
	if got, err := start(t, dropping).talk(""); got != "" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client saw %q, %v", got, err)
	}
}

// TestNothingIsEarly: each toxic alone, on the wire. How late things are is `make accuracy`'s to say.
func TestNothingIsEarly(t *testing.T) {
	for rule, least := range map[string]time.Duration{
		`{"latency":"50ms"}`:                                   50 * time.Millisecond,
		`{"latency":"50ms","stream":"upstream"}`:               50 * time.Millisecond,
		`{"bandwidth":1000}`:                                   100 * time.Millisecond,
		`{"slicer":{"average_size":10,"delay":"10ms"}}`:        90 * time.Millisecond,
		`{"connect":{"as":"delay","latency":"60ms"}}`:          60 * time.Millisecond,
		`{"latency":"50ms","except":{"source":"127.0.0.0/8"}}`: 0,
	} {
		r := start(t, echo(t), rule)
		begun := time.Now()
		exchange(t, r.dial(), strings.Repeat("x", 100))
		if took := time.Since(begun); took < least {
			t.Errorf("%s: took %v", rule, took)
		}
	}
}

func TestEndings(t *testing.T) {
	for _, test := range []struct {
		rule    string
		arrives string
		want    error
	}{
		{`{"limit_data":3}`, "abc", nil},
		{`{"limit_data":0}`, "", nil},
		{`{"timeout":"30ms"}`, "", nil},
		{`{"reset_peer":"30ms"}`, "", syscall.ECONNRESET},
		{`{"reset_peer":{},"stream":"upstream"}`, "", syscall.ECONNRESET},
		{`{"limit_time":"100ms"}`, "abcdef", nil},
		{`{"connect":"refuse"}`, "", syscall.ECONNRESET},
		{`{"connect":{"as":"hang","for":"30ms"}}`, "", nil},
	} {
		r := start(t, echo(t), test.rule)
		got, err := r.talk("abcdef")
		if string(got) != test.arrives || !errors.Is(err, test.want) {
			t.Errorf("%s: read %q, %v, want %q, %v", test.rule, got, err, test.arrives, test.want)
		}
		if x := r.record(); x.Outcome != proxy.Injected || !x.Faulted || !x.Faults.Hit() {
			t.Errorf("%s: recorded %+v", test.rule, x)
		}
	}
}

// TestResetPeerResetsOpenConnections: D7 of Toxiproxy. They get an RST, on both sides, also where no data flows; toxicity 0
// does not turn a close into a reset.
func TestResetPeerResetsOpenConnections(t *testing.T) {
	ended := make(chan error, 2)
	upstream := serve(t, func(conn *net.TCPConn) {
		_, err := io.ReadFull(conn, make([]byte, 1))
		if err == nil {
			_, _ = conn.Write([]byte("x"))
			_, err = io.ReadAll(conn)
		}
		ended <- err
	})
	r := start(t, upstream)
	conn := r.dial()
	exchange(t, conn, "x")
	r.rules(`{"reset_peer":"10ms"}`)
	expectEnd(t, conn, syscall.ECONNRESET)
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the upstream saw %v", err)
	}
	r.rules(`{"name":"off","reset_peer":{},"percent":0}`)
	conn = r.dial()
	exchange(t, conn, "x")
	_ = conn.CloseWrite()
	if err := <-ended; err != nil {
		t.Errorf("toxicity 0: the upstream saw %v", err)
	}
	expectEnd(t, conn, nil)
}

// TestRulesComeAndGo under a connection: D1 of Toxiproxy among others. A change answers at once, whatever the traffic does,
// and no byte is lost.
func TestRulesComeAndGo(t *testing.T) {
	r := start(t, echo(t))
	conn := r.dial()
	exchange(t, conn, "free")
	r.rules(`{"latency":"30ms"}`)
	begun := time.Now()
	exchange(t, conn, "late")
	if took := time.Since(begun); took < 30*time.Millisecond {
		t.Errorf("a new latency: took %v", took)
	}
	r.rules(`{"latency":"1h"}`)
	_, _ = io.WriteString(conn, "held")
	time.Sleep(20 * time.Millisecond) // on its way, or held
	r.rules(`{"name":"other","bandwidth":0}`)
	time.Sleep(20 * time.Millisecond)
	r.rules()
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "held" {
		t.Errorf("after all is gone: %q, %v", got, err)
	}
	exchange(t, conn, "free again")
}

func TestAChangeIsNotHeldUpByAClientThatDoesNotRead(t *testing.T) {
	upstream := serve(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, zeros{}) })
	for _, rules := range [][]string{nil, {`{"latency":"1ms"}`}} {
		r := start(t, upstream, rules...)
		conn := r.dial()
		time.Sleep(300 * time.Millisecond) // until all buffers are full
		for _, next := range [][]string{{`{"slicer":100}`}, {`{"latency":"5ms"}`}, {}} {
			begun := time.Now()
			r.rules(next...)
			if took := time.Since(begun); took > time.Second {
				t.Errorf("%s behind %s took %v", next, rules, took)
			}
		}
		r.rules(`{"name":"end","reset_peer":{}}`)
		if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a client that did not read: %v", err)
		}
	}
}

// zeros is a stream without an end.
type zeros struct{}

// Read gives zeros.
func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestTakingATimeoutAwayCloses the connections that it has hit, which Toxiproxy's clients wait for.
func TestTakingATimeoutAwayCloses(t *testing.T) {
	r := start(t, echo(t), `{"timeout":{}}`)
	conn := r.dial()
	_, _ = io.WriteString(conn, "lost")
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d, %v", n, err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	r.rules()
	expectEnd(t, conn, nil)
}

func TestMatching(t *testing.T) {
	r := start(t, echo(t), `{"name":"second","connect":"refuse","match":{"nth":2}}`,
		`{"name":"ping","connect":"refuse","match":{"first_bytes":"PING"}}`)
	exchange(t, r.dial(), "PONG PING")
	for _, text := range []string{"x", "PING PONG"} {
		if got, err := r.talk(text); got != "" || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: read %q, %v", text, got, err)
		}
	}
	exchange(t, r.dial(), "PONG PING")
}

// TestEveryByteOnceAndInOrder: toxics come and go under traffic in both directions.
func TestEveryByteOnceAndInOrder(t *testing.T) {
	r := start(t, echo(t))
	conn := r.dial()
	const size = 2_000_000
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(i * 7 >> 3)
	}
	var got []byte
	var flowing sync.WaitGroup
	flowing.Go(func() {
		for rest := sent; len(rest) > 0; rest = rest[min(len(rest), 10_000):] {
			if _, err := conn.Write(rest[:min(len(rest), 10_000)]); err != nil {
				t.Error(err)
				return
			}
		}
		_ = conn.CloseWrite()
	})
	flowing.Go(func() {
		var err error
		if got, err = io.ReadAll(conn); err != nil {
			t.Error(err)
		}
	})
	for i := range 40 {
		r.rules([][]string{
			{`{"latency":"3ms"}`},
			{`{"slicer":{"average_size":500,"size_variation":400}}`, `{"name":"up","latency":"1ms","stream":"upstream"}`},
			nil,
			{`{"bandwidth":"50MB"}`},
			{`{"noop":{}}`, `{"stall":{"every":"5ms","for":"2ms"}}`},
			nil,
		}[i%6]...)
		time.Sleep(2 * time.Millisecond)
	}
	r.rules()
	flowing.Wait()
	if !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes came back as they were sent", len(got), len(sent))
	}
}

// TestEndOfAProxy drops its connections.
func TestEndOfAProxy(t *testing.T) {
	accepted := make(chan struct{}, 10)
	upstream := serve(t, func(conn *net.TCPConn) {
		accepted <- struct{}{}
		_, _ = io.Copy(conn, conn)
	})
	r := start(t, upstream, `{"latency":"1h","percent":50}`)
	for range 10 {
		_, _ = io.WriteString(r.dial(), "x")
		<-accepted
	}
	r.endpoint.Config.Enabled = false
	r.change()
	for range 10 {
		r.record()
	}
}
