package control

import (
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

func TestThePolicyBindsEveryDoor(t *testing.T) {
	putting := func(text string) func(*testing.T, *State) error {
		return func(t *testing.T, s *State) error { return s.Apply(parse[Document](t, text), time.Now()) }
	}
	single := func(text string) func(*testing.T, *State) error {
		return func(t *testing.T, s *State) error {
			_, err := s.PutRule(Address{Name: "x"}, rule(t, text), "", time.Now())
			return err
		}
	}
	for _, tt := range []struct {
		name   string
		policy string
		change func(*testing.T, *State) error
		field  string // "" = allowed
	}{
		{"nothing is forbidden", `{}`, putting(`{"mode":"failure","rules":[{"abort":503,"ttl":"24h"}]}`), ""},
		{"a kind, in a document", `{"deny":["abort"]}`, putting(`{"rules":[{"delay":"1s"},{"abort":503}]}`), "rules[1].kind"},
		{"a kind, as a rule", `{"deny":["abort"]}`, single(`{"abort":503}`), "rules[0].kind"},
		{"a kind, patched in", `{"deny":["abort"]}`, func(t *testing.T, s *State) error {
			if _, err := s.AddRule(rule(t, `{"name":"x","delay":"1s"}`), time.Now()); err != nil {
				return err
			}
			return s.PatchRule(Address{Name: "x"}, node(t, `{"kind":"abort","attributes":{"status":503,"latency":null}}`), time.Now())
		}, "rules[0].kind"},
		{"a kind, disabled", `{"deny":["abort"]}`, single(`{"abort":503,"enabled":false}`), "rules[0].kind"},
		{"a kind, as a mode", `{"deny":["abort"]}`, putting(`{"mode":"failure"}`), "mode"},
		{"a kind, as one proxy's mode", `{"deny":["abort"]}`, putting(`{"modes":{"a":"failure"}}`), "modes.a.mode"},
		{"a kind, in a mode in force", `{"deny":["abort"]}`, putting(`{"profiles":{"normal":{"failure_rate":0.1}}}`), "mode"},
		{"a kind, in a mode that is not in force", `{"deny":["abort"]}`, putting(`{"profiles":{"p":{"failure_rate":0.1}}}`), ""},
		{"another kind", `{"deny":["abort"]}`, putting(`{"mode":"fallback","rules":[{"delay":"1s"}]}`), ""},
		{"too often", `{"max_percent":50}`, putting(`{"rules":[{"abort":503,"percent":50.1}]}`), "rules[0].percent"},
		{"often", `{"max_percent":50}`, putting(`{"rules":[{"abort":503,"percent":50}]}`), ""},
		{"too often at the end of a ramp", `{"max_percent":50}`, putting(`{"rules":[{"abort":503,"ramp":{"from":0,"to":50.1,"over":"1s"}}]}`), "rules[0].ramp"},
		{"too often at its begin", `{"max_percent":50}`, putting(`{"rules":[{"abort":503,"ramp":{"from":51,"to":0,"over":"1s"}}]}`), "rules[0].ramp"},
		{"often at the end of a ramp", `{"max_percent":50}`, putting(`{"rules":[{"abort":503,"ramp":{"from":0,"to":50,"over":"1s"}}]}`), ""},
		{"too often, as a mode", `{"max_percent":50}`, putting(`{"modes":{"a":"failure"}}`), "modes.a.mode"},
		{"often, as a mode", `{"max_percent":50}`, putting(`{"profiles":{"p":{"failure_rate":0.5}},"mode":"p"}`), ""},
		{"too long", `{"max_ttl":"10m"}`, single(`{"abort":503,"ttl":"10m1s"}`), "rules[0].ttl"},
		{"too long, as a mode", `{"max_ttl":"10m"}`, putting(`{"mode":"failure","ttl":"1h"}`), "ttl"},
		{"too long, as one proxy's mode", `{"max_ttl":"10m"}`, putting(`{"modes":{"a":{"mode":"failure","ttl":"1h"}}}`), "modes.a.ttl"},
		{"too long, as a list", `{"max_ttl":"10m"}`, putting(`{"rules":[{"abort":503}],"ttl":"1h"}`), "rules[0].ttl"},
		{"too long, by a lease", `{"max_ttl":"10m"}`, putting(`{"mode":"failure","lease":{"id":"l","for":"1h"}}`), "lease.for"},
		{"long", `{"max_ttl":"10m"}`, putting(`{"mode":"failure","rules":[{"abort":503,"ttl":"10m"}]}`), ""},
		{"for ever", `{"require_ttl":true}`, single(`{"abort":503}`), "rules[0].ttl"},
		{"for ever, as a mode", `{"require_ttl":true}`, putting(`{"mode":"failure"}`), "ttl"},
		{"for ever, as one proxy's mode", `{"require_ttl":true}`, putting(`{"modes":{"a":"fallback"}}`), "modes.a.ttl"},
		{"for ever, but nothing", `{"require_ttl":true}`, putting(`{"mode":"normal","modes":{"a":"normal"},"rules":[]}`), ""},
		{"for ever, within a timed list", `{"require_ttl":true}`, func(t *testing.T, s *State) error {
			if err := putting(`{"rules":[],"ttl":"1s"}`)(t, s); err != nil {
				return err
			}
			return single(`{"abort":503}`)(t, s)
		}, "rules[0].ttl"},
		{"for ever, when the mode comes back", `{"require_ttl":true}`, func(t *testing.T, s *State) error {
			if err := putting(`{"mode":"failure","ttl":"1s"}`)(t, s); err != nil {
				return err
			}
			return putting(`{"profiles":{"normal":{"failure_rate":0.5}}}`)(t, s)
		}, "ttl"},
		{"for a time", `{"require_ttl":true}`, putting(`{"mode":"failure","modes":{"a":"fallback"},"rules":[{"abort":503}],"ttl":"1s"}`), ""},
		{"each for its time", `{"require_ttl":true}`, putting(`{"rules":[{"abort":503,"ttl":"1s"}]}`), ""},
		{"for a lease's time", `{"require_ttl":true}`, putting(`{"mode":"failure","lease":{"id":"l","for":"5s"}}`), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := DefaultPolicy()
			if err := policy.DecodeDocument(node(t, tt.policy)); err != nil {
				t.Fatal(err)
			}
			for _, policy := range []Policy{policy, {}} {
				want := tt.field
				if policy.MaxPercent == 0 { // the zero policy
					want = ""
				}
				k := start(t, Config{Policy: policy}, stateWith("a"))
				before := k.State()
				_, err := k.Change(t.Context(), Request{}, func(s *State) error { return tt.change(t, s) })
				code, field := refusal(err)
				if want == "" && err != nil || want != "" && (code != Forbidden || field != want) {
					t.Errorf("refused with %q at %q (%v), want %q", code, field, err, want)
				}
				if (k.State() == before) != (want != "") && tt.name != "for ever, but nothing" {
					t.Error("a refused change was made, or one that is allowed was not")
				}
			}
		})
	}
}

