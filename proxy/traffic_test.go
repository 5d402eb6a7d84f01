package proxy_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/proxy"
)

// overTCP is a TCP proxy before an upstream.
func overTCP(name, listen, upstream string) proxy.Endpoint {
	e := endpoint(name, listen)
	e.Config.Protocol, e.Config.Upstream = proxy.TCP, upstream
	return e
}

// newTCPEngine runs TCP proxies with a greeter.
func newTCPEngine(t *testing.T) (*proxy.Engine, *greeter) {
	g := &greeter{}
	e := newEngine(t, g)
	e.Executors[proxy.TCP] = g
	return e, g
}

// counted lists what is counted apart.
func counted(e *proxy.Engine) []string {
	var lines []string
	for _, own := range e.Traffic() {
		lines = append(lines, fmt.Sprint(own.Proxy, " ", own.Upstream, " ", own.Up.Sent.Load()))
	}
	return lines
}

// Another upstream of a TCP proxy is another server, on the socket that it has; also where it asked for any port.
func TestAnotherUpstreamOfTCPIsAnotherServer(t *testing.T) {
	e, g := newTCPEngine(t)
	run(t, e, overTCP("a", "127.0.0.1:0", "one:1"))
	address, first := addr(t, e, "a"), g.proxy("a")
	run(t, e, overTCP("a", "127.0.0.1:0", "one:1"))
	if g.proxy("a") != first {
		t.Error("it was started anew, and nothing had changed")
	}
	run(t, e, overTCP("a", "127.0.0.1:0", "two:2"))
	if g.proxy("a") == first || addr(t, e, "a") != address {
		t.Errorf("the same server: %v; it was at %s and is at %s", g.proxy("a") == first, address, addr(t, e, "a"))
	}
	if heard, err := greet(address); err != nil || heard != "two:2" {
		t.Errorf("a client hears %q, %v", heard, err)
	}
}

// A proxy counts for each upstream, goes on counting where it was, and is forgotten with its counts.
func TestTrafficOutlastsAServer(t *testing.T) {
	e, g := newTCPEngine(t)
	count := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, counted(e)); diff != "" {
			t.Error(diff)
		}
	}
	run(t, e, endpoint("http", "127.0.0.1:0"), overTCP("a", "127.0.0.1:0", "one:1"))
	if g.proxy("http").Traffic != nil {
		t.Error("an HTTP proxy has a count of bytes")
	}
	g.proxy("a").Traffic.Up.Sent.Add(5)
	count("a one:1 5")
	address := addr(t, e, "a")
	off := overTCP("a", address, "one:1")
	off.Config.Enabled = false
	run(t, e, off)
	count("a one:1 5")
	run(t, e, overTCP("a", address, "one:1"))
	g.proxy("a").Traffic.Up.Sent.Add(5)
	count("a one:1 10")
	run(t, e, overTCP("a", address, "two:2"))
	count("a one:1 10", "a two:2 0")
	run(t, e, overTCP("a", address, "one:1"))
	count("a two:2 0", "a one:1 10")
	if err := prepare(t, e, overTCP("b", "127.0.0.1:0", "x:1")).Discard(); err != nil {
		t.Error(err)
	}
	count("a two:2 0", "a one:1 10")
	for i := range 20 {
		run(t, e, overTCP("a", address, fmt.Sprint("n:", i+1)))
	}
	if all := counted(e); len(all) != 8 || all[7] != "a n:20 0" {
		t.Errorf("of 22 upstreams there are %v", all)
	}
	run(t, e)
	count()
}
