package control

import (
	"fmt"
	"reflect"
)

// Halt pulls the stop lever: everything that is timed goes back, and no fault can be added until Release.
func (s *State) Halt() {
	s.revert(Hold.Timed)
	clear(s.Leases)
	s.Halted = true
}

// Release lets faults be added again.
func (s *State) Release() { s.Halted = false }

// checkHalted refuses a change, of what holds to next, that adds a fault while the stop lever is pulled: one that was not
// in force, is another now, or starts counting anew; or one that lets callers ask for other faults. Pulling the lever itself is never refused, although what stood
// behind something timed comes back then.
func checkHalted(old, next *State) error {
	if !old.Halted || !next.Halted {
		return nil
	}
	known := old.acting()
	for key, r := range next.acting() {
		if was, there := known[key]; !there || was.Counter != r.Counter || !reflect.DeepEqual(was.Rule, r.Rule) {
			return &Error{
				Code:   Forbidden,
				Reason: fmt.Sprintf("halted: no fault can be added, changed or started anew (rule %q) until the halt is released", r.Name),
			}
		}
	}
	for _, p := range next.Proxies {
		was, _ := old.Proxy(p.Name)
		if p.CallerFaults != nil && !reflect.DeepEqual(was.CallerFaults, p.CallerFaults) {
			return &Error{
				Code:   Forbidden,
				Reason: fmt.Sprintf("halted: callers of proxy %q can be allowed no faults until the halt is released", p.Name),
			}
		}
	}
	return nil
}

// acting are the rules of a settled state that do something: the user's, and those of the modes in force.
func (s *State) acting() map[ruleKey]Rule {
	rules := make(map[ruleKey]Rule)
	add := func(list []Rule) {
		for _, r := range list {
			if r.Enabled && !r.Shadow && r.Percent > 0 {
				rules[r.key()] = r
			}
		}
	}
	add(s.Rules)
	for _, run := range s.runs {
		add(run.rules)
	}
	return rules
}
