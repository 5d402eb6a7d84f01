package control

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// slot is, in the model, a value that a timed one may stand in front of.
type slot struct {
	base, timed string // "" = none
	until       time.Time
}

func (s slot) now() string {
	if time.Now().Before(s.until) {
		return s.timed
	}
	return s.base
}

func (s slot) set(value string, ttl time.Duration) slot {
	if ttl == 0 {
		return slot{base: value}
	}
	return slot{base: s.base, timed: value, until: time.Now().Add(ttl)}
}

// model says what a state must be after the changes that were made to it, in the simplest words.
type model struct {
	seed    uint64
	mode    slot
	proxies map[string]bool
	modes   map[string]slot
	rules   map[string]slot // by "name@proxy", their percentage
}

func newModel(proxies ...string) *model {
	m := &model{seed: 42, mode: slot{base: ModeNormal}, proxies: map[string]bool{}, modes: map[string]slot{}, rules: map[string]slot{}}
	for _, name := range proxies {
		m.proxies[name] = true
	}
	return m
}

func (m *model) clone() *model {
	c := *m
	c.proxies, c.modes, c.rules = maps.Clone(m.proxies), maps.Clone(m.modes), maps.Clone(m.rules)
	return &c
}

// String spells out what holds now.
func (m *model) String() string {
	lines := []string{fmt.Sprint("seed ", m.seed), "mode " + m.mode.now()}
	for name := range m.proxies {
		lines = append(lines, "proxy "+name)
	}
	for name, own := range m.modes {
		if own.now() != "" {
			lines = append(lines, "mode of "+name+" "+own.now())
		}
	}
	for key, r := range m.rules {
		if r.now() != "" {
			lines = append(lines, "rule "+key+" "+r.now())
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// spell does the same for a state.
func spell(s *State) string {
	lines := []string{fmt.Sprint("seed ", s.Seed), "mode " + s.Mode.Name}
	for _, p := range s.Proxies {
		lines = append(lines, "proxy "+p.Name)
	}
	for name, mode := range s.Modes {
		if mode.Name != "" {
			lines = append(lines, "mode of "+name+" "+mode.Name)
		}
	}
	for _, r := range s.Rules {
		lines = append(lines, fmt.Sprint("rule ", r.Name, "@", r.proxyOrAny(), " ", r.Percent))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// step draws a change, makes it to the model, and gives what makes it to a state. fails says that it must be refused.
func step(t *rapid.T, m *model) (do func(*State) error, fails bool) {
	ttl := time.Duration(rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, "ttl")) * time.Second
	proxyName := rapid.SampledFrom([]string{"a", "b", "c", AnyProxy}).Draw(t, "proxy")
	key := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name") + "@" + proxyName
	at := Address{Name: key[:1], Proxy: &proxyName}
	percent := rapid.IntRange(1, 3).Draw(t, "percent")
	known := m.proxies[proxyName] || proxyName == AnyProxy
	switch rapid.IntRange(0, 8).Draw(t, "verb") {
	case 0:
		mode := rapid.SampledFrom([]string{ModeNormal, ModeFailure, ModeFallback, "nope"}).Draw(t, "mode")
		m.mode = m.mode.set(mode, ttl)
		return func(s *State) error { return s.SetMode(mode, "", ttlHold(faults.Duration(ttl), time.Now())) }, mode == "nope"
	case 1, 2:
		mode := rapid.SampledFrom([]string{"", ModeNormal, ModeFailure}).Draw(t, "mode")
		m.modes[proxyName] = m.modes[proxyName].set(mode, ttl)
		return func(s *State) error {
			return s.SetProxyMode(proxyName, mode, "", ttlHold(faults.Duration(ttl), time.Now()))
		}, !m.proxies[proxyName]
	case 3, 4:
		r := withTTL(abort("", strings.TrimPrefix(proxyName, AnyProxy)), ttl)
		r.Percent = float64(percent)
		m.rules[key] = m.rules[key].set(fmt.Sprint(percent), ttl)
		return func(s *State) error { _, err := s.PutRule(at, r, "", time.Now()); return err }, !known
	case 5:
		r := m.rules[key]
		missing := r.now() == ""
		if r.now() == r.base {
			r.base = fmt.Sprint(percent)
		}
		if time.Now().Before(r.until) {
			r = slot{base: m.rules[key].base, timed: fmt.Sprint(percent), until: r.until}
		}
		m.rules[key] = r
		patch := patchOf(percent)
		return func(s *State) error { return s.PatchRule(at, patch, time.Now()) }, missing
	case 6:
		missing := m.rules[key].now() == ""
		delete(m.rules, key)
		return func(s *State) error { return s.RemoveRule(at) }, missing
	case 7:
		if rapid.Bool().Draw(t, "clear") {
			m.mode, m.modes, m.rules = slot{base: ModeNormal}, map[string]slot{}, map[string]slot{}
			return func(s *State) error { s.Clear(); return nil }, false
		}
		m.seed = uint64(percent)
		return func(s *State) error { s.SetSeed(uint64(percent)); return nil }, false
	}
	if rapid.Bool().Draw(t, "put") {
		m.proxies[proxyName] = true
		return func(s *State) error { s.PutProxy(config(proxyName)); return nil }, proxyName == AnyProxy
	}
	missing := !m.proxies[proxyName]
	delete(m.proxies, proxyName)
	delete(m.modes, proxyName)
	delete(m.rules, "x@"+proxyName)
	delete(m.rules, "y@"+proxyName)
	return func(s *State) error { return s.RemoveProxy(proxyName) }, missing
}

func patchOf(percent int) *document.Node {
	return &document.Node{Kind: document.Object, Members: []document.Member{
		{Name: "percent", Value: &document.Node{Kind: document.Number, Text: fmt.Sprint(percent)}},
	}}
}

// Random changes, some of them wrong, some not to be saved or bound, while time passes: what holds is what the model
// says, and a change that was refused left everything as it was.
func TestRandomChangesAgreeWithTheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(t *rapid.T) { // rapid must not ask for a deadline in a bubble
			engine, store, log := &fakeEngine{}, &fakeStore{}, &eventLog{}
			k, err := New(Config{Engine: engine, Store: store, Publish: log.add}, stateWith("a", "b"))
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			m := newModel("a", "b")
			for range rapid.IntRange(1, 30).Draw(t, "steps") {
				if rapid.IntRange(0, 4).Draw(t, "sleep") == 0 {
					time.Sleep(time.Duration(rapid.IntRange(1, 3).Draw(t, "seconds")) * time.Second)
					synctest.Wait()
				}
				next := m.clone()
				do, fails := step(t, next)
				boom := errors.New("boom")
				switch rapid.IntRange(0, 9).Draw(t, "trouble") {
				case 0:
					store.failWith(boom)
					fails = true
				case 1:
					engine.failWith(boom)
					fails = true
				}
				before := k.State()
				was := spell(before)
				after, err := k.Change(t.Context(), Request{}, do)
				store.failWith(nil)
				engine.failWith(nil)
				if err == nil && fails && after != before {
					t.Fatalf("accepted, and must not be")
				}
				if err != nil && !fails {
					t.Fatalf("refused: %v", err)
				}
				if err == nil {
					m = next
				} else if k.State() != before || spell(before) != was {
					t.Fatalf("refused (%v), and something changed", err)
				}
				if got, want := spell(k.State()), m.String(); got != want {
					t.Fatalf("got\n%s\nwant\n%s", got, want)
				}
			}
		})
	})
}
