package proxy_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

func TestCommitServesWhatWasPrepared(t *testing.T) {
	e := newEngine(t, &greeter{})
	change := prepare(t, e, endpoint("a", "127.0.0.1:0"), endpoint("b", "127.0.0.1:0"))
	if got := e.Addr("a"); got != nil {
		t.Errorf("before Commit: running at %v", got)
	}
	change.Commit()
	expectGreeting(t, addr(t, e, "a"), "a")
	expectGreeting(t, addr(t, e, "b"), "b")
	if got := e.Addr("c"); got != nil {
		t.Errorf("a proxy that nobody asked for: %v", got)
	}
}

func TestSettingsAreSwappedUnderAKeptListener(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"))
	before := addr(t, e, "a")
	run(t, e, as(endpoint("a", "127.0.0.1:0"), "other"))
	expectGreeting(t, before, "other")
	run(t, e, as(endpoint("a", before), "third")) // the port it has is the port it is asked for
	expectGreeting(t, before, "third")
	if got := addr(t, e, "a"); got != before {
		t.Errorf("moved from %s to %s", before, got)
	}
}

func TestProxiesThatLeaveStopListening(t *testing.T) {
	disabled := endpoint("b", "127.0.0.1:0")
	disabled.Config.Enabled = false
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"), endpoint("b", "127.0.0.1:0"), endpoint("c", "127.0.0.1:0"))
	a, b, c := addr(t, e, "a"), addr(t, e, "b"), addr(t, e, "c")
	run(t, e, disabled, endpoint("c", "localhost:0"))
	expectRefused(t, a)
	expectRefused(t, b)
	expectRefused(t, c)
	expectGreeting(t, addr(t, e, "c"), "c")
	if e.Addr("a") != nil || e.Addr("b") != nil {
		t.Error("a deleted and a disabled proxy still have addresses")
	}
}

func TestShutdownEndsEverything(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"))
	a := addr(t, e, "a")
	shutdown(t, e)
	shutdown(t, e) // again is fine
	expectRefused(t, a)
	if e.Addr("a") != nil {
		t.Error("still has an address")
	}
	if _, err := e.Prepare(nil); err == nil {
		t.Error("a change after the shutdown")
	}
}

func TestShutdownOfAnUnusedEngine(t *testing.T) {
	var e proxy.Engine
	shutdown(t, &e)
}

// Exchanges of a proxy that was taken away may go on for ten seconds.
func TestRetiredProxiesHaveTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &greeter{stay: true, idle: true}
		e := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: g}}
		run(t, e, endpoint("a", "127.0.0.1:0"))
		start := time.Now()
		run(t, e)
		if got := time.Since(start); got != 0 {
			t.Errorf("Commit waited for %v", got)
		}
		if err := e.Shutdown(t.Context()); err != nil { // which waits for it
			t.Error(err)
		}
		if got := time.Since(start); got != 10*time.Second {
			t.Errorf("ended after %v, want 10s", got)
		}
	})
}

func TestShutdownDropsWhatOutlastsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &greeter{stay: true, idle: true}
		e := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: g}}
		run(t, e, endpoint("gone", "127.0.0.1:0"))
		run(t, e, endpoint("a", "127.0.0.1:0"))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("ended after %v, want 3s", got) // those that were retired too
		}
	})
}

func TestOwns(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"), endpoint("wild", ":0"))
	local := netip.MustParseAddrPort(addr(t, e, "a"))
	_, port, _ := net.SplitHostPort(addr(t, e, "wild"))
	at := func(ip string) netip.AddrPort { return netip.MustParseAddrPort(net.JoinHostPort(ip, port)) }
	for _, test := range []struct {
		addr netip.AddrPort
		want bool
	}{
		{local, true},
		{netip.AddrPortFrom(netip.MustParseAddr("::ffff:127.0.0.1"), local.Port()), true},
		{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), local.Port()), false},
		{netip.AddrPortFrom(local.Addr(), local.Port()+1), local.Port()+1 == at("::").Port()},
		{at("127.0.0.1"), true},
		{at("::1"), true},
		{at("0.0.0.0"), true},
		{at("198.51.100.7"), false}, // none of this machine's
	} {
		if got := e.Owns(test.addr); got != test.want {
			t.Errorf("%v: got %v, want %v", test.addr, got, test.want)
		}
	}
	other := netip.MustParseAddrPort("127.0.0.1:1")
	if e.Owns(other) {
		t.Error("an address that nobody listens at")
	}
	e.Own(net.TCPAddrFromAddrPort(other))
	run(t, e, endpoint("a", "127.0.0.1:0"))
	if !e.Owns(other) || !e.Owns(local) {
		t.Error("an added address was lost by a change")
	}
}

func TestNumbersAreUnique(t *testing.T) {
	g := &greeter{}
	e := newEngine(t, g)
	run(t, e, endpoint("a", "127.0.0.1:0"), endpoint("b", "127.0.0.1:0"))
	if one, two := g.proxy("a").NextExchange(), g.proxy("b").NextExchange(); one != 1 || two != 2 {
		t.Errorf("exchanges %d, %d; want 1, 2", one, two)
	}
}
