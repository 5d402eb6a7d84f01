package control

import (
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// TestARampBeginsWhenItsRuleIsSet, however long nothing came; what does not name it does not move it. A ramp from 0 to
// 100 over ten seconds never hits at its begin, and always from its end on.
func TestARampBeginsWhenItsRuleIsSet(t *testing.T) {
	const ramp = `{"name":"x","proxy":"a","abort":503,"ramp":{"from":0,"to":100,"over":"10s"}}`
	at := Address{Name: "x"}
	for name, c := range map[string]struct {
		change func(s *State, now time.Time) error // at the ramp's end
		anew   bool
	}{
		"nothing": {func(*State, time.Time) error { return nil }, false},
		"another rule": {func(s *State, now time.Time) error {
			_, err := s.AddRule(rule(t, `{"name":"y","proxy":"b","delay":"1s"}`), now)
			return err
		}, false},
		"a patch": {func(s *State, now time.Time) error {
			return s.PatchRule(at, node(t, `{"attributes":{"status":500}}`), now)
		}, false},
		"a patch of the ramp": {func(s *State, now time.Time) error {
			return s.PatchRule(at, node(t, `{"ramp":{"from":0}}`), now)
		}, true},
		"the same rule": {func(s *State, now time.Time) error {
			_, err := s.PutRule(at, rule(t, ramp), "", now)
			return err
		}, true},
		"the list":   {func(s *State, now time.Time) error { return s.SetRules([]faults.Rule{rule(t, ramp)}, "", Hold{}, now) }, true},
		"rearm":      {func(s *State, _ time.Time) error { return s.RearmRule(at) }, true},
		"a new seed": {func(s *State, _ time.Time) error { s.SetSeed(s.Seed + 1); return nil }, true},
		"a restart": {func(s *State, now time.Time) error {
			written, err := encodeState(s)
			if err != nil {
				return err
			}
			loaded, err := decodeState(written, now)
			if err == nil {
				*s = *loaded
			}
			return err
		}, true},
	} {
		s := three(t)
		if err := s.SetRules([]faults.Rule{rule(t, ramp)}, "", Hold{}, t0); err != nil {
			t.Fatal(err)
		}
		if err := c.change(s, after(10*time.Second)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.settle()
		if got := exchange(t, s, "a", after(10*time.Second)); (len(got) == 0) != c.anew {
			t.Errorf("%s: at the ramp's end, hit %v", name, got)
		}
		if got := exchange(t, s, "a", after(20*time.Second)); len(got) != 1 {
			t.Errorf("%s: ten seconds later, hit %v", name, got)
		}
	}
}
