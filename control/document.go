package control

import (
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Document is the body of PUT /admin/faults. Only what it names changes, each as a whole; modes merge, by proxy.
type Document struct {
	Mode     *string            `json:"mode"`
	Modes    modesDocument      `json:"modes"`
	Seed     *uint64            `json:"seed"`
	Profiles map[string]Profile `json:"profiles"`
	Rules    *[]faults.Rule     `json:"rules"`
	TTL      faults.Duration    `json:"ttl"`   // of mode, modes and rules
	Lease    *faults.Lease      `json:"lease"` // likewise
	Owner    string             `json:"owner"`
	Timed    timedDocument      `json:"timed"`

	Halted   bool    `json:"halted" document:"readonly"`
	Revision *uint64 `json:"revision" document:"readonly"`
}

// modesDocument are the modes of single proxies.
type modesDocument struct {
	all   bool // "modes": null gives every proxy back
	given map[string]*modeDocument
}

// modeDocument is one proxy's mode: a string, or an object with a time to live. A nil one gives the proxy back.
type modeDocument struct {
	Mode  string          `json:"mode"`
	TTL   faults.Duration `json:"ttl"`
	Lease *faults.Lease   `json:"lease"`
}

// timedDocument is the block of that name as answers have it. What it names keeps its timer when it is sent back, if no
// other time to live is given.
type timedDocument struct {
	Mode        *timer            `json:"mode"`
	Modes       map[string]*timer `json:"modes"`
	Rules       *timer            `json:"rules"`
	SingleRules []ruleTimer       `json:"single_rules"`
}

// timer is something that was read while it was timed. Should it have ended since, ExpiresIn counts from now: better
// than for ever.
type timer struct {
	BackTo    *document.Node  `json:"back_to" document:"readonly"`
	Lease     string          `json:"lease" document:"readonly"`
	ExpiresIn faults.Duration `json:"expires_in"`
}

type ruleTimer struct {
	Name  string `json:"name"`
	Proxy string `json:"proxy"`
	timer
}

// noTTL is the reason against a time to live of nothing, which would hold for ever.
const noTTL = "must be more than 0s: leave it out for no limit"

// DecodeDocument reads a document of changes.
func (d *Document) DecodeDocument(n *document.Node) error {
	for _, name := range []string{"mode", "seed", "profiles", "rules"} {
		if value := n.Get(name); value != nil && value.Kind == document.Null {
			return document.Errorf(name, "must not be null: leave it out if it shall stay")
		}
	}
	type plain Document
	*d = Document{}
	if err := document.Decode(n, (*plain)(d)); err != nil {
		return err
	}
	if d.TTL == 0 && n.Get("ttl") != nil {
		return document.Errorf("ttl", noTTL)
	}
	return d.validate()
}

func (d *Document) validate() error {
	if d.Owner != "" {
		if err := faults.CheckName(d.Owner); err != nil {
			return document.At(err, "owner")
		}
	}
	if d.Mode == nil && d.Rules == nil && len(d.Modes.given) == 0 && !d.Modes.all {
		const nothing = "only mode, modes and rules can have one, and none of them is named"
		switch {
		case d.TTL != 0:
			return document.Errorf("ttl", nothing)
		case d.Lease != nil:
			return document.Errorf("lease", nothing)
		}
	}
	return document.At(d.Timed.validate(), "timed")
}

// validate refuses timers that do not say when they end.
func (t *timedDocument) validate() error {
	const missing = "missing: want what an answer said"
	if t.Mode != nil && t.Mode.ExpiresIn == 0 {
		return document.Errorf("mode.expires_in", missing)
	}
	if t.Rules != nil && t.Rules.ExpiresIn == 0 {
		return document.Errorf("rules.expires_in", missing)
	}
	for _, name := range sortedKeys(t.Modes) {
		if sent := t.Modes[name]; sent != nil && sent.ExpiresIn == 0 {
			return document.At(document.At(document.Errorf("expires_in", missing), name), "modes")
		}
	}
	for i, sent := range t.SingleRules {
		if sent.ExpiresIn == 0 {
			return document.At(at(document.Errorf("expires_in", missing), i), "single_rules")
		}
	}
	return nil
}

// DecodeDocument reads the modes of single proxies, or null.
func (m *modesDocument) DecodeDocument(n *document.Node) error {
	if n.Kind == document.Null {
		m.all = true
		return nil
	}
	return document.Decode(n, &m.given)
}

// DecodeDocument reads a mode's name, or an object.
func (m *modeDocument) DecodeDocument(n *document.Node) error {
	if n.Kind == document.String {
		m.Mode = n.Text
		return nil
	}
	type plain modeDocument
	if err := document.Decode(n, (*plain)(m)); err != nil {
		return err
	}
	if m.Mode == "" {
		return document.Errorf("mode", "missing")
	}
	if m.TTL == 0 && n.Get("ttl") != nil {
		return document.Errorf("ttl", noTTL)
	}
	return nil
}

// Apply makes the changes that a document asks for.
func (s *State) Apply(d Document, now time.Time) error {
	if err := d.validate(); err != nil {
		return err
	}
	if d.Seed != nil {
		s.SetSeed(*d.Seed)
	}
	if d.Profiles != nil {
		s.SetProfiles(d.Profiles)
	}
	if err := s.applyMode(d, now); err != nil {
		return err
	}
	if err := s.applyModes(d, now); err != nil {
		return err
	}
	if d.Profiles != nil {
		// The modes that the document names are known by now: one that is missing is due to the profiles.
		if err := s.checkProfilesInUse(); err != nil {
			return document.At(err, "profiles")
		}
	}
	if d.Rules != nil {
		return s.applyRules(d, now)
	}
	return nil
}

// span is how long a document wants something to hold.
type span struct {
	ttl   faults.Duration
	lease *faults.Lease
}

func (a span) given() bool { return a.ttl != 0 || a.lease != nil }

// hold is how long something that the document sets holds: as it asks, or the timer sent back with it.
func (s *State) hold(asked span, sent *timer, running Hold, now time.Time) (Hold, error) {
	switch {
	case asked.given() || sent == nil:
		return s.holdFor(asked.ttl, asked.lease, now)
	case running.Timed():
		return running, nil
	}
	return s.holdFor(sent.ExpiresIn, nil, now)
}

// unchanged reports that a timed mode was sent back as it was read.
func (m Mode) unchanged(name string, asked span, sent *timer) bool {
	return m.Name == name && !asked.given() && sent != nil && m.Hold.Timed()
}

func (s *State) applyMode(d Document, now time.Time) error {
	asked, sent := span{d.TTL, d.Lease}, d.Timed.Mode
	if d.Mode == nil || s.Mode.unchanged(*d.Mode, asked, sent) {
		return nil
	}
	h, err := s.hold(asked, sent, s.Mode.Hold, now)
	if err != nil {
		return err
	}
	return s.SetMode(*d.Mode, d.Owner, h)
}

func (s *State) applyModes(d Document, now time.Time) error {
	if d.Modes.all {
		h, err := s.holdFor(d.TTL, d.Lease, now)
		if err != nil {
			return err
		}
		for _, name := range sortedKeys(s.Modes) {
			if err := s.SetProxyMode(name, "", d.Owner, h); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedKeys(d.Modes.given) {
		want := d.Modes.given[name]
		if want == nil {
			want = &modeDocument{}
		}
		asked, own := span{d.TTL, d.Lease}, span{want.TTL, want.Lease}
		if own.given() {
			asked = own
		}
		old, sent := s.Modes[name], d.Timed.Modes[name]
		if old.unchanged(want.Mode, asked, sent) {
			continue
		}
		h, err := s.hold(asked, sent, old.Hold, now)
		switch {
		case err != nil && own.given():
			return document.At(document.At(err, name), "modes")
		case err != nil:
			return err
		}
		if err := s.SetProxyMode(name, want.Mode, d.Owner, h); err != nil {
			return err
		}
	}
	return nil
}

// applyRules sets the list as a whole. Timed rules in it keep their timers if the document says so.
func (s *State) applyRules(d Document, now time.Time) error {
	old, was := s.Rules, s.TimedRules
	if was == nil {
		was = &TimedRules{}
	}
	h, err := s.hold(span{d.TTL, d.Lease}, d.Timed.Rules, was.Hold, now)
	if err != nil {
		return err
	}
	if err := s.SetRules(*d.Rules, d.Owner, h, now); err != nil {
		return err
	}
	if s.TimedRules != nil && s.TimedRules.Hold == was.Hold {
		s.TimedRules.Owner = was.Owner
	}
	for _, sent := range d.Timed.SingleRules {
		key := ruleKey{sent.Proxy, sent.Name}
		if i := indexOf(s.Rules, key); i >= 0 {
			s.Rules[i].keepTimer(sent.timer, old, now)
		}
	}
	return nil
}

// keepTimer gives a rule that was sent back with its timer what is left of it.
func (r *Rule) keepTimer(sent timer, old []Rule, now time.Time) {
	if !r.Hold.Timed() {
		return
	}
	i := indexOf(old, r.key())
	switch {
	case i < 0 || !old[i].Hold.Timed():
		r.Hold.Until = now.Add(time.Duration(sent.ExpiresIn))
	case old[i].Hold.TTL == r.Hold.TTL:
		r.Hold, r.BackTo = old[i].Hold, old[i].BackTo
	}
}
