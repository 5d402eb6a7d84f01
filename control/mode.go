package control

import (
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Mode is the mode of all proxies, or of one.
type Mode struct {
	Name   string // "" = none of its own: that of all proxies holds
	Owner  string
	Hold   Hold
	BackTo *Mode // what the last untimed change gave; nil if this is it
}

// next is the mode that follows m when a change sets one.
func (m Mode) next(name, owner string, hold Hold) Mode {
	if !hold.Timed() {
		return Mode{Name: name, Owner: owner}
	}
	return Mode{Name: name, Owner: owner, Hold: hold, BackTo: m.base()}
}

// base is what the last untimed change gave.
func (m Mode) base() *Mode {
	if m.BackTo != nil {
		return m.BackTo
	}
	return &m
}

// SetMode puts all proxies without a mode of their own into a mode. Its rules start counting anew.
func (s *State) SetMode(name, owner string, hold Hold) error {
	if err := s.checkMode(name); err != nil {
		return document.At(err, "mode")
	}
	s.Mode = s.Mode.next(name, owner, hold)
	for _, p := range s.Proxies {
		if s.Modes[p.Name].Name == "" {
			delete(s.runs, p.Name)
		}
	}
	return nil
}

// SetProxyMode puts one proxy into a mode of its own; the name "" gives it back to that of all. The mode's rules start
// counting anew.
func (s *State) SetProxyMode(proxyName, name, owner string, hold Hold) error {
	err := s.checkProxy(proxyName)
	if err == nil && name != "" {
		err = s.checkMode(name)
	}
	if err != nil {
		return document.At(document.At(err, proxyName), "modes")
	}
	old := s.Modes[proxyName]
	s.setOwnMode(proxyName, old.next(name, owner, hold))
	if name != "" || old.Name != "" {
		delete(s.runs, proxyName)
	}
	return nil
}

// setOwnMode sets the mode of one proxy, and forgets one that neither says anything nor will.
func (s *State) setOwnMode(proxyName string, m Mode) {
	if m.Name == "" && m.base().Name == "" {
		delete(s.Modes, proxyName)
	} else {
		s.Modes[proxyName] = m
	}
}

// ModeOf is the mode in force on a proxy.
func (s *State) ModeOf(proxyName string) string {
	if own := s.Modes[proxyName].Name; own != "" {
		return own
	}
	return s.Mode.Name
}

// validateModes checks the modes in force, and those that they go back to.
func (s *State) validateModes() error {
	for _, m := range s.Mode.steps() {
		if err := s.checkMode(m.Name); err != nil {
			return document.At(err, "mode")
		}
	}
	for _, name := range sortedKeys(s.Modes) {
		err := s.checkProxy(name)
		for _, m := range s.Modes[name].steps() {
			if err == nil && m.Name != "" {
				err = s.checkMode(m.Name)
			}
		}
		if err != nil {
			return document.At(document.At(err, name), "modes")
		}
	}
	return nil
}

// steps are a mode and, if it is timed, what it goes back to.
func (m Mode) steps() []Mode {
	if m.BackTo == nil {
		return []Mode{m}
	}
	return []Mode{m, *m.BackTo}
}

// checkMode refuses a mode that no profile describes.
func (s *State) checkMode(name string) error {
	profiles := s.profiles()
	if _, known := profiles[name]; known {
		return nil
	}
	names := sortedKeys(profiles)
	refusal := document.Errorf("", "unknown mode %q: want one of %s", name, strings.Join(names, ", "))
	refusal.DidYouMean = document.Nearest(name, names)
	return refusal
}
