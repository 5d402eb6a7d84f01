package control

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// halt pulls the lever.
func halt(t *testing.T, k *Controller) *State {
	t.Helper()
	return change(t, k, func(s *State) error { s.Halt(); return nil })
}

func TestAHaltRevertsWhatIsTimed(t *testing.T) {
	for _, tt := range leasedThings() {
		for name, text := range map[string]string{"lease": onLease(tt.document), "ttl": onTTL(tt.document)} {
			t.Run(tt.name+" on a "+name, func(t *testing.T) {
				bubble(t, base(t), func(t *testing.T, b *rig) {
					changeTo(t, b.Controller, text)
					s := halt(t, b.Controller)
					b.wantHits(t, tt.afterwards)
					if rulesOf(s) != "base@*" || s.ModeOf("a") != ModeNormal || len(s.Leases) > 0 || !s.View(time.Now()).Halted || s.Revision != 2 {
						t.Errorf("rules %s, mode %s, leases %v, revision %d", rulesOf(s), s.ModeOf("a"), s.Leases, s.Revision)
					}
					if _, err := b.RenewLease("run", time.Now()); codeOf(err) != NotFound {
						t.Errorf("renewed: %v", err)
					}
					if again := halt(t, b.Controller); again != s {
						t.Errorf("pulled again it was a change: revision %d", again.Revision)
					}
					b.sleepUntil(time.Hour)
					if b.State() != s {
						t.Error("something ended later")
					}
				})
			})
		}
	}
}

// What stands below something timed comes back: that must not keep anybody from pulling the lever.
func TestAHaltIsNeverRefused(t *testing.T) {
	for _, documents := range [][]string{
		{`{"mode":"failure"}`, `{"mode":"normal","ttl":"1m"}`},
		{`{"mode":"failure"}`, `{"mode":"fallback","ttl":"1m"}`},
		{`{"rules":[{"name":"x","abort":503}]}`, `{"rules":[],"ttl":"1m"}`},
		{`{"rules":[{"name":"x","abort":503}]}`, `{"rules":[{"name":"x","abort":500,"ttl":"1m"}]}`},
	} {
		k := start(t, Config{}, stateWith("a"))
		for _, text := range documents {
			changeTo(t, k, text)
		}
		if s := halt(t, k); !s.Halted || s.View(time.Now()).Timed != nil {
			t.Errorf("%v: %+v", documents, s)
		}
	}
}

