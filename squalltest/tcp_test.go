package squalltest_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/squalltest"
)

// echo is a service that sends back what it gets, until the client ends.
func echo(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		serving.Wait()
	})
	return ln.Addr().String()
}

// connect opens a connection that ends with the test.
func connect(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn.(*net.TCPConn)
}

// talk sends a text over a connection of its own, ends its stream, and reads what comes until the end.
func talk(addr, text string) (string, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, text) // a reset shows in reading
	_ = conn.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(conn)
	return string(got), err
}

// TestToxicsHitAsAsked: what each is armed on is hit, and the connection behind it is not.
func TestToxicsHitAsAsked(t *testing.T) {
	once := squalltest.First(1)
	const late = 30 * time.Millisecond
	for name, test := range map[string]struct {
		arm  func(*squalltest.TCPProxy) *squalltest.Fault
		got  string
		want error
		took time.Duration // at least
	}{
		"latency":   {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.Latency(late, once) }, "abcdef", nil, late},
		"jitter":    {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.Toxic(jittery(late), once) }, "abcdef", nil, late},
		"bandwidth": {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.Bandwidth(200, once) }, "abcdef", nil, late},
		"slow":      {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.SlowClose(late, once) }, "abcdef", nil, late},
		"timeout":   {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.Timeout(late, once, squalltest.Upstream()) }, "", nil, 0},
		"reset":     {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.ResetPeer(late, once) }, "", syscall.ECONNRESET, late},
		"slicer":    {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.Slicer(2, late/2, once) }, "abcdef", nil, late},
		"data":      {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.LimitData(4, once) }, "abcd", nil, 0},
		"stall":     {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.Stall(time.Hour, time.Second, once) }, "abcdef", nil, 0},
		"noop":      {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.Noop(once) }, "abcdef", nil, 0},
		"refuse":    {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.RefuseConnection(once) }, "", syscall.ECONNRESET, 0},
		"delay":     {func(p *squalltest.TCPProxy) *squalltest.Fault { return p.DelayConnection(late, once) }, "abcdef", nil, late},
	} {
		t.Run(name, func(t *testing.T) {
			p := squalltest.TCP(t, echo(t))
			fault := test.arm(p)
			begun := time.Now()
			got, err := talk(p.Addr, "abcdef")
			if took := time.Since(begun); got != test.got || !errors.Is(err, test.want) || took < test.took {
				t.Errorf("got %q, %v after %v, want %q, %v after %v", got, err, took, test.got, test.want, test.took)
			}
			if got, err := talk(p.Addr, "abcdef"); got != "abcdef" || err != nil || fault.Hits() != 1 {
				t.Errorf("the next: %q, %v, %d hits", got, err, fault.Hits())
			}
		})
	}
}

func jittery(latency time.Duration) *faults.Latency {
	return &faults.Latency{Latency: 2 * faults.Duration(latency), Jitter: faults.Duration(latency)}
}

// TestToxicsHoldForOpenConnections: they come and go while one is open.
func TestToxicsHoldForOpenConnections(t *testing.T) {
	p := squalltest.TCP(t, echo(t))
	conn := connect(t, p.Addr)
	say(t, conn, "free")
	hung := p.HangConnection(squalltest.FirstBytes("later"), squalltest.MayMiss())
	latency := p.Latency(50 * time.Millisecond)
	begun := time.Now()
	say(t, conn, "late")
	if took := time.Since(begun); took < 50*time.Millisecond || latency.Hits() != 1 {
		t.Errorf("took %v, %d hits", took, latency.Hits())
	}
	latency.Disarm()
	p.LimitTime(time.Millisecond)
	if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
		t.Errorf("read %q, %v at the end", rest, err)
	}
	later := connect(t, p.Addr)
	_, _ = io.WriteString(later, "later")
	hung.WaitHits(1, time.Second)
}

func say(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("got %q, %v, want %q", got, err, text)
	}
}

