package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/internal/memnet"
	"github.com/squall-proxy/squall/proxy/tcp"
)

// These are Toxiproxy's defects that a link has to do with, by their numbers in docs/from-toxiproxy.md; others are tested where
// they belong: D5 in proxy, D8 in faults, D9 in cmd/squall, D13 to D18 in control/toxiproxy.

// TestD1AChangeIsNotHeldUp by a client that does not read: in Toxiproxy taking a toxic away then locks the proxy up for ever. The
// others go on, and so does that client when its fault is over.
func TestD1AChangeIsNotHeldUp(t *testing.T) {
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
		if got, err := io.ReadFull(r.dial(), make([]byte, 10)); got != 10 || err != nil {
			t.Errorf("another client read %d, %v", got, err)
		}
		r.rules(`{"name":"end","reset_peer":{}}`)
		if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a client that did not read: %v", err)
		}
	}
}

// TestD2ADialHoldsNobodyUp: an upstream that does not answer delays neither other clients nor a change.
func TestD2ADialHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
		clients, dialled := memnet.Listen(address, room), 0
		r := startOn(t, tcp.Over(clients, func(ctx context.Context) (net.Conn, error) {
			if dialled++; dialled == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			here, there := memnet.Pipe(address, address, room)
			go func() { _, _ = io.Copy(there, there) }()
			return here, nil
		}), "127.0.0.1:2")
		begun := time.Now()
		held := connect(t, clients, address)
		synctest.Wait() // it is being dialled for
		served := connect(t, clients, address)
		exchange(t, served, "x")
		r.rules(`{"latency":"1s"}`)
		r.endpoint.Config.Enabled = false
		r.change()
		expectEnd(t, held, nil)
		if took := time.Since(begun); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

func connect(t *testing.T, ln *memnet.Listener, from *net.TCPAddr) *memnet.Conn {
	t.Helper()
	conn, err := ln.Dial(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestD3NoAttributesCrash the process: what makes no sense is refused, and what is at the bounds flows.
func TestD3NoAttributesCrash(t *testing.T) {
	for _, rule := range []string{
		`{"slicer":{}}`,
		`{"slicer":{"average_size":1,"size_variation":2}}`,
		`{"slicer":{"average_size":-1}}`,
		`{"bandwidth":-1}`,
		`{"latency":{"latency":"1s","jitter":"4611686018427387905ns"}}`,
		`{"limit_data":-1}`,
	} {
		if _, err := parse(rule); err == nil {
			t.Errorf("%s: taken", rule)
		}
	}
	for rule, want := range map[string]string{
		`{"slicer":{"average_size":1}}`:   "0s:ab 1s:FIN",
		`{"bandwidth":9007199254740991}`:  "1ns:ab 1s:FIN",
		`{"bandwidth":1}`:                 "1s:a 2s:b 2s:FIN",
		`{"latency":{"latency":"24h"}}`:   "24h0m0s:ab 24h0m1s:FIN",
		`{"limit_data":9007199254740991}`: "0s:ab 1s:FIN",

		`{"slicer":{"average_size":9007199254740991,"size_variation":9007199254740990}}`: "0s:ab 1s:FIN",
	} {
		if got := downstream(t, every(time.Second, "ab"), rule); got != want {
			t.Errorf("%s: got %s, want %s", rule, got, want)
		}
	}
}

// TestD4NothingStays of connections that limit_data has closed while their upstream went on sending.
func TestD4NothingStays(t *testing.T) {
	busy := serve(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, zeros{}) })
	r := start(t, busy, `{"limit_data":1000}`)
	_, _ = r.talk("") // so that what lives as long as the proxy does is there
	before := goleak.IgnoreCurrent()
	for range 50 {
		if got, err := r.talk(""); len(got) != 1000 || err != nil {
			t.Fatalf("read %d bytes, %v", len(got), err)
		}
	}
	goleak.VerifyNone(t, before)
}

