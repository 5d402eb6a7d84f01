package proxytest

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

func (s suite) hold(t *testing.T) {
	t.Run("Delays", func(t *testing.T) {
		upstream, _ := counted(t)
		r := s.start(t, upstream, rules(`{"name": "a", "delay": "40ms"}`, `{"name": "b", "delay": "40ms"}`,
			`{"name": "c", "delay": "40ms", "phase": "after"}`, `{"name": "d", "abort": 500, "percent": 0}`))
		start := time.Now()
		reply, _ := r.get("/")
		if took := time.Since(start); took < 120*time.Millisecond {
			t.Errorf("took %v, want 120ms", took) // they add up
		}
		equal(t, "status", reply.StatusCode, 200)
		x := r.exchange()
		equal(t, "delayed", x.Delayed, true)
		equal(t, "faulted", x.Faulted, false)
		equal(t, "outcome", x.Outcome, proxy.OK)
		if x.Duration < 120*time.Millisecond || x.UpstreamDuration > x.Duration-120*time.Millisecond {
			t.Errorf("recorded %v, of which %v upstream", x.Duration, x.UpstreamDuration)
		}
	})
	t.Run("BlackholeOfHalfAnUpload", func(t *testing.T) { // whose rest nobody waits for
		upstream, _ := counted(t)
		r := s.start(t, upstream, rules(`{"blackhole": {"for": "50ms"}}`))
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 1000", "", "half")
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		var timeout net.Error
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("the connection stays open: %v", err)
		}
	})
	for _, phase := range []string{"before", "after"} {
		t.Run("DelayEndsWithTheClient/"+phase, func(t *testing.T) {
			upstream, calls := counted(t)
			counter := faults.NewCounter()
			r := s.start(t, upstream, armed(t, counter, `{"delay": "1h", "phase": "`+phase+`", "max_active": 1}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			waitHit(t, counter)
			equal(t, "active", counter.Status().Active, 1)
			_ = c.Close()
			equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)
			equal(t, "active", counter.Status().Active, 0)
			equal(t, "called", calls.Load() == 1, phase == "after")
		})
		t.Run("Blackhole/"+phase, func(t *testing.T) {
			upstream, calls := counted(t)
			r := s.start(t, upstream, rules(`{"blackhole": {"for": "50ms"}, "phase": "`+phase+`"}`))
			c := r.dial()
			start := time.Now()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			c.expectEnd()
			if took := time.Since(start); took < 50*time.Millisecond {
				t.Errorf("closed after %v, want 50ms", took)
			}
			x := r.exchange()
			equal(t, "outcome", x.Outcome, proxy.Injected)
			equal(t, "status", x.Status, 0)
			equal(t, "called", calls.Load() == 1, phase == "after")
		})
		t.Run("BlackholeUntilTheClientLeaves/"+phase, func(t *testing.T) {
			upstream, _ := counted(t)
			counter := faults.NewCounter()
			r := s.start(t, upstream, armed(t, counter, `{"blackhole": {}, "phase": "`+phase+`"}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			waitHit(t, counter)
			_ = c.Close()
			equal(t, "outcome", r.exchange().Outcome, proxy.Injected)
		})
	}
}

// armed puts one rule in force whose counter the test keeps.
func armed(t *testing.T, counter *faults.Counter, document string) option {
	t.Helper()
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: rule(t, document), Counter: counter}}})
	if err != nil {
		t.Fatal(err)
	}
	return func(_ *testing.T, e *proxy.Endpoint) { e.Faults = set }
}

// waitHit blocks until a rule has hit.
func waitHit(t *testing.T, counter *faults.Counter) {
	t.Helper()
	if _, err := counter.WaitHits(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}
