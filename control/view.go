package control

import (
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// FaultsView is what answers say of the faults in force.
type FaultsView struct {
	Mode     string             `json:"mode"`
	Modes    map[string]string  `json:"modes"`
	Seed     uint64             `json:"seed"`
	Profiles map[string]Profile `json:"profiles"`
	Rules    []RuleView         `json:"rules"`
	Timed    *TimedView         `json:"timed,omitempty"`
	Halted   bool               `json:"halted,omitempty"`
	Revision uint64             `json:"revision"`
}

// RuleView is what answers say of a rule.
type RuleView struct {
	faults.Rule
	Status RuleStatus `json:"status"`
}

// DecodeDocument reads a rule with its status, so that clients can read what answers say. In documents that ask for a
// change a rule is a [faults.Rule], which ignores the status.
func (v *RuleView) DecodeDocument(n *document.Node) error {
	if err := v.Rule.DecodeDocument(n); err != nil {
		return err
	}
	return document.At(document.Decode(n.Get("status"), &v.Status), "status")
}

// RuleStatus is the read-only part of a rule.
type RuleStatus struct {
	faults.Status
	ExpiresIn string `json:"expires_in,omitempty"`
}

// TimedView says what goes back to what, and when.
type TimedView struct {
	Mode  *TimedModeView           `json:"mode,omitempty"`
	Modes map[string]TimedModeView `json:"modes,omitempty"`
	Rules *TimedRulesView          `json:"rules,omitempty"` // the list as a whole

	SingleRules []TimedRuleView `json:"single_rules,omitempty"` // those with a time to live of their own
}

// TimedModeView is a mode that goes back by itself.
type TimedModeView struct {
	BackTo    *string `json:"back_to"` // null = none of its own
	ExpiresIn string  `json:"expires_in"`
	Lease     string  `json:"lease,omitempty"`
}

// TimedRulesView is a list of rules that goes back by itself.
type TimedRulesView struct {
	BackTo    []faults.Rule `json:"back_to"`
	ExpiresIn string        `json:"expires_in"`
	Lease     string        `json:"lease,omitempty"`
}

// TimedRuleView is a rule that goes back by itself.
type TimedRuleView struct {
	Name      string       `json:"name"`
	Proxy     string       `json:"proxy,omitempty"`
	BackTo    *faults.Rule `json:"back_to"` // null = no rule
	ExpiresIn string       `json:"expires_in"`
	Lease     string       `json:"lease,omitempty"`
}

// View describes the faults in force.
func (s *State) View(now time.Time) FaultsView {
	v := FaultsView{
		Mode: s.Mode.Name, Modes: map[string]string{}, Seed: s.Seed, Profiles: s.profiles(),
		Rules: make([]RuleView, 0, len(s.Rules)), Halted: s.Halted, Revision: s.Revision,
	}
	for name, mode := range s.Modes {
		if mode.Name != "" {
			v.Modes[name] = mode.Name
		}
	}
	for _, r := range s.Rules {
		v.Rules = append(v.Rules, r.View(now))
	}
	v.Timed = s.timedView(now)
	return v
}

// View describes a rule.
func (r Rule) View(now time.Time) RuleView {
	return RuleView{Rule: r.Rule, Status: RuleStatus{Status: r.Counter.Status(), ExpiresIn: r.Hold.expiresIn(now)}}
}

// expiresIn writes what is left of a hold; "" for what holds for ever.
func (h Hold) expiresIn(now time.Time) string {
	if !h.Timed() {
		return ""
	}
	return expiresIn(h.end(), now)
}

// expiresIn writes what is left, in tenths of a second and never none.
func expiresIn(end, now time.Time) string {
	const tenth = 100 * time.Millisecond
	return max(end.Sub(now).Truncate(tenth), tenth).String()
}

// leaseID names the lease that a hold hangs on; "" = none.
func (h Hold) leaseID() string {
	if h.Lease == nil {
		return ""
	}
	return h.Lease.ID
}

func (s *State) timedView(now time.Time) *TimedView {
	var v TimedView
	if s.Mode.Hold.Timed() {
		v.Mode = s.Mode.timedView(now)
	}
	for name, mode := range s.Modes {
		if !mode.Hold.Timed() {
			continue
		}
		if v.Modes == nil {
			v.Modes = make(map[string]TimedModeView)
		}
		v.Modes[name] = *mode.timedView(now)
	}
	if t := s.TimedRules; t != nil {
		v.Rules = &TimedRulesView{BackTo: make([]faults.Rule, 0, len(t.BackTo)), ExpiresIn: t.Hold.expiresIn(now), Lease: t.Hold.leaseID()}
		for _, r := range t.BackTo {
			v.Rules.BackTo = append(v.Rules.BackTo, r.Rule)
		}
	}
	for _, r := range s.Rules {
		if r.Hold.Timed() {
			v.SingleRules = append(v.SingleRules, r.timedView(now))
		}
	}
	if v.Mode == nil && v.Modes == nil && v.Rules == nil && v.SingleRules == nil {
		return nil
	}
	return &v
}

func (m Mode) timedView(now time.Time) *TimedModeView {
	v := &TimedModeView{ExpiresIn: m.Hold.expiresIn(now), Lease: m.Hold.leaseID()}
	if m.BackTo.Name != "" {
		v.BackTo = &m.BackTo.Name
	}
	return v
}

func (r Rule) timedView(now time.Time) TimedRuleView {
	v := TimedRuleView{Name: r.Name, Proxy: r.Proxy, ExpiresIn: r.Hold.expiresIn(now), Lease: r.Hold.leaseID()}
	if r.BackTo != nil {
		v.BackTo = &r.BackTo.Rule
	}
	return v
}