// TestDown: what is open is dropped, what is new is refused, and Up, Reset and the function that Down gives take it back.
func TestDown(t *testing.T) {
	p := squalltest.TCP(t, echo(t))
	ways := []func(up func()){func(up func()) { up() }, func(func()) { p.Up() }, func(func()) { p.Reset() }}
	for i, back := range ways {
		conn := connect(t, p.Addr)
		say(t, conn, "there")
		up := p.Down()
		if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
			t.Errorf("way %d: an open connection read %q, %v", i, rest, err)
		}
		if got, err := talk(p.Addr, "x"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("way %d: a new connection got %q, %v", i, got, err)
		}
		back(up)
		if got, err := talk(p.Addr, "x"); got != "x" || err != nil {
			t.Errorf("way %d: when it is up again: %q, %v", i, got, err)
		}
	}
	p.Up() // which it is
	if got, err := talk(p.Addr, "x"); got != "x" || err != nil {
		t.Errorf("up twice: %q, %v", got, err)
	}
}

// TestPercentOfConnections hits the same ones with the same seed.
func TestPercentOfConnections(t *testing.T) {
	addr := echo(t)
	draw := func(seed uint64) string {
		p := squalltest.TCP(t, addr)
		p.Seed(seed)
		p.LimitData(0, squalltest.Percent(50))
		var got strings.Builder
		for range 32 {
			text, _ := talk(p.Addr, "x")
			got.WriteString(text + ".")
		}
		return got.String()
	}
	if a, b, c := draw(7), draw(7), draw(8); a != b || a == c {
		t.Errorf("seed 7 twice, then 8:\n%s\n%s\n%s", a, b, c)
	}
}

func TestAToxicThatNeverHitFailsTheTest(t *testing.T) {
	addr := echo(t)
	for name, test := range map[string]struct {
		use     func(*squalltest.TCPProxy)
		failure string
	}{
		"unhit":          {func(p *squalltest.TCPProxy) { p.Latency(time.Second, squalltest.Named("idle")) }, `fault "idle" was armed and never hit`},
		"unhit at Reset": {func(p *squalltest.TCPProxy) { p.Latency(time.Second); p.Reset() }, `fault "latency-1" was armed and never hit`},
		"may miss":       {func(p *squalltest.TCPProxy) { p.Noop(squalltest.MayMiss()) }, ""},
		"hit":            {func(p *squalltest.TCPProxy) { p.Noop(); _, _ = talk(p.Addr, "x") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			test.use(squalltest.TCP(r, addr))
			r.end()
			got := strings.Join(r.failures, "\n")
			if test.failure == "" && got != "" || !strings.Contains(got, test.failure) {
				t.Errorf("failures %q, want %q", got, test.failure)
			}
		})
	}
}

// fatal is a testing.TB that notes a fatal failure and goes on by a panic.
type fatal struct{ recorder }

func (f *fatal) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(f)
}

// TestWhatATCPProxyRefuses: attributes of HTTP, and conditions that a connection has no answer to.
func TestWhatATCPProxyRefuses(t *testing.T) {
	for want, arm := range map[string]func(*squalltest.TCPProxy){
		"*faults.Delay: want a pointer to": func(p *squalltest.TCPProxy) { p.Toxic(&faults.Delay{Latency: 1}) },
		"attributes.rate":                  func(p *squalltest.TCPProxy) { p.Bandwidth(-1) },
		"match.path":                       func(p *squalltest.TCPProxy) { p.Noop(squalltest.Path("/")) },
		"stream":                           func(p *squalltest.TCPProxy) { p.RefuseConnection(squalltest.Upstream()) },
	} {
		f := &fatal{recorder{TB: t}}
		func() {
			defer func() { _ = recover() }()
			arm(squalltest.TCP(f, "127.0.0.1:1"))
		}()
		f.end()
		if got := strings.Join(f.failures, "\n"); !strings.Contains(got, want) {
			t.Errorf("refused with %q, want %q", got, want)
		}
	}
}