func TestWhileHaltedNoFaultIsAdded(t *testing.T) {
	apply := func(text string) func(*testing.T, *State) error {
		return func(t *testing.T, s *State) error { return s.Apply(parse[Document](t, text), time.Now()) }
	}
	patch := func(name, text string) func(*testing.T, *State) error {
		return func(t *testing.T, s *State) error { return s.PatchRule(Address{Name: name}, node(t, text), time.Now()) }
	}
	set := func(name string, r faults.Rule) func(*testing.T, *State) error {
		return func(t *testing.T, s *State) error {
			_, err := s.PutRule(Address{Name: name}, r, "", time.Now())
			return err
		}
	}
	for _, tt := range []struct {
		name    string
		refused bool
		change  func(*testing.T, *State) error
	}{
		{"a mode", true, apply(`{"mode":"fallback"}`)},
		{"the mode again, which starts its counters anew", true, apply(`{"mode":"failure"}`)},
		{"a mode for a time", true, apply(`{"mode":"fallback","ttl":"1s"}`)},
		{"a mode on a lease", true, apply(`{"mode":"fallback","lease":{"id":"l","for":"1s"}}`)},
		{"a proxy's mode", true, apply(`{"modes":{"b":"fallback"}}`)},
		{"a proxy given back to a mode that fails", true, apply(`{"modes":{"b":null}}`)},
		{"a mode that is in force, redefined", true, apply(`{"profiles":{"failure":{"failure_rate":0.5}}}`)},
		{"rules", true, apply(`{"rules":[{"name":"new","abort":503}]}`)},
		{"the same rules, which starts them anew", true, apply(`{"rules":[{"name":"on","abort":503,"first":1}]}`)},
		{"another seed, which starts all anew", true, apply(`{"seed":8}`)},
		{"a rule added", true, func(t *testing.T, s *State) error {
			_, err := s.AddRule(abort("", ""), time.Now())
			return err
		}},
		{"a rule put", true, set("new", abort("", ""))},
		{"a rule put for a time", true, set("new", withTTL(abort("", ""), time.Second))},
		{"a rule replaced", true, set("on", abort("", ""))},
		{"a rule enabled", true, patch("off", `{"enabled":true}`)},
		{"a rule made worse", true, patch("on", `{"first":100}`)},
		{"a rule moved", true, patch("on", `{"proxy":"b"}`)},
		{"a shadow that becomes real", true, patch("shadow", `{"shadow":false}`)},
		{"a rule of percent 0", true, patch("never", `{"percent":1}`)},
		{"a rule rearmed", true, func(_ *testing.T, s *State) error { return s.RearmRule(Address{Name: "on"}) }},
		{"a proxy, which the mode would fail", true, func(_ *testing.T, s *State) error { s.PutProxy(config("c")); return nil }},

		{"a rule taken away", false, func(_ *testing.T, s *State) error { return s.RemoveRule(Address{Name: "on"}) }},
		{"a rule switched off", false, patch("on", `{"enabled":false}`)},
		{"a rule made a shadow", false, patch("on", `{"shadow":true}`)},
		{"a rule made never to hit", false, patch("on", `{"percent":0}`)},
		{"a rule that does nothing", false, set("new", rule(t, `{"abort":503,"enabled":false}`))},
		{"the normal mode", false, apply(`{"mode":"normal"}`)},
		{"no rules", false, apply(`{"rules":[]}`)},
		{"no rules for a time", false, apply(`{"rules":[],"ttl":"1s"}`)},
		{"a mode that is not in force", false, apply(`{"profiles":{"odd":{"failure_rate":0.5}},"mode":"normal"}`)},
		{"a proxy changed", false, func(t *testing.T, s *State) error { return s.PatchProxy("a", node(t, `{"timeout":"5s"}`)) }},
		{"a proxy taken away", false, func(_ *testing.T, s *State) error { return s.RemoveProxy("b") }},
		{"an owner's part taken away", false, func(_ *testing.T, s *State) error { s.ClearOwner("me"); return nil }},
		{"all taken away", false, func(_ *testing.T, s *State) error { s.Clear(); return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := start(t, Config{}, stateWith("a", "b"))
			changeTo(t, k, `{"mode":"failure","modes":{"b":"normal"},"seed":7,"rules":[
				{"name":"on","abort":503,"first":1,"owner":"me"},{"name":"off","abort":503,"enabled":false},
				{"name":"shadow","abort":503,"shadow":true},{"name":"never","abort":503,"percent":0}]}`)
			halted := halt(t, k)
			do := func(s *State) error { return tt.change(t, s) }
			_, err := k.Change(t.Context(), Request{}, do)
			if code, _ := refusal(err); tt.refused && (code != Forbidden || k.State() != halted) || !tt.refused && (err != nil || k.State() == halted) {
				t.Fatalf("refused with %v", err)
			}
			if !k.State().Halted {
				t.Error("it is not halted any more")
			}
			change(t, k, func(s *State) error { s.Release(); return nil })
			if _, err := k.Change(t.Context(), Request{}, do); tt.refused && err != nil {
				t.Errorf("after the release: %v", err)
			}
		})
	}
}

func TestAHaltOutlivesARestart(t *testing.T) {
	s, path := base(t), filepath.Join(t.TempDir(), "state.json")
	put(t, s, onLease(`{"mode":"failure",LEASE}`), time.Now())
	s.Halt()
	again := restart(t, path, s, &eventLog{})
	k := start(t, Config{}, again)
	_, err := k.Change(t.Context(), Request{}, func(s *State) error { return s.SetMode(ModeFailure, "", Hold{}) })
	if codeOf(err) != Forbidden || !slices.Equal(exchange(t, k.State(), "a", time.Now()), []string{"base"}) {
		t.Errorf("got %v", err)
	}
}
