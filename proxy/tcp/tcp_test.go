package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

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

// TestAResetPeerResetsWhatEndsBefore: its end is not passed on either.
func TestAResetPeerResetsWhatEndsBefore(t *testing.T) {
	upstream := serve(t, func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "all there is") })
	conn := start(t, upstream, `{"reset_peer":"30ms"}`).dial()
	_ = conn.CloseWrite()
	expectEnd(t, conn, syscall.ECONNRESET)
}

// TestNobodyWaitsForTheOtherSide: an upstream that does not end when it is told to does not hold up the client's end. A busy
// machine may, so the best of some tries counts.
func TestNobodyWaitsForTheOtherSide(t *testing.T) {
	over := make(chan struct{})
	upstream := serve(t, func(*net.TCPConn) { <-over })
	defer close(over)
	for _, rule := range []string{`{"timeout":"10ms"}`, `{"limit_time":"10ms"}`, `{"limit_data":0,"stream":"upstream"}`} {
		r := start(t, upstream, rule)
		best := time.Hour
		for range 5 {
			begun := time.Now()
			if got, err := r.talk("x"); got != "" || err != nil {
				t.Errorf("%s: read %q, %v", rule, got, err)
			}
			best = min(best, time.Since(begun))
		}
		if best > 200*time.Millisecond {
			t.Errorf("%s: the end came after %v", rule, best)
		}
	}
}

// TestFirstBytesInPieces are looked at when they are there; what cannot become them is not waited for, nor what does not come.
func TestFirstBytesInPieces(t *testing.T) {
	r := start(t, echo(t), `{"connect":"refuse","match":{"first_bytes":"PING"}}`)
	for _, test := range []struct {
		pieces []string
		want   error
	}{{[]string{"PI", "NG"}, syscall.ECONNRESET}, {[]string{"PONG"}, nil}, {[]string{"PI"}, nil}, {[]string{"P", "I", "NGPONG"}, syscall.ECONNRESET}} {
		conn := r.dial()
		sent := strings.Join(test.pieces, "")
		for _, piece := range test.pieces {
			_, _ = io.WriteString(conn, piece)
			time.Sleep(20 * time.Millisecond) // a segment of its own
		}
		got := make([]byte, len(sent))
		if n, err := io.ReadFull(conn, got); !errors.Is(err, test.want) || err == nil && string(got[:n]) != sent {
			t.Errorf("%q: read %q, %v, want %v", test.pieces, got[:n], err, test.want)
		}
	}
}

// TestAClientMayEndItsStreamBeforeTheUpstreamIsDialled, and waits for an answer all the same.
func TestAClientMayEndItsStreamBeforeTheUpstreamIsDialled(t *testing.T) {
	conn := start(t, echo(t), `{"connect":{"as":"delay","latency":"30ms"}}`).dial()
	_, _ = io.WriteString(conn, "bye")
	_ = conn.CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "bye" {
		t.Errorf("got %q, %v", got, err)
	}
	conn = start(t, echo(t), `{"connect":"hang"}`).dial()
	_ = conn.CloseWrite() // there is nothing to wait for
	expectEnd(t, conn, nil)
}
