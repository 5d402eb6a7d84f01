package proxytest

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// record shows that every exchange is told once, with what was decided.
func (s suite) record(t *testing.T) {
	upstream, _ := counted(t)
	r := s.start(t, upstream, rules(
		`{"name": "a", "delay": "1ms", "match": {"headers": {"X-Slow": "1"}}}`,
		`{"name": "b", "abort": 418, "match": {"path": "/tea/**"}}`))
	r.call(http.MethodPost, "/a//b/../c?q=1", "hello")
	x := r.exchange()
	for what, pair := range map[string][2]any{
		"proxy": {x.Proxy, "p"}, "client": {x.Client, "127.0.0.1"}, "method": {x.Method, "POST"}, "host": {x.Host, r.addr},
		"path": {x.Path, "/a/c"}, "status": {x.Status, 200}, "request bytes": {x.RequestBytes, int64(5)},
		"response bytes": {x.ResponseBytes, int64(4)}, "outcome": {x.Outcome, proxy.OK}, "error": {x.Error, ""},
		"attempts": {x.UpstreamAttempts, 1}, "flags": {len(x.Flags()), 0},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %v, want %v", what, pair[0], pair[1])
		}
	}
	if x.UpstreamDuration <= 0 || x.Duration < x.UpstreamDuration || time.Since(x.At) > patience {
		t.Errorf("took %v, of which %v upstream, from %v", x.Duration, x.UpstreamDuration, x.At)
	}
	r.get("/tea/green", "X-Slow", "1")
	second := r.exchange()
	equal(t, "flags", strings.Join(second.Flags(), ","), "DI,FI")
	decisions := second.Faults.Decisions()
	if len(decisions) != 2 || decisions[0].Outcome != faults.Hit || decisions[1].Outcome != faults.Hit {
		t.Errorf("decided %v", decisions)
	}
	equal(t, "numbered apart", x.ID != second.ID, true)
	if len(r.exchanges) > 0 {
		t.Error("an exchange was recorded twice")
	}
}

// fronts: the record says through what a request came, as that says itself, and from whom.
func (s suite) fronts(t *testing.T) {
	upstream, _ := counted(t)
	r := s.start(t, upstream)
	from := func(fields ...string) *proxy.Front {
		t.Helper()
		r.get("/", fields...)
		return r.exchange().Front
	}
	for _, fields := range [][]string{{}, {"Forwarded", "for=192.0.2.1"}, {"X-Forwarded-Host", "shop.test"}} {
		if front := from(fields...); front != nil {
			t.Errorf("%q: it came through %+v", fields, front)
		}
	}
	for _, test := range []struct {
		fields       []string
		name, client string
	}{
		{[]string{"Via", "1.1 nginx"}, "nginx", ""},
		{[]string{"Via", "1.0 fred, HTTP/1.1 p.example.net:8080 (Apache/1.1, (old), ltd)"}, "p.example.net:8080", ""},
		{[]string{"Via", "1.1 a", "Via", "2 b"}, "b", ""},
		{[]string{"Via", "nonsense"}, "", ""},
		{[]string{"Via", "1.1 x)"}, "", ""},
		{[]string{"Via", "1.1 " + strings.Repeat("x", 65)}, "", ""},
		{[]string{"X-Forwarded-For", "203.0.113.9"}, "", "203.0.113.9"},
		{[]string{"X-Forwarded-For", "203.0.113.9, [2001:db8::1]:4711"}, "", "2001:db8::1"},
		{[]string{"X-Forwarded-For", "unknown", "X-Real-IP", "203.0.113.8"}, "", "203.0.113.8"},
		{[]string{"X-Real-IP", "fe80::1%" + strings.Repeat("x", 100)}, "", "fe80::1"},
		{[]string{"Via", "1.1 nginx", "X-Forwarded-For", "203.0.113.9"}, "nginx", "203.0.113.9"},
		{[]string{"Via", "1.1 nginx", "X-Forwarded-For", "203.0.113.10"}, "nginx", "203.0.113.10"},
		{[]string{"Via", "1.1 nginx", "X-Forwarded-For", ""}, "nginx", ""},
	} {
		want := proxy.Front{Peer: "127.0.0.1", Name: test.name}
		if test.client != "" {
			want.Client = netip.MustParseAddr(test.client)
		}
		if front := from(test.fields...); front == nil || *front != want {
			t.Errorf("%q: it came through %+v, want %+v", test.fields, front, want)
		}
	}
	r.change(config(func(c *proxy.Config) { c.Trusted = []string{"127.0.0.1", "10.0.0.0/8"} }))
	front := from("X-Forwarded-For", "203.0.113.9, 10.0.0.1")
	equal(t, "client of one that is trusted", front.Client.String(), "203.0.113.9")
	equal(t, "peer", front.Peer, "127.0.0.1")
}

// faultPanic: a fault that panics lets the request pass.
func (s suite) faultPanic(t *testing.T) {
	broken := faults.Rule{Name: "broken", Kind: "abort", Percent: 100, Enabled: true}
	broken.Attributes = (*faults.Abort)(nil) // deciding panics
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: broken, Counter: faults.NewCounter()}}})
	if err != nil {
		t.Fatal(err)
	}
	upstream, _ := counted(t)
	r := s.start(t, upstream, func(_ *testing.T, e *proxy.Endpoint) { e.Faults = set })
	reply, body := r.get("/")
	equal(t, "status", reply.StatusCode, 200)
	equal(t, "body", body, "real")
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.OK)
	if x.FaultPanic == "" {
		t.Error("the panic is not recorded")
	}
}