// TestD6HalfClose: what is answered after the client has ended its stream arrives.
func TestD6HalfClose(t *testing.T) {
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

// TestD7ResetPeerResets open connections, too, by an RST, on both sides, also where no data flows; toxicity 0
// does not turn a close into a reset.
func TestD7ResetPeerResets(t *testing.T) {
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

// TestD7AResetNeedsNoData, and what waits for it can be taken away.
func TestD7AResetNeedsNoData(t *testing.T) {
	if got, want := downstream(t, nil, `{"reset_peer":"3s"}`), "3s:RST"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	steps := []step{{at: time.Second}, {at: 4 * time.Second, send: "a"}, {at: 5 * time.Second, end: true}}
	if got, want := downstream(t, steps, `{"reset_peer":"3s"}`), "4s:a 5s:FIN"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestD10StackedLatenciesAdd: five chunks 20 ms apart under 2 × 300 ms arrive 20 ms apart, and not all at once.
func TestD10StackedLatenciesAdd(t *testing.T) {
	got := downstream(t, every(20*ms, "a", "b", "c", "d", "e"), `{"name":"1","latency":"300ms"}`, `{"name":"2","latency":"300ms"}`)
	if want := "600ms:a 620ms:b 640ms:c 660ms:d 680ms:e 700ms:FIN"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestD11ATimeoutFiresUnderTraffic: it counts from when it hit the connection, not from the last byte.
func TestD11ATimeoutFiresUnderTraffic(t *testing.T) {
	steady := every(100*ms, strings.Split("abcdefghijklmnopqrst", "")...)
	for _, test := range []struct {
		steps []step
		rules []string
		want  string
	}{
		{steady[:3], []string{`{"timeout":"300ms"}`}, "300ms:FIN"},
		{changed(steady, 450*ms, `{"timeout":"300ms"}`)[:7], nil, "0s:a 100ms:b 200ms:c 300ms:d 400ms:e 750ms:FIN"},
	} {
		if got := downstream(t, test.steps, test.rules...); got != test.want {
			t.Errorf("%s: got %s, want %s", test.rules, got, test.want)
		}
	}
}

// TestD12ATimeoutThatHitNothing closes nothing when it is taken away.
func TestD12ATimeoutThatHitNothing(t *testing.T) {
	for _, rule := range []string{`{"timeout":"0s","percent":0}`, `{"timeout":"0s","enabled":false}`, `{"timeout":"0s","match":{"nth":2}}`} {
		if got, want := downstream(t, changed(every(100*ms, "a", "b"), 50*ms), rule), "0s:a 100ms:b 200ms:FIN"; got != want {
			t.Errorf("%s: got %s, want %s", rule, got, want)
		}
	}
}

// TestD19BandwidthIsSmooth: the first bytes come after 25 ms and not after 100, and so do all others.
func TestD19BandwidthIsSmooth(t *testing.T) {
	got := downstream(t, every(0, strings.Repeat("x", 10_000)), `{"bandwidth":"100KB"}`)
	piece := strings.Repeat("x", 2500)
	if want := fmt.Sprintf("25ms:%[1]s 50ms:%[1]s 75ms:%[1]s 100ms:%[1]s 100ms:FIN", piece); got != want {
		t.Errorf("got %s", strings.ReplaceAll(got, piece, "(2500)"))
	}
}

// TestD19BandwidthCanBeShared by all connections of a proxy: two take twice the time.
func TestD19BandwidthCanBeShared(t *testing.T) {
	upstream := serve(t, func(conn *net.TCPConn) { _, _ = conn.Write(make([]byte, 10_000)) })
	r := start(t, upstream, `{"bandwidth":{"rate":"100KB","scope":"proxy"}}`)
	begun := time.Now()
	both := []net.Conn{r.dial(), r.dial()}
	for _, conn := range both {
		if got, err := io.ReadAll(conn); len(got) != 10_000 || err != nil {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	}
	if took, least := time.Since(begun), 200*ms-25*ms; took < least {
		t.Errorf("took %v, want at least %v", took, least)
	}
}

// TestD19LatencyCoversTheEnd of a stream, and connect the beginning.
func TestD19LatencyCoversTheEnd(t *testing.T) {
	got := downstream(t, []step{{at: 0, end: true}}, `{"latency":"1s"}`, `{"connect":{"as":"delay","latency":"2s"}}`)
	if want := "3s:FIN"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
