package control

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// State is everything that the admin API can change. Make one with [NewState]. A State that [Controller.State] gave is a
// snapshot: never change it, let Controller.Change make a copy. When a verb returns an error the State may be half
// changed and must be dropped, as Controller.Change does.
type State struct {
	Revision uint64
	Seed     uint64
	Mode     Mode
	Modes    map[string]Mode // by proxy
	Profiles map[string]Profile
	Rules    []Rule
	Proxies  []proxy.Config

	Leases map[string]*Lease // by id
	Halted bool              // no fault can be added; see Halt

	// TimedRules is set while the list of rules as a whole goes back by itself.
	TimedRules *TimedRules

	runs    map[string]modeRun                // by proxy; see settle
	callers map[string]*faults.CallerCounters // by proxy, where callers may ask for faults; see settle
}

// TimedRules is what the list of rules goes back to.
type TimedRules struct {
	Owner  string
	Hold   Hold
	BackTo []Rule
}

// NewState is the state of a squall that was told nothing: no proxies, no faults.
func NewState(seed uint64) *State {
	return &State{
		Seed: seed, Mode: Mode{Name: ModeNormal}, Modes: map[string]Mode{}, Profiles: map[string]Profile{},
		Leases: map[string]*Lease{}, runs: map[string]modeRun{}, callers: map[string]*faults.CallerCounters{},
	}
}

// clone copies the state as deep as changes go. What pointers lead to is shared and never changed, counters and
// leases apart: a counter belongs to its rule across states, a lease is renewed for all of them.
func (s *State) clone() *State {
	c := *s
	c.Modes = maps.Clone(s.Modes)
	c.Profiles = maps.Clone(s.Profiles)
	c.Rules = slices.Clone(s.Rules)
	c.Proxies = slices.Clone(s.Proxies)
	c.Leases = maps.Clone(s.Leases)
	c.runs = maps.Clone(s.runs)
	c.callers = maps.Clone(s.callers)
	if s.TimedRules != nil {
		timed := *s.TimedRules
		timed.BackTo = slices.Clone(timed.BackTo)
		c.TimedRules = &timed
	}
	return &c
}

// Clear goes back to normal: no modes of single proxies, no rules. Seed, profiles and proxies stay.
func (s *State) Clear() {
	s.Mode = Mode{Name: ModeNormal}
	s.Modes = map[string]Mode{}
	s.Rules, s.TimedRules = nil, nil
	clear(s.Leases)
}

// SetSeed sets the seed of all chance. Another one than before restarts all counters.
func (s *State) SetSeed(seed uint64) {
	if seed == s.Seed {
		return
	}
	s.Seed = seed
	anew := restarted{}
	for _, list := range s.lists() {
		for i := range *list {
			(*list)[i] = anew.rule((*list)[i])
		}
	}
	clear(s.runs)
	clear(s.callers)
}

// restarted gives each counter that it meets its successor, so that a rule that stands in two lists goes on being one.
type restarted map[*faults.Counter]*faults.Counter

func (m restarted) rule(r Rule) Rule {
	if m[r.Counter] == nil {
		m[r.Counter] = faults.NewCounter()
	}
	r.Counter, r.Since = m[r.Counter], time.Time{}
	if r.BackTo != nil {
		r.BackTo = new(m.rule(*r.BackTo))
	}
	return r
}

// Validate reports the first thing wrong with what holds or will hold, as a [document.Error] that names the field.
func (s *State) Validate() error {
	if err := s.validateProxies(); err != nil {
		return err
	}
	for _, name := range sortedKeys(s.Profiles) {
		if err := faults.CheckName(name); err != nil {
			return document.At(document.At(err, name), "profiles")
		}
		profile := s.Profiles[name]
		if err := profile.validate(); err != nil {
			return document.At(document.At(err, name), "profiles")
		}
	}
	if err := s.validateModes(); err != nil {
		return err
	}
	if err := s.validateRules(s.Rules); err != nil {
		return document.At(err, "rules")
	}
	if t := s.TimedRules; t != nil {
		if err := document.At(document.At(s.validateRules(t.BackTo), "back_to"), "rules"); err != nil {
			return document.At(err, "timed")
		}
	}
	return s.validateInForce()
}

// same reports whether b, made of a, differs from it in nothing that anyone could see or that would have to be saved.
func same(a, b *State, now time.Time) bool {
	return slices.Equal(a.counters(), b.counters()) && maps.Equal(a.liveLeases(now), b.liveLeases(now)) &&
		equalJSON(saveState(a), saveState(b))
}

// counters lists the counters of all rules, in a stable order.
func (s *State) counters() []*faults.Counter {
	var all []*faults.Counter
	add := func(rules []Rule) {
		for _, r := range rules {
			for _, step := range r.steps() {
				all = append(all, step.Counter)
			}
		}
	}
	for _, list := range s.lists() {
		add(*list)
	}
	for _, name := range sortedKeys(s.runs) {
		add(s.runs[name].rules)
	}
	return all
}

// at puts the place of a list's element before an error's field.
func at(err error, i int) error { return document.At(err, fmt.Sprintf("[%d]", i)) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