// What a stricter policy forbids does not start, not even from a state that was saved before.
func TestThePolicyBindsTheFirstState(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"rules":[{"abort":503}]}`, t0)
	_, err := New(Config{Engine: &fakeEngine{}, Policy: Policy{Deny: []string{"abort"}}}, s)
	if code, field := refusal(err); code != Forbidden || field != "rules[0].kind" {
		t.Errorf("refused with %q at %q", code, field)
	}
	put(t, s, `{"rules":[],"ttl":"1h"}`, time.Now())
	_, err = New(Config{Engine: &fakeEngine{}, Policy: Policy{Deny: []string{"abort"}}}, s)
	if code, field := refusal(err); code != Forbidden || field != "timed.rules.back_to[0].kind" {
		t.Errorf("what comes back is refused with %q at %q", code, field)
	}
}

func TestProtectedPathsOfThePolicy(t *testing.T) {
	engine := &fakeEngine{}
	s := stateWith("a")
	put(t, s, `{"mode":"failure"}`, t0)
	start(t, Config{Engine: engine, Policy: Policy{Protect: []string{"/internal/**"}}}, s)
	for path, hit := range map[string]bool{"/x": true, "/health": false, "/internal/y": false} {
		if got := decide(engine.last[0].Faults, "a", path, t0); (len(got) > 0) != hit {
			t.Errorf("%s: %v", path, got)
		}
	}
	if len(s.Proxies[0].Protect) != len(proxy.Defaults().Protect) {
		t.Error("the policy's paths became the proxy's own")
	}
}

func TestReadingAPolicy(t *testing.T) {
	for text, field := range map[string]string{
		`{"max_ttl":"10m","require_ttl":true,"max_percent":50,"deny":["abort","reset"],"protect":["/health"]}`: "-",
		`{"deny":["abrot"]}`:       "deny[0]",
		`{"max_percent":0}`:        "max_percent",
		`{"max_percent":101}`:      "max_percent",
		`{"protect":["health"]}`:   "protect[0]",
		`{"max_ttl":"-1s"}`:        "max_ttl",
		`{"maxttl":"1s"}`:          "maxttl",
		`{"require_ttl":"always"}`: "require_ttl",
	} {
		p := DefaultPolicy()
		err := p.DecodeDocument(node(t, text))
		if _, got := refusal(err); err == nil && field != "-" || err != nil && got != field {
			t.Errorf("%s: refused at %q (%v), want %q", text, got, err, field)
		}
	}
}
