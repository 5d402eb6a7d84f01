package proxy_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

func TestABusyPortChangesNothing(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"))
	a, busy := addr(t, e, "a"), occupied(t)
	_, err := e.Prepare([]proxy.Endpoint{
		as(endpoint("a", "127.0.0.1:0"), "changed"), endpoint("b", "127.0.0.1:0"), endpoint("c", busy),
	})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want an address in use", err)
	}
	var refusal *document.Error
	if !errors.As(err, &refusal) || refusal.Field != "proxies[c].listen" || !strings.Contains(refusal.Reason, busy) ||
		!strings.Contains(refusal.Reason, "another program") {
		t.Errorf("got %v, want a refusal of proxies[c].listen", err)
	}
	expectGreeting(t, a, "a")
	if e.Addr("b") != nil {
		t.Error("a part of the change is in force")
	}
	run(t, e, endpoint("a", "127.0.0.1:0")) // and another change can be made
}

func TestAPortOfAnotherProxyNamesIt(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"))
	a := addr(t, e, "a")
	for _, endpoints := range [][]proxy.Endpoint{
		{endpoint("a", "127.0.0.1:0"), endpoint("b", a)},              // has it and stays
		{endpoint("x", a), endpoint("b", a)},                          // gets it in the same change
		{endpoint("a", "127.0.0.1:0"), endpoint("b", wildcard(t, a))}, // has a part of it
	} {
		_, err := e.Prepare(endpoints)
		want := `in use by proxy "` + endpoints[0].Config.Name + `"`
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		expectGreeting(t, a, "a")
	}
}

func TestEndpointsThatCannotRun(t *testing.T) {
	e := newEngine(t, &greeter{})
	change := func(edit func(*proxy.Config)) proxy.Endpoint {
		made := endpoint("a", "127.0.0.1:0")
		edit(&made.Config)
		return made
	}
	for field, endpoints := range map[string][]proxy.Endpoint{
		"proxies[a].name":       {endpoint("a", "127.0.0.1:0"), endpoint("a", "127.0.0.1:0")},
		"proxies[].name":        {endpoint("", "127.0.0.1:0")},
		"proxies[a].engine":     {change(func(c *proxy.Config) { c.Engine = "steam" })},
		"proxies[a].upstream":   {change(func(c *proxy.Config) { c.Upstream = "ftp://x" })},
		"proxies[a].trusted[1]": {change(func(c *proxy.Config) { c.Trusted = []string{"::1", "x"} })},
		"proxies[a].listen":     {change(func(c *proxy.Config) { c.Listen = "198.51.100.7:0" })},
	} {
		_, err := e.Prepare(endpoints)
		var refusal *document.Error
		if !errors.As(err, &refusal) || refusal.Field != field {
			t.Errorf("got %v, want a refusal of %s", err, field)
		}
	}
}

func TestDiscardLeavesEverythingAsItWas(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"))
	a := addr(t, e, "a")
	free := occupied(t)
	change, err := e.Prepare([]proxy.Endpoint{as(endpoint("a", "127.0.0.1:0"), "changed")})
	if err != nil {
		t.Fatal(err)
	}
	if err := change.Discard(); err != nil {
		t.Error(err)
	}
	expectGreeting(t, a, "a")
	change = prepare(t, e, endpoint("b", a), endpoint("c", "127.0.0.1:0")) // a handover
	if err := change.Discard(); err != nil {
		t.Error(err)
	}
	expectGreeting(t, a, "a")
	if _, err := e.Prepare([]proxy.Endpoint{endpoint("b", a), endpoint("c", free)}); err == nil {
		t.Error("took a port that is not free")
	}
	expectGreeting(t, a, "a")
}

func TestDiscardedPortsAreFree(t *testing.T) {
	e := newEngine(t, &greeter{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	for range 2 {
		if err := prepare(t, e, endpoint("a", address)).Discard(); err != nil {
			t.Error(err)
		}
	}
	expectRefused(t, address)
}

func TestAPortIsHandedOverWithoutAGap(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("p0", "127.0.0.1:0"))
	address := addr(t, e, "p0")
	stop := hammer(address)
	for range 20 {
		for _, name := range []string{"p1", "p2"} {
			run(t, e, endpoint(name, address))
			expectGreeting(t, address, name) // nobody reaches the one that left
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestPortsAreSwapped(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"), endpoint("b", "127.0.0.1:0"))
	a, b := addr(t, e, "a"), addr(t, e, "b")
	run(t, e, endpoint("a", b), endpoint("b", a))
	expectGreeting(t, a, "b")
	expectGreeting(t, b, "a")
}

// The socket goes to the new executor, with the clients that wait in its queue.
func TestAnotherEngineTakesTheListenerOver(t *testing.T) {
	first, second := &greeter{}, &greeter{}
	e := newEngine(t, first)
	e.Executors["other"] = second
	run(t, e, endpoint("a", "127.0.0.1:0"))
	address := addr(t, e, "a")
	moved := endpoint("a", address)
	moved.Config.Engine = "other"
	run(t, e, moved)
	expectGreeting(t, address, "a")
	if second.proxy("a") == nil {
		t.Error("the other engine does not run it")
	}
}

// ":80" and "127.0.0.1:80" cannot be bound at once: the old socket is closed first, and opened again should the change
// fail.
func TestAPortIsBoundAnewOnAnotherAddress(t *testing.T) {
	e := newEngine(t, &greeter{})
	run(t, e, endpoint("a", "127.0.0.1:0"), endpoint("other", "127.0.0.1:0"))
	local := addr(t, e, "a")
	all, other := wildcard(t, local), endpoint("other", "127.0.0.1:0")

	if _, err := e.Prepare([]proxy.Endpoint{endpoint("a", all), other, endpoint("c", occupied(t))}); err == nil {
		t.Fatal("took a port that is not free")
	}
	expectGreeting(t, local, "a") // reopened

	if err := prepare(t, e, as(endpoint("a", all), "wild"), other).Discard(); err != nil {
		t.Error(err)
	}
	expectGreeting(t, local, "a") // reopened

	run(t, e, as(endpoint("a", all), "wild"), other)
	expectGreeting(t, local, "wild")
	expectGreeting(t, addr(t, e, "other"), "other")

	run(t, e, as(endpoint("a", local), "narrow"), other)
	expectGreeting(t, local, "narrow")
}

func TestTheZeroChangeDoesNothing(t *testing.T) {
	var c proxy.Change
	c.Commit()
	if err := c.Discard(); err != nil {
		t.Error(err)
	}
}

// Requests may still come on connections of a proxy that left, until they are closed.
func TestOldConnectionsSeeWhatHolds(t *testing.T) {
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: faults.Rule{
		Name: "a", Kind: "abort", Percent: 100, Enabled: true, Attributes: &faults.Abort{Status: 503},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	g := &greeter{}
	e := newEngine(t, g)
	first := endpoint("a", "127.0.0.1:0")
	first.Faults = set
	run(t, e, first)
	old := g.proxy("a")
	run(t, e, as(endpoint("a", "localhost:0"), "moved"))
	if got := old.Settings().Config.Upstream; got != "http://moved" {
		t.Errorf("after a move: %s", got)
	}
	run(t, e, first)
	old = g.proxy("a")
	run(t, e)
	if s := old.Settings(); !s.Faults.Empty() || s.Config.Upstream != "http://a" {
		t.Errorf("after deletion: %+v", s)
	}
}
