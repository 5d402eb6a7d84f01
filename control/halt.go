package control

import (
	"fmt"
	"reflect"

	"github.com/squall-proxy/squall/faults"
)

// Halt pulls the stop lever: everything that is timed goes back, and no fault can be added until Release.
func (s *State) Halt() {
	s.revert(Hold.Timed)
	clear(s.Leases)
	s.Halted = true
}

// Release lets faults be added again.
func (s *State) Release() { s.Halted = false }

// checkHalted refuses a change, of what holds to next, that adds a fault while the stop lever is pulled.
func checkHalted(old, next *State) error {
	if !next.Halted {
		return nil
	}
	known := old.acting()
	for key, r := range next.acting() {
		if was, there := known[key]; !there || !reflect.DeepEqual(was, r) {
			return &Error{
				Code: Forbidden, Reason: fmt.Sprintf("halted: no fault can be added or changed (rule %q) until the halt is released", r.Name),
			}
		}
	}
	return nil
}

// acting are the rules of a settled state that do something: the user's, and those of the modes in force.
func (s *State) acting() map[ruleKey]faults.Rule {
	rules := make(map[ruleKey]faults.Rule)
	add := func(list []Rule) {
		for _, r := range list {
			if r.Enabled && !r.Shadow && r.Percent > 0 {
				rules[r.key()] = r.Rule
			}
		}
	}
	add(s.Rules)
	for _, run := range s.runs {
		add(run.rules)
	}
	return rules
}
