package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

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

// TestATimeoutThatRunsOutCloses what it has hit, also before anybody takes it away; and the record says whose fault it was.
func TestATimeoutThatRunsOutCloses(t *testing.T) {
	r := start(t, echo(t))
	rule := decode(t, `{"timeout":{}}`)
	expires := time.Now().Add(80 * time.Millisecond)
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: rule, Expires: expires}}})
	if err != nil {
		t.Fatal(err)
	}
	r.endpoint.Faults = set
	r.change()
	if got, err := r.talk("lost"); got != "" || err != nil || time.Now().Before(expires) {
		t.Errorf("read %q, %v", got, err)
	}
	if x := r.record(); x.Outcome != proxy.Injected || len(x.Faults.Decisions()) != 1 {
		t.Errorf("recorded %+v, %+v", x, x.Faults.Decisions())
	}
}

// TestTheRecordKnowsWhatWasTakenAway, and that a connection which has lost data was not well.
func TestTheRecordKnowsWhatWasTakenAway(t *testing.T) {
	r := start(t, echo(t), `{"name":"gone","latency":"1ms"}`, `{"name":"hole","reset_peer":"1h","stream":"upstream"}`)
	conn := r.dial()
	_, _ = io.WriteString(conn, "lost")
	time.Sleep(20 * time.Millisecond) // until it is
	r.rules(`{"name":"hole","reset_peer":"1h","stream":"upstream"}`)
	_ = conn.SetLinger(0)
	_ = conn.Close()
	x := r.record()
	named := map[string]faults.Outcome{}
	for _, d := range x.Faults.Decisions() {
		named[d.Rule] = d.Outcome
	}
	if x.Outcome != proxy.Injected || !x.Faulted || named["gone"] != faults.Hit || named["hole"] != faults.Hit {
		t.Errorf("recorded %+v, %v", x, named)
	}
}

// Another upstream is for new connections; those that lead to the old one are dropped.
func TestAnotherUpstreamDropsTheConnections(t *testing.T) {
	r := start(t, echo(t))
	conn := r.dial()
	exchange(t, conn, "before")
	r.endpoint.Config.Upstream = serve(t, func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "other") })
	r.change()
	_ = conn.SetReadDeadline(time.Now().Add(patience / 4))
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %d, %v: want the end", n, err)
	}
	if got, err := io.ReadAll(r.dial()); err != nil || string(got) != "other" {
		t.Errorf("a new connection: %q, %v", got, err)
	}
}
