package control

import (
	"slices"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Policy is what an installation allows. It binds every door: documents, single rules, the command line, experiments,
// and what a fault goes back to. The zero Policy allows everything.
type Policy struct {
	MaxTTL     faults.Duration `json:"max_ttl,omitempty"` // longest time to live; 0 = any
	RequireTTL bool            `json:"require_ttl"`       // every fault must end by itself
	MaxPercent float64         `json:"max_percent"`       // of any rule; 0 = any
	Deny       []string        `json:"deny"`              // kinds refused
	Protect    []string        `json:"protect"`           // path patterns that no fault touches, on every proxy
}

// DefaultPolicy allows everything.
func DefaultPolicy() Policy { return Policy{MaxPercent: 100} }

// DecodeDocument reads a policy over the one that is there, and checks it whole.
func (p *Policy) DecodeDocument(n *document.Node) error {
	type plain Policy
	if err := document.Decode(n, (*plain)(p)); err != nil {
		return err
	}
	if p.MaxPercent <= 0 || p.MaxPercent > 100 {
		return document.Errorf("max_percent", "must be more than 0 and at most 100, got %v", p.MaxPercent)
	}
	for i, kind := range p.Deny {
		if err := checkKind(kind); err != nil {
			return document.At(at(err, i), "deny")
		}
	}
	for i, pattern := range p.Protect {
		if pattern == "" || pattern[0] != '/' {
			err := document.Errorf("", "want a path pattern such as /health or /internal/**, got %q", pattern)
			return document.At(at(err, i), "protect")
		}
	}
	return nil
}

func checkKind(name string) error {
	var known []string
	for _, k := range faults.Kinds() {
		known = append(known, k.Name)
	}
	if slices.Contains(known, name) {
		return nil
	}
	refusal := document.Errorf("", "unknown kind %q", name)
	refusal.DidYouMean = document.Nearest(name, known)
	return refusal
}

// Check reports the first thing in a state that the policy refuses, as a [document.Error] that names the field. What
// comes back later counts as what is in force.
func (p *Policy) Check(s *State) error {
	if err := p.checkMode(s, s.Mode); err != nil {
		return err
	}
	for _, name := range sortedKeys(s.Modes) {
		if err := p.checkMode(s, s.Modes[name]); err != nil {
			return document.At(document.At(err, name), "modes")
		}
	}
	for i, c := range s.Proxies {
		if err := p.checkCaller(c.CallerFaults); err != nil {
			return document.At(at(document.At(err, "caller_faults"), i), "proxies")
		}
	}
	if err := p.checkRules(s.Rules, s.holdOf); err != nil {
		return document.At(err, "rules")
	}
	if s.TimedRules == nil {
		return nil
	}
	err := p.checkRules(s.TimedRules.BackTo, func(r Rule) Hold { return r.Hold })
	return document.At(document.At(document.At(err, "back_to"), "rules"), "timed")
}

// checkMode holds a mode against the policy, as far as it does something. The field is that of a document such as
// {"mode": "failure", "ttl": "30s"}.
func (p *Policy) checkMode(s *State, m Mode) error {
	profiles := s.profiles()
	for _, step := range m.steps() {
		rules := s.spelt(profiles[step.Name], step.Name)
		for _, r := range rules {
			if err := p.checkRule(r); err != nil {
				return document.Errorf("mode", "%s does what is refused: %v", step.Name, err)
			}
		}
		if len(rules) > 0 {
			if err := p.checkHold(step.Hold); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Policy) checkRules(list []Rule, holdOf func(Rule) Hold) error {
	for i, r := range list {
		for _, step := range r.steps() {
			err := p.checkHold(holdOf(step))
			if err == nil {
				err = p.checkRule(step.Rule)
			}
			if err != nil {
				return at(err, i)
			}
		}
	}
	return nil
}

func (p *Policy) checkRule(r faults.Rule) error {
	field, most := "percent", r.Percent
	if r.Ramp != nil {
		field, most = "ramp", max(r.Ramp.From, r.Ramp.To)
	}
	switch {
	case slices.Contains(p.Deny, r.Kind):
		return document.Errorf("kind", "the policy denies %s", r.Kind)
	case p.MaxPercent > 0 && most > p.MaxPercent:
		return document.Errorf(field, "the policy allows at most %v percent, got %v", p.MaxPercent, most)
	}
	return nil
}

// checkCaller holds what callers may ask for against the policy. Such a fault ends with its exchange: it needs no time to
// live.
func (p *Policy) checkCaller(c *faults.Caller) error {
	if c == nil {
		return nil
	}
	for i, kind := range c.Kinds {
		if slices.Contains(p.Deny, kind) {
			return document.At(at(document.Errorf("", "the policy denies %s", kind), i), "kinds")
		}
	}
	if p.MaxPercent > 0 && c.Percent > p.MaxPercent {
		return document.Errorf("percent", "the policy allows at most %v percent, got %v", p.MaxPercent, c.Percent)
	}
	return nil
}

func (p *Policy) checkHold(h Hold) error {
	switch {
	case p.RequireTTL && !h.Timed():
		return document.Errorf("ttl", "missing: the policy wants one, or a lease")
	case p.MaxTTL > 0 && h.TTL > p.MaxTTL:
		return document.Errorf("ttl", "the policy allows at most %v, got %v", p.MaxTTL, h.TTL)
	case p.MaxTTL > 0 && h.Lease != nil && h.Lease.For > p.MaxTTL:
		return document.Errorf("lease.for", "the policy allows at most %v, got %v", p.MaxTTL, h.Lease.For)
	}
	return nil
}
