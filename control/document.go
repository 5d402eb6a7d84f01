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
	ExpiresIn faults.Duration `json:"expires_in"`
}

type ruleTimer struct {
	Name  string `json:"name"`
	Proxy string `json:"proxy"`
	timer
}

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
	return d.validate()
}

func (d *Document) validate() error {
	if d.Lease != nil {
		return document.Errorf("lease", "not available in this version")
	}
	if d.Owner != "" {
		if err := faults.CheckName(d.Owner); err != nil {
			return document.At(err, "owner")
		}
	}
	if d.TTL != 0 && d.Mode == nil && d.Rules == nil && len(d.Modes.given) == 0 && !d.Modes.all {
		return document.Errorf("ttl", "only mode, modes and rules can have one, and none of them is named")
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
	switch {
	case m.Mode == "":
		return document.Errorf("mode", "missing")
	case m.Lease != nil:
		return document.Errorf("lease", "not available in this version")
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
		s.applyRules(d, now)
	}
	return nil
}

// hold is how long something that the document sets holds: its time to live, or the timer sent back with it.
func hold(ttl faults.Duration, sent *timer, running Hold, now time.Time) Hold {
	switch {
	case ttl != 0 || sent == nil:
		return holdFor(ttl, now)
	case running.Timed():
		return running
	}
	return holdFor(sent.ExpiresIn, now)
}

// unchanged reports that a timed mode was sent back as it was read.
func (m Mode) unchanged(name string, ttl faults.Duration, sent *timer) bool {
	return m.Name == name && ttl == 0 && sent != nil && m.Hold.Timed()
}

func (s *State) applyMode(d Document, now time.Time) error {
	sent := d.Timed.Mode
	if d.Mode == nil || s.Mode.unchanged(*d.Mode, d.TTL, sent) {
		return nil
	}
	return s.SetMode(*d.Mode, d.Owner, hold(d.TTL, sent, s.Mode.Hold, now))
}

func (s *State) applyModes(d Document, now time.Time) error {
	if d.Modes.all {
		for _, name := range sortedKeys(s.Modes) {
			if err := s.SetProxyMode(name, "", d.Owner, holdFor(d.TTL, now)); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedKeys(d.Modes.given) {
		want := d.Modes.given[name]
		if want == nil {
			want = &modeDocument{}
		}
		ttl := d.TTL
		if want.TTL != 0 {
			ttl = want.TTL
		}
		old, sent := s.Modes[name], d.Timed.Modes[name]
		if old.unchanged(want.Mode, ttl, sent) {
			continue
		}
		if err := s.SetProxyMode(name, want.Mode, d.Owner, hold(ttl, sent, old.Hold, now)); err != nil {
			return err
		}
	}
	return nil
}

// applyRules sets the list as a whole. Timed rules in it keep their timers if the document says so.
func (s *State) applyRules(d Document, now time.Time) {
	old, was := s.Rules, s.TimedRules
	if was == nil {
		was = &TimedRules{}
	}
	s.SetRules(*d.Rules, d.Owner, hold(d.TTL, d.Timed.Rules, was.Hold, now), now)
	if s.TimedRules != nil && s.TimedRules.Hold == was.Hold {
		s.TimedRules.Owner = was.Owner
	}
	for _, sent := range d.Timed.SingleRules {
		key := ruleKey{sent.Proxy, sent.Name}
		if i := indexOf(s.Rules, key); i >= 0 {
			s.Rules[i].keepTimer(sent.timer, old, now)
		}
	}
}

// keepTimer gives a rule that was sent back with its timer what is left of it.
func (r *Rule) keepTimer(sent timer, old []Rule, now time.Time) {
	if !r.Hold.Timed() {
		return
	}
	i := indexOf(old, r.key())
	switch {
	case i < 0 || !old[i].Hold.Timed():
		r.Hold.Until = holdFor(sent.ExpiresIn, now).Until
	case old[i].Hold.TTL == r.Hold.TTL:
		r.Hold, r.BackTo = old[i].Hold, old[i].BackTo
	}
}
