package control

import (
	"testing"
	"time"
)

func TestAnOwnerLeaves(t *testing.T) {
	for _, tt := range []struct {
		name    string
		changes func(t *testing.T, s *State)
		mode, a string
		rules   string
		modes   int
	}{
		{"owns nothing", func(*testing.T, *State) {}, "normal", "fallback", "x@* y@a", 1},
		{"a rule", func(t *testing.T, s *State) {
			put(t, s, `{"rules":[{"name":"x","abort":503,"owner":"me"},{"name":"y","proxy":"a","abort":503}]}`, t0)
		}, "normal", "fallback", "y@a", 1},
		{"all rules", func(t *testing.T, s *State) {
			put(t, s, `{"rules":[{"abort":503},{"abort":503,"owner":"you"}],"owner":"me"}`, t0)
		}, "normal", "fallback", "abort-2@*", 1},
		{"a timed list", func(t *testing.T, s *State) {
			put(t, s, `{"rules":[{"abort":503,"owner":"you"}],"owner":"me","ttl":"1h"}`, t0)
		}, "normal", "fallback", "x@* y@a", 1},
		{"a timed rule", func(t *testing.T, s *State) {
			_, err := s.PutRule(Address{Name: "x"}, rule(t, `{"abort":503,"ttl":"1h","owner":"me"}`), "", t0)
			must(t, s, err)
		}, "normal", "fallback", "x@* y@a", 1},
		{"what a timed rule goes back to", func(t *testing.T, s *State) {
			_, err := s.PutRule(Address{Name: "x"}, rule(t, `{"abort":503,"owner":"me"}`), "", t0)
			must(t, s, err)
			_, err = s.PutRule(Address{Name: "x"}, rule(t, `{"abort":503,"ttl":"1h"}`), "", t0)
			must(t, s, err)
		}, "normal", "fallback", "~x@* y@a", 1},
		{"a mode", func(t *testing.T, s *State) {
			put(t, s, `{"mode":"failure","owner":"me"}`, t0)
		}, "normal", "fallback", "x@* y@a", 1},
		{"a timed mode", func(t *testing.T, s *State) {
			put(t, s, `{"mode":"failure"}`, t0)
			put(t, s, `{"mode":"fallback","owner":"me","ttl":"1h"}`, t0)
		}, "failure", "fallback", "x@* y@a", 1},
		{"what a timed mode goes back to", func(t *testing.T, s *State) {
			put(t, s, `{"mode":"failure","owner":"me"}`, t0)
			put(t, s, `{"mode":"fallback","ttl":"1h"}`, t0)
		}, "fallback", "fallback", "x@* y@a", 1},
		{"a proxy's mode", func(t *testing.T, s *State) {
			put(t, s, `{"modes":{"a":"failure"},"owner":"me"}`, t0)
		}, "normal", "normal", "x@* y@a", 0},
		{"a proxy's timed mode", func(t *testing.T, s *State) {
			put(t, s, `{"modes":{"a":"failure"},"owner":"me","ttl":"1h"}`, t0)
		}, "normal", "fallback", "x@* y@a", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := stateWith("a")
			put(t, s, `{"modes":{"a":"fallback"},"rules":[{"name":"x","abort":503},{"name":"y","proxy":"a","abort":503}]}`, t0)
			tt.changes(t, s)
			s.ClearOwner("me")
			check(t, s)
			if s.Mode.Name != tt.mode || s.ModeOf("a") != tt.a || rulesOf(s) != tt.rules || len(s.Modes) != tt.modes {
				t.Errorf("mode %s, a %s, rules %s, modes %v", s.Mode.Name, s.ModeOf("a"), rulesOf(s), s.Modes)
			}
			s.expire(after(time.Hour))
			check(t, s)
			for _, r := range s.Rules {
				if r.Owner == "me" {
					t.Errorf("%s came back", r.Name)
				}
			}
			if s.Mode.Owner == "me" || s.Modes["a"].Owner == "me" {
				t.Errorf("a mode came back: %+v", s)
			}
		})
	}
}
