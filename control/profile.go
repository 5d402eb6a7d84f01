package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// Modes that are always there.
const (
	ModeNormal   = "normal"
	ModeFallback = "fallback"
	ModeFailure  = "failure"
)

// Profile says what a mode does: its rules, then what the short forms stand for.
type Profile struct {
	FailureRate *float64       `json:"failure_rate,omitempty"` // this share, 0 to 1, gets 503
	Body        *document.Node `json:"body,omitempty"`         // answered with 200, marked X-Service-Mode
	Rules       []faults.Rule  `json:"rules,omitempty"`
}

// modeHeader marks the answers of a mode that has a body, so that a client can tell degraded data.
const modeHeader = "X-Service-Mode"

// builtinProfiles are the modes of lab 6.
func builtinProfiles() map[string]Profile {
	none, all := 0.0, 1.0
	message := &document.Node{Kind: document.String, Text: "Service in degraded mode (fallback)"}
	data := &document.Node{Kind: document.List}
	for _, digit := range []string{"1", "2", "3"} {
		data.Items = append(data.Items, &document.Node{Kind: document.Number, Text: digit})
	}
	body := &document.Node{Kind: document.Object, Members: []document.Member{
		{Name: "message", Value: message}, {Name: "data", Value: data},
	}}
	return map[string]Profile{
		ModeNormal:   {FailureRate: &none},
		ModeFallback: {Body: body},
		ModeFailure:  {FailureRate: &all},
	}
}

// DecodeDocument reads a profile and checks it whole.
func (p *Profile) DecodeDocument(n *document.Node) error {
	type plain Profile
	*p = Profile{}
	if err := document.Decode(n, (*plain)(p)); err != nil {
		return err
	}
	return p.validate()
}

// validate reports the first thing wrong with a profile.
func (p *Profile) validate() error {
	if rate := p.FailureRate; rate != nil {
		if math.IsNaN(*rate) || *rate < 0 || *rate > 1 {
			return document.Errorf("failure_rate", "must be 0 to 1, got %v", *rate)
		}
		if scaled := *rate * 1e6; math.Abs(scaled-math.Round(scaled)) > 1e-4 {
			return document.Errorf("failure_rate", "at most six decimals, got %v", *rate)
		}
	}
	if len(p.Rules) > MaxRules {
		return document.Errorf("rules", "at most %d, got %d", MaxRules, len(p.Rules))
	}
	seen := make(map[string]bool)
	for i := range p.Rules {
		r := &p.Rules[i]
		err := r.Validate()
		const lasting = "a mode's rules last as long as the mode"
		switch {
		case err != nil:
		case r.Proxy != "":
			err = document.Errorf("proxy", "a mode's rules act on the proxies that are in the mode")
		case r.TTL != 0:
			err = document.Errorf("ttl", lasting)
		case r.Lease != nil:
			err = document.Errorf("lease", lasting)
		case r.Owner != "":
			err = document.Errorf("owner", "a mode's rules belong to who sets the mode")
		case r.Name != "" && seen[r.Name]:
			err = document.Errorf("name", "a rule named %q stands before it", r.Name)
		}
		if err != nil {
			return document.At(at(err, i), "rules")
		}
		seen[r.Name] = true
	}
	return nil
}

// rules spells a mode out for one proxy. Each proxy gets rules of its own, so that what one proxy serves does not move
// the counters of another, and those of its own protocol only: a TCP proxy whose mode fails everything resets connections.
func (p Profile) rules(mode string, c *proxy.Config) []faults.Rule {
	name := "mode/" + mode
	var rules []faults.Rule
	for i, r := range p.Rules {
		if !canAct(r.Kind, c) {
			continue
		}
		r.Proxy = c.Name
		if r.Name == "" {
			r.Name = fmt.Sprintf("%d", i+1)
		}
		r.Name = name + "/" + r.Name
		rules = append(rules, r)
	}
	if c.Protocol == proxy.TCP {
		if p.FailureRate != nil && *p.FailureRate == 1 {
			rules = append(rules, resets(name, c.Name)...)
		}
		return rules
	}
	if p.FailureRate != nil && *p.FailureRate > 0 {
		rules = append(rules, faults.Rule{
			Name: name, Proxy: c.Name, Kind: "abort", Phase: faults.Before, Enabled: true,
			Percent: math.Round(*p.FailureRate*1e6) / 1e4, Attributes: &faults.Abort{Status: 503},
		})
	}
	if p.Body != nil {
		rules = append(rules, faults.Rule{
			Name: name, Proxy: c.Name, Kind: "degrade", Phase: faults.Before, Enabled: true, Percent: 100,
			Attributes: &faults.Degrade{Body: p.Body, Headers: map[string]string{modeHeader: mode}},
		})
	}
	return rules
}

// spelt gives the rules of a mode for every protocol that there is a proxy of, and for HTTP.
func (s *State) spelt(p Profile, mode string) []faults.Rule {
	rules := p.rules(mode, &proxy.Config{Protocol: proxy.HTTP})
	if slices.ContainsFunc(s.Proxies, func(c proxy.Config) bool { return c.Protocol == proxy.TCP }) {
		rules = append(rules, p.rules(mode, &proxy.Config{Protocol: proxy.TCP})...)
	}
	return rules
}

// resets are the rules of a mode under which new and open connections of a TCP proxy are reset.
func resets(name, proxyName string) []faults.Rule {
	return []faults.Rule{
		{
			Name: name, Proxy: proxyName, Kind: "connect", Phase: faults.Before, Enabled: true, Percent: 100,
			Attributes: &faults.Connect{As: "refuse"},
		},
		{
			Name: name + "/open", Proxy: proxyName, Kind: "reset_peer", Stream: faults.Downstream, Enabled: true, Percent: 100,
			Attributes: &faults.ResetPeer{},
		},
	}
}

// SetProfiles sets all profiles that are not built in. When they change, the rules of all modes start counting anew.
func (s *State) SetProfiles(profiles map[string]Profile) {
	builtin := builtinProfiles()
	own := make(map[string]Profile)
	for name, p := range profiles {
		if same, known := builtin[name]; !known || !equalJSON(p, same) {
			own[name] = p
		}
	}
	if !equalJSON(own, s.Profiles) {
		s.Profiles = own
		clear(s.runs)
	}
}

// equalJSON reports whether two values that always marshal read the same, wherever they were written.
func equalJSON(a, b any) bool {
	first, _ := json.Marshal(a)
	second, _ := json.Marshal(b)
	return bytes.Equal(first, second)
}

// checkProfilesInUse refuses profiles that leave out a mode which is in force, or comes back.
func (s *State) checkProfilesInUse() error {
	profiles := s.profiles()
	used := s.Mode.steps()
	for _, name := range sortedKeys(s.Modes) {
		used = append(used, s.Modes[name].steps()...)
	}
	for _, m := range used {
		if _, known := profiles[m.Name]; !known && m.Name != "" {
			return document.Errorf(m.Name, "missing: the mode is in force, or will be again")
		}
	}
	return nil
}

// profiles are the built-in modes with the user's own over them.
func (s *State) profiles() map[string]Profile {
	all := builtinProfiles()
	maps.Copy(all, s.Profiles)
	return all
}
