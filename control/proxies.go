package control

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// PutProxy adds a proxy, or replaces the one of its name.
func (s *State) PutProxy(c proxy.Config) (created bool) {
	if i := s.proxyIndex(c.Name); i >= 0 {
		s.Proxies[i] = c
		return false
	}
	s.Proxies = append(s.Proxies, c)
	return true
}

// OfferProxy is PutProxy for a caller who may not name files: only those that the proxy names already, so that what it reads
// can be sent back.
func (s *State) OfferProxy(c proxy.Config) (created bool, err error) {
	if err := s.checkFiles(&c); err != nil {
		return false, err
	}
	return s.PutProxy(c), nil
}

// checkFiles refuses a configuration that names a file which the proxy of its name does not name yet: whoever may name one
// can learn from the answer what there is on this machine.
func (s *State) checkFiles(c *proxy.Config) error {
	var known []string
	if i := s.proxyIndex(c.Name); i >= 0 {
		for _, file := range s.Proxies[i].Files() {
			known = append(known, file.Path)
		}
	}
	for _, file := range c.Files() {
		if !slices.Contains(known, file.Path) {
			return document.Errorf(file.Field, "files are named in the configuration that squall is started with, not here")
		}
	}
	return nil
}

// PatchProxy merges a document into a proxy (RFC 7396). It may not name other files than the proxy does: see OfferProxy.
func (s *State) PatchProxy(name string, patch *document.Node) error {
	old, err := s.Proxy(name)
	if err != nil {
		return err
	}
	var next proxy.Config
	if err := merge(old, patch, &next); err != nil {
		return err
	}
	if next.Name != name {
		return document.Errorf("name", "a proxy cannot be renamed: delete it and make a new one")
	}
	_, err = s.OfferProxy(next)
	return err
}

// merge applies a merge patch to a value that documents describe.
func merge(old any, patch *document.Node, merged any) error {
	if patch.Kind != document.Object {
		return document.Errorf("", "want an object, got %s", patch.Kind)
	}
	written, err := json.Marshal(old)
	if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	current, err := document.ParseJSON(written)
	if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	return document.Decode(document.Merge(current, patch), merged)
}

// RemoveProxy takes a proxy away, with its rules and its mode.
func (s *State) RemoveProxy(name string) error {
	i := s.proxyIndex(name)
	if i < 0 {
		return s.noProxy(name)
	}
	s.Proxies = slices.Delete(s.Proxies, i, i+1)
	delete(s.Modes, name)
	s.RemoveRules(func(r *faults.Rule) bool { return r.Proxy == name })
	return nil
}

// Proxy finds a proxy by name.
func (s *State) Proxy(name string) (proxy.Config, error) {
	if i := s.proxyIndex(name); i >= 0 {
		return s.Proxies[i], nil
	}
	return proxy.Config{}, s.noProxy(name)
}

func (s *State) proxyIndex(name string) int {
	return slices.IndexFunc(s.Proxies, func(c proxy.Config) bool { return c.Name == name })
}

// checkProxy refuses, in a document, the name of a proxy that does not exist.
func (s *State) checkProxy(name string) error {
	if s.proxyIndex(name) >= 0 {
		return nil
	}
	names := make([]string, len(s.Proxies))
	for i, p := range s.Proxies {
		names[i] = p.Name
	}
	refusal := document.Errorf("", "no proxy is named %q", name)
	refusal.DidYouMean = document.Nearest(name, names)
	return refusal
}

// noProxy answers who asked for a proxy that does not exist.
func (s *State) noProxy(name string) error {
	return &Error{Code: NotFound, Field: "proxy", Reason: fmt.Sprintf("no proxy is named %q", name), Err: s.checkProxy(name)}
}

func (s *State) validateProxies() error {
	if len(s.Proxies) > MaxProxies {
		return document.Errorf("proxies", "at most %d, got %d", MaxProxies, len(s.Proxies))
	}
	seen := make(map[string]bool)
	for i := range s.Proxies {
		p := &s.Proxies[i]
		err := p.Validate()
		switch {
		case err != nil:
		case p.Name == "":
			err = document.Errorf("name", "missing")
		case p.Name == AnyProxy:
			err = document.Errorf("name", "%q stands for the rules of all proxies", AnyProxy)
		case seen[p.Name]:
			err = document.Errorf("name", "a proxy named %q stands before it", p.Name)
		}
		if err != nil {
			return document.At(at(err, i), "proxies")
		}
		seen[p.Name] = true
	}
	return nil
}
