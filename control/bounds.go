package control

import (
	"encoding/json"

	"github.com/squall-proxy/squall/internal/document"
)

// What a state holds is bounded, in parts and as a whole: every change checks, compiles and writes all of it.
const (
	MaxRules   = 10_000
	MaxProxies = 1_000

	// MaxInForce bounds the rules in force or coming back, those of modes included, each counted once for every proxy
	// that it acts on.
	MaxInForce = 100_000

	// MaxState bounds a state, in bytes as the state file has it. At the bound a change takes about a third of a second.
	MaxState = 8 << 20
)

// validateInForce refuses rules that act on so many proxies that compiling them would take too long.
func (s *State) validateInForce() error {
	profiles := s.profiles()
	most := func(m Mode) (rules int) {
		for _, step := range m.steps() {
			rules = max(rules, len(profiles[step.Name].Rules))
		}
		return rules
	}
	ofModes := 0
	for _, p := range s.Proxies {
		ofModes += max(most(s.Mode), most(s.Modes[p.Name]))
	}
	const reason = "at most %d rules can be in force, counted on each proxy that they act on, got %d"
	if ofModes > MaxInForce {
		return document.Errorf("profiles", reason, MaxInForce, ofModes)
	}
	for _, list := range s.lists() {
		count := ofModes
		for _, r := range *list {
			if r.Proxy == "" {
				count += len(s.Proxies)
			} else {
				count++
			}
		}
		if count > MaxInForce {
			return document.Errorf("rules", reason, MaxInForce, count)
		}
	}
	return nil
}

// checkSize refuses a state that is too large, unless it is no larger than the one before: what takes something away is
// never refused.
func checkSize(before, after *State) error {
	size, err := after.size()
	if err != nil || size <= MaxState {
		return err
	}
	old, err := before.size()
	if err != nil || size <= old {
		return err
	}
	return document.Errorf(after.largest(), "the whole state would take %d bytes, most of them here: at most %d", size, MaxState)
}

// size is that of the state in a file, in bytes.
func (s *State) size() (int, error) {
	written, err := encodeState(s)
	return len(written), err
}

// largest is the part of a state that takes most.
func (s *State) largest() string {
	var timed []Rule
	if s.TimedRules != nil {
		timed = s.TimedRules.BackTo
	}
	largest, most := "", -1
	for _, part := range []struct {
		field string
		value any
	}{
		{"rules", saveRules(s.Rules)}, {"timed.rules.back_to", saveRules(timed)}, {"profiles", s.Profiles}, {"proxies", s.Proxies},
	} {
		written, _ := json.Marshal(part.value) // size has marshalled it, too
		if len(written) > most {
			largest, most = part.field, len(written)
		}
	}
	return largest
}
