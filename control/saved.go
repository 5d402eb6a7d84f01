package control

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// savedState is the form of a state on disk. Ends of what is timed are in wall-clock time there.
type savedState struct {
	Revision   uint64               `json:"revision"`
	Seed       uint64               `json:"seed"`
	Mode       savedMode            `json:"mode"`
	Modes      map[string]savedMode `json:"modes"`
	Profiles   map[string]Profile   `json:"profiles"`
	Rules      []savedRule          `json:"rules"`
	TimedRules *savedTimedRules     `json:"timed_rules,omitempty"`
	Proxies    []proxy.Config       `json:"proxies"`
	Halted     bool                 `json:"halted,omitempty"`
}

type savedHold struct {
	TTL   faults.Duration `json:"ttl,omitempty"`
	Until *savedTime      `json:"until,omitempty"`
	Lease string          `json:"lease,omitempty"` // what hangs on one is over when the state is loaded
}

type savedMode struct {
	Name   string     `json:"name"`
	Owner  string     `json:"owner,omitempty"`
	Hold   savedHold  `json:"hold,omitzero"`
	BackTo *savedMode `json:"back_to,omitempty"`
}

type savedRule struct {
	Rule   faults.Rule `json:"rule"`
	Hold   savedHold   `json:"hold,omitzero"`
	BackTo *savedRule  `json:"back_to,omitempty"`
}

type savedTimedRules struct {
	Owner  string      `json:"owner,omitempty"`
	Hold   savedHold   `json:"hold"`
	BackTo []savedRule `json:"back_to"`
}

// savedTime is an instant in RFC 3339.
type savedTime time.Time

func (t savedTime) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Time(t).UTC().Format(time.RFC3339Nano))
}

// DecodeDocument reads an instant in RFC 3339.
func (t *savedTime) DecodeDocument(n *document.Node) error {
	parsed, err := time.Parse(time.RFC3339Nano, n.Text)
	if n.Kind != document.String || err != nil {
		return document.Errorf("", "want an instant such as 2006-01-02T15:04:05Z")
	}
	*t = savedTime(parsed)
	return nil
}

// encodeState writes a state for the disk.
func encodeState(s *State) ([]byte, error) {
	written, err := json.MarshalIndent(saveState(s), "", " ")
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	return append(written, '\n'), nil
}

func saveState(s *State) savedState {
	saved := savedState{
		Revision: s.Revision, Seed: s.Seed, Mode: saveMode(s.Mode), Modes: map[string]savedMode{},
		Profiles: s.Profiles, Rules: saveRules(s.Rules), Proxies: s.Proxies,
		Halted: s.Halted,
	}
	for name, mode := range s.Modes {
		saved.Modes[name] = saveMode(mode)
	}
	if s.TimedRules != nil {
		t := s.TimedRules
		saved.TimedRules = &savedTimedRules{Owner: t.Owner, Hold: saveHold(t.Hold), BackTo: saveRules(t.BackTo)}
	}
	return saved
}

func saveHold(h Hold) savedHold {
	saved := savedHold{TTL: h.TTL, Lease: h.leaseID()}
	if !h.Until.IsZero() {
		saved.Until = new(savedTime(h.Until))
	}
	return saved
}

func saveMode(m Mode) savedMode {
	saved := savedMode{Name: m.Name, Owner: m.Owner, Hold: saveHold(m.Hold)}
	if m.BackTo != nil {
		saved.BackTo = new(saveMode(*m.BackTo))
	}
	return saved
}

func saveRules(rules []Rule) []savedRule {
	saved := make([]savedRule, 0, len(rules))
	for _, r := range rules {
		saved = append(saved, saveRule(r))
	}
	return saved
}

func saveRule(r Rule) savedRule {
	saved := savedRule{Rule: r.Rule, Hold: saveHold(r.Hold)}
	if r.BackTo != nil {
		saved.BackTo = new(saveRule(*r.BackTo))
	}
	return saved
}

// decodeState reads a state as it was saved. now gives what is timed its place on the monotonic clock.
func decodeState(data []byte, now time.Time) (*State, error) {
	root, err := document.ParseJSON(data)
	if err != nil {
		return nil, err
	}
	var saved savedState
	if err := document.Decode(root, &saved); err != nil {
		return nil, err
	}
	s := NewState(saved.Seed)
	s.Revision = saved.Revision
	s.Proxies, s.Halted = saved.Proxies, saved.Halted
	s.SetProfiles(saved.Profiles)
	s.Mode = saved.Mode.load(now, Mode{Name: ModeNormal})
	for name, mode := range saved.Modes {
		s.setOwnMode(name, mode.load(now, Mode{}))
	}
	s.Rules = loadRules(saved.Rules, now)
	if t := saved.TimedRules; t != nil && t.Hold.load(now).Timed() {
		s.TimedRules = &TimedRules{Owner: t.Owner, Hold: t.Hold.load(now), BackTo: loadRules(t.BackTo, now)}
	}
	return s, s.Validate()
}

// load puts an end in wall-clock time on the monotonic clock that now reads. It is never further away than the time
// asked for, should the wall clock have been set back. What hangs on a lease has ended.
func (h savedHold) load(now time.Time) Hold {
	hold := Hold{TTL: h.TTL}
	if h.Until != nil {
		left := time.Time(*h.Until).Sub(now.Round(0)) // Round strips the monotonic reading
		hold.Until = now.Add(min(left, time.Duration(h.TTL)))
	}
	if h.Lease != "" {
		hold.Lease = &Lease{ID: h.Lease, deadline: faults.NewDeadline(now)} // whoever renewed it does not know of this process
	}
	return hold
}

// load gives a mode; what is timed and does not say what it goes back to goes back to the one that is unset.
func (m savedMode) load(now time.Time, unset Mode) Mode {
	mode := Mode{Name: m.Name, Owner: m.Owner, Hold: m.Hold.load(now)}
	switch {
	case !mode.Hold.Timed():
	case m.BackTo == nil:
		mode.BackTo = &unset
	default:
		mode.BackTo = &Mode{Name: m.BackTo.Name, Owner: m.BackTo.Owner}
	}
	return mode
}

func loadRules(saved []savedRule, now time.Time) []Rule {
	rules := make([]Rule, 0, len(saved))
	for _, r := range saved {
		rules = append(rules, r.load(now))
	}
	return rules
}

func (r savedRule) load(now time.Time) Rule {
	rule := Rule{Rule: r.Rule, Counter: faults.NewCounter(), Since: now, Hold: r.Hold.load(now)}
	if rule.Hold.Timed() && r.BackTo != nil {
		rule.BackTo = &Rule{Rule: r.BackTo.Rule, Counter: faults.NewCounter(), Since: now}
	}
	return rule
}
