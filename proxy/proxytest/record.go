package proxytest

import (
	"net/http"
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
