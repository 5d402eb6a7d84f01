package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/squall-proxy/squall/control"
)

// Reload brings a state in line with a file that takes the place of an earlier one: what the file names is as it says,
// what only the earlier one named is gone, and all else stays, which came by the API. What did not change is left alone:
// rules keep their counters, proxies their connections. Admin and Policy are not part of a state.
func (f *File) Reload(s *control.State, earlier *File, now time.Time) error {
	want, err := f.State(s.Seed, now)
	if err != nil {
		return err
	}
	was, err := earlier.State(s.Seed, now)
	if err != nil {
		return err
	}
	s.SetSeed(want.Seed)
	if err := reloadProxies(s, was, want); err != nil {
		return err
	}
	s.SetProfiles(mergeProfiles(s, was, want))
	if f.Mode != "" || earlier.Mode != "" {
		if mode := cmp.Or(f.Mode, control.ModeNormal); s.Mode.Name != mode {
			if err := s.SetMode(mode, "", control.Hold{}); err != nil {
				return err
			}
		}
	}
	return reloadRules(s, was, want, now)
}

func reloadProxies(s, was, want *control.State) error {
	for _, p := range was.Proxies {
		if _, err := want.Proxy(p.Name); err == nil {
			continue
		}
		if err := s.RemoveProxy(p.Name); err != nil && !isNotFound(err) {
			return err
		}
	}
	for _, p := range want.Proxies {
		s.PutProxy(p)
	}
	return nil
}

func mergeProfiles(s, was, want *control.State) map[string]control.Profile {
	profiles := maps.Clone(s.Profiles)
	for name := range was.Profiles {
		delete(profiles, name)
	}
	maps.Copy(profiles, want.Profiles)
	return profiles
}

func reloadRules(s, was, want *control.State, now time.Time) error {
	for _, r := range was.Rules {
		if _, err := want.Rule(r.Address()); err == nil {
			continue
		}
		if err := s.RemoveRule(r.Address()); err != nil && !isNotFound(err) {
			return err
		}
	}
	for _, r := range want.Rules {
		if running, err := s.Rule(r.Address()); err == nil && equal(running.Rule, r.Rule) {
			continue
		}
		if _, err := s.PutRule(r.Address(), r.Rule, "", now); err != nil {
			return err
		}
	}
	return nil
}

// equal reports whether two parts of a document, which always marshal, say the same, wherever they were written.
func equal(a, b any) bool {
	first, _ := json.Marshal(a)
	second, _ := json.Marshal(b)
	return bytes.Equal(first, second)
}

func isNotFound(err error) bool {
	refusal, ok := errors.AsType[*control.Error](err)
	return ok && refusal.Code == control.NotFound
}

// Differences names what a file says and a state has otherwise: "seed", "mode", "proxies.NAME", "rules.NAME".
func (f *File) Differences(s *control.State, now time.Time) ([]string, error) {
	want, err := f.State(s.Seed, now)
	if err != nil {
		return nil, err
	}
	var names []string
	if want.Seed != s.Seed {
		names = append(names, "seed")
	}
	if f.Mode != "" && f.Mode != s.Mode.Name {
		names = append(names, "mode")
	}
	for name := range f.Profiles {
		saved, there := s.Profiles[name]
		if wanted, own := want.Profiles[name]; there != own || !equal(saved, wanted) {
			names = append(names, "profiles."+name)
		}
	}
	for _, p := range want.Proxies {
		if running, err := s.Proxy(p.Name); err != nil || !equal(running, p) {
			names = append(names, "proxies."+p.Name)
		}
	}
	for _, r := range want.Rules {
		if running, err := s.Rule(r.Address()); err != nil || !equal(running.Rule, r.Rule) {
			names = append(names, "rules."+r.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}
