package control

import (
	"net/http"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// withCallers is a proxy whose callers may ask for faults.
func withCallers(t *testing.T, name, allowed string) proxy.Config {
	t.Helper()
	c := config(name)
	c.CallerFaults = new(parse[faults.Caller](t, allowed))
	return c
}

// asking decides an exchange on a proxy whose caller asks for an abort, and reports whether it was hit.
func asking(set *faults.Set) bool {
	var p faults.Plan
	header := http.Header{"X-Envoy-Fault-Abort-Request": {"503"}}
	v := &faults.View{Method: "GET", Path: "/", Header: header, Now: t0}
	p.Begin(set, v)
	defer p.Done()
	action, _ := p.Next(v)
	return action != nil
}

func TestThePolicyBindsCallers(t *testing.T) {
	for _, tt := range []struct{ policy, allowed, field string }{
		{`{}`, `true`, ""},
		{`{"deny":["abort"]}`, `true`, "proxies[1].caller_faults.kinds[1]"},
		{`{"deny":["abort"]}`, `{"kinds":["throttle","delay"]}`, ""},
		{`{"deny":["throttle"]}`, `{"kinds":["throttle","delay"]}`, "proxies[1].caller_faults.kinds[0]"},
		{`{"max_percent":50}`, `true`, "proxies[1].caller_faults.percent"},
		{`{"max_percent":50}`, `{"percent":50}`, ""},
		{`{"require_ttl":true,"max_ttl":"1m"}`, `true`, ""}, // it ends with its exchange
	} {
		policy := DefaultPolicy()
		if err := policy.DecodeDocument(node(t, tt.policy)); err != nil {
			t.Fatal(err)
		}
		k := start(t, Config{Policy: policy}, stateWith("a"))
		_, err := k.Change(t.Context(), Request{}, func(s *State) error {
			s.PutProxy(withCallers(t, "b", tt.allowed))
			return nil
		})
		code, field := refusal(err)
		if field != tt.field || tt.field != "" && code != Forbidden {
			t.Errorf("%s, %s: refused with %q at %q", tt.policy, tt.allowed, code, field)
		}
	}
}

// TestTheStopLeverSilencesCallers: while it is pulled they can neither ask for a fault nor be allowed to.
func TestTheStopLeverSilencesCallers(t *testing.T) {
	engine := &fakeEngine{}
	k := start(t, Config{Engine: engine}, stateWith("a", "b"))
	change(t, k, func(s *State) error { s.PutProxy(withCallers(t, "a", `true`)); return nil })
	set := func() *faults.Set { return engine.last[0].Faults }
	if !asking(set()) {
		t.Error("a caller is not heard")
	}
	halt(t, k)
	if asking(set()) {
		t.Error("a caller is heard although the lever is pulled")
	}
	for name, allowed := range map[string]string{"b": `true`, "a": `{"percent":50}`} {
		_, err := k.Change(t.Context(), Request{}, func(s *State) error { s.PutProxy(withCallers(t, name, allowed)); return nil })
		if codeOf(err) != Forbidden {
			t.Errorf("%s, %s: %v", name, allowed, err)
		}
	}
	change(t, k, func(s *State) error { s.Proxies[0].Timeout++; return nil })
	change(t, k, func(s *State) error { s.Release(); return nil })
	if !asking(set()) {
		t.Error("a caller is not heard after the release")
	}
	change(t, k, func(s *State) error { s.PutProxy(config("a")); return nil })
	if asking(set()) {
		t.Error("a caller is heard although none may ask")
	}
}

// TestWaitHitsOfCallers: their rules have counters, which outlive changes of others and start anew with another seed.
func TestWaitHitsOfCallers(t *testing.T) {
	engine := &fakeEngine{}
	first := stateWith("a")
	first.PutProxy(withCallers(t, "a", `true`))
	k := start(t, Config{Engine: engine}, first)
	asking(engine.last[0].Faults)
	changeTo(t, k, `{"rules":[{"delay":"1s"}]}`)
	change(t, k, func(s *State) error { s.PutProxy(withCallers(t, "a", `{"percent":10}`)); return nil })
	at := Address{Name: "caller/abort"}
	if hits, err := k.WaitHits(t.Context(), at, 1); hits != 1 || err != nil {
		t.Errorf("%d hits, %v", hits, err)
	}
	changeTo(t, k, `{"seed":8}`)
	if hits, err := k.WaitHits(t.Context(), at, 0); hits != 0 || err != nil {
		t.Errorf("after another seed: %d hits, %v", hits, err)
	}
	if _, err := k.WaitHits(t.Context(), Address{Name: "caller/reset"}, 0); codeOf(err) != NotFound {
		t.Errorf("of no rule: %v", err)
	}
	change(t, k, func(s *State) error { s.PutProxy(config("a")); return nil })
	if _, err := k.WaitHits(t.Context(), at, 0); codeOf(err) != NotFound {
		t.Errorf("of callers who may not ask: %v", err)
	}
}
