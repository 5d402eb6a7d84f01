package proxy_test

import (
	"errors"
	"net"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

func TestDialerRefuses(t *testing.T) {
	g := &greeter{}
	e := newEngine(t, g)
	run(t, e, endpoint("a", "127.0.0.1:0"))
	own := addr(t, e, "a")
	for _, test := range []struct {
		address string
		allow   []string
		reason  string // "" = fine
	}{
		{"127.0.0.1:1", nil, ""},
		{"[::1]:1", nil, ""},
		{"10.1.2.3:80", nil, ""},
		{"[fd00::1]:80", nil, ""},
		{"93.184.216.34:443", nil, ""},
		{"[64:ff9b::5db8:d822]:443", nil, ""},
		{"169.254.1.1:80", nil, "a link-local address"},
		{"[fe80::1%lo]:80", nil, "a link-local address"},
		{"169.254.169.254:80", nil, "a cloud's metadata service"},
		{"[::ffff:169.254.169.254]:80", nil, "a cloud's metadata service"},
		{"[64:ff9b::169.254.169.254]:80", nil, "a cloud's metadata service"},
		{"[fd00:ec2::254]:80", nil, "a cloud's metadata service"},
		{"100.100.100.200:80", nil, "a cloud's metadata service"},
		{"224.0.0.251:5353", nil, "a multicast address"},
		{"[ff02::1]:80", nil, "a multicast address"},
		{"0.0.0.0:80", nil, "the unspecified address"},
		{"[::]:80", nil, "the unspecified address"},
		{own, nil, "a listener of squall itself"},
		{own, []string{"127.0.0.1"}, ""},
		{own, []string{"a"}, ""},                            // the upstream's name
		{own, []string{"b"}, "a listener of squall itself"}, // another's
		{"169.254.169.254:80", []string{"169.254.0.0/16"}, ""},
		{"169.254.169.254:80", []string{"169.254.1.0/24"}, "a cloud's metadata service"},
		{"[fe80::1%lo]:80", []string{"fe80::/10"}, ""},
	} {
		set := *g.proxy("a").Settings()
		set.Config.AllowUpstreams = test.allow
		err := g.proxy("a").Dialer(&set).ControlContext(t.Context(), "tcp", test.address, nil)
		var refused *proxy.RefusedError
		switch {
		case test.reason == "" && err != nil:
			t.Errorf("%s with %v: %v", test.address, test.allow, err)
		case test.reason != "" && (!errors.As(err, &refused) || refused.Reason != test.reason):
			t.Errorf("%s with %v: got %v, want %q", test.address, test.allow, err, test.reason)
		}
	}
}

// The check is at the dial, after the name was resolved.
func TestDialerLooksAtWhatANameResolvesTo(t *testing.T) {
	g := &greeter{}
	e := newEngine(t, g)
	run(t, e, endpoint("a", "127.0.0.1:0"))
	dialer := g.proxy("a").Dialer(g.proxy("a").Settings())
	_, port, _ := net.SplitHostPort(addr(t, e, "a"))
	conn, err := dialer.DialContext(t.Context(), "tcp", "localhost:"+port)
	var refused *proxy.RefusedError
	if !errors.As(err, &refused) {
		t.Errorf("got %v, %v; want a refusal", conn, err)
	}
	if dialer.Timeout != proxy.DialTimeout {
		t.Errorf("timeout %v", dialer.Timeout)
	}
}
