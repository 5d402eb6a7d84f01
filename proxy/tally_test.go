package proxy_test

import (
	"maps"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// TestHistogram: a bound is in its bucket, what is longer than the last one only in the count.
func TestHistogram(t *testing.T) {
	var h proxy.Histogram
	for _, d := range []time.Duration{0, 500 * time.Microsecond, 500*time.Microsecond + 1, time.Minute, time.Minute + 1} {
		h.Observe(d)
	}
	count, sum, buckets := h.Read()
	if count != 5 || sum != 120.001000002 {
		t.Errorf("%d durations of %v s", count, sum)
	}
	if buckets[0.0005] != 2 || buckets[0.001] != 3 || buckets[30] != 3 || buckets[60] != 4 || len(buckets) != 16 {
		t.Errorf("buckets %v", buckets)
	}
}

// TestTallyOfAProxy: it goes on while the proxy is off or elsewhere, and is gone with it.
func TestTallyOfAProxy(t *testing.T) {
	g := &greeter{}
	e := newEngine(t, g)
	told := 0
	e.Observer = func(*proxy.Exchange) { told++ }
	a := endpoint("a", "127.0.0.1:0")
	run(t, e, a)
	p := g.proxy("a")
	for outcome, n := range map[proxy.Outcome]int{proxy.OK: 3, proxy.Injected: 2, "unknown": 1} {
		for range n {
			p.Tell(&proxy.Exchange{Outcome: outcome, Duration: time.Second, RequestBytes: 1, ResponseBytes: 10})
		}
	}
	off := a
	off.Config.Enabled = false
	run(t, e, off)
	run(t, e, a)
	g.proxy("a").Tell(&proxy.Exchange{Outcome: proxy.RealError, UpstreamDuration: time.Second})
	tallies := e.Tallies()
	if len(tallies) != 1 || tallies[0].Proxy != "a" || told != 7 {
		t.Fatalf("tallies %v, %d told", tallies, told)
	}
	got := map[proxy.Outcome]uint64{}
	for _, outcome := range proxy.Outcomes() {
		got[outcome] = tallies[0].Exchanges(outcome, faults.NoKind)
	}
	if want := map[proxy.Outcome]uint64{proxy.OK: 3, proxy.Injected: 2, proxy.RealError: 1, proxy.ClientLeft: 0}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	all, _, _ := tallies[0].Duration.Read()
	called, _, _ := tallies[0].Upstream.Read()
	if all != 7 || called != 1 || tallies[0].RequestBytes.Load() != 6 || tallies[0].ResponseBytes.Load() != 60 {
		t.Errorf("%d exchanges, %d called the upstream, %d and %d bytes", all, called, tallies[0].RequestBytes.Load(), tallies[0].ResponseBytes.Load())
	}
	if got := tallies[0].Exchanges("unknown", faults.NoKind); got != 0 {
		t.Errorf("%d exchanges of an unknown outcome", got)
	}
	run(t, e)
	if left := e.Tallies(); len(left) != 0 {
		t.Errorf("a proxy that is gone is counted: %v", left)
	}
}

func TestNoAllocationsOfTelling(t *testing.T) {
	g := &greeter{}
	e := newEngine(t, g)
	run(t, e, endpoint("a", "127.0.0.1:0"))
	p, x := g.proxy("a"), &proxy.Exchange{Outcome: proxy.OK, Duration: time.Millisecond, UpstreamDuration: 1}
	if each := testing.AllocsPerRun(1000, func() { p.Tell(x) }); each != 0 {
		t.Errorf("%v allocations for an exchange", each)
	}
}
