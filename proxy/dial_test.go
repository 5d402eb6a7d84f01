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

// TestDialerLooksIntoIPv6Addresses: several prefixes carry an IPv4 address, to which a gateway, a tunnel or the system
// itself sends what is sent there.
func TestDialerLooksIntoIPv6Addresses(t *testing.T) {
	g := &greeter{}
	e := newEngine(t, g)
	run(t, e, endpoint("a", "127.0.0.1:0"))
	_, own, _ := net.SplitHostPort(addr(t, e, "a"))
	const metadata, multicast, itself = "a cloud's metadata service", "a multicast address", "a listener of squall itself"
	for _, test := range []struct {
		host   string
		allow  []string
		reason string // "" = fine
	}{
		{"2002:a9fe:a9fe::1", nil, metadata},
		{"2002:e000:fb::", nil, multicast},
		{"2002:7f00:1::", nil, itself},
		{"2002:5db8:d822:169:254:169:254:0", nil, ""},
		{"64:ff9b::127.0.0.1", nil, itself},
		{"64:ff9b::93.184.216.34", nil, ""},
		{"64:ff9b:1::169.254.169.254", nil, metadata},
		{"64:ff9b:1:fffe::169.254.169.254", nil, metadata},
		{"64:ff9b:1:a9fe:a9:fe00::", nil, metadata},   // a prefix of 48 bits
		{"64:ff9b:1:aa:a8:fea9:fe00::", nil, ""},      // in none of the places
		{"64:ff9b:1:00a9:00fe:a9fe::", nil, metadata}, // of 56
		{"64:ff9b:1:0:a9:fea9:fe00:0", nil, metadata}, // of 64
		{"64:ff9b:1::127.0.0.1", nil, itself},
		{"64:ff9b:1::10.0.0.1", nil, ""},
		{"64:ff9b:1:a00:0:100::", nil, ""},
		{"64:ff9b:2::169.254.169.254", nil, ""},
		{"::169.254.169.254", nil, metadata},
		{"::127.0.0.1", nil, itself},
		{"::10.0.0.1", nil, ""},
		{"::1", nil, ""},
		{"::ffff:0:169.254.169.254", nil, metadata},
		{"::ffff:0:127.0.0.1", nil, itself},
		{"::ffff:0:10.0.0.1", nil, ""},
		{"2001:db8::169.254.169.254", nil, ""},
		{"2002:a9fe:a9fe::1", []string{"169.254.169.254"}, ""},
		{"2002:a9fe:a9fe::1", []string{"2002:a9fe::/32"}, ""},
		{"2002:a9fe:a9fe::1", []string{"169.254.169.253", "2002:a9ff::/32"}, metadata},
		{"64:ff9b:1::169.254.169.254", []string{"169.254.0.0/16"}, ""},
	} {
		set := *g.proxy("a").Settings()
		set.Config.AllowUpstreams = test.allow
		err := g.proxy("a").Dialer(&set).ControlContext(t.Context(), "tcp", net.JoinHostPort(test.host, own), nil)
		var refused *proxy.RefusedError
		switch {
		case test.reason == "" && err != nil:
			t.Errorf("%s with %v: %v", test.host, test.allow, err)
		case test.reason != "" && (!errors.As(err, &refused) || refused.Reason != test.reason):
			t.Errorf("%s with %v: got %v, want %q", test.host, test.allow, err, test.reason)
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
