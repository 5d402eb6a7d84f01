package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
)

const reloaded = `
seed: 42
mode: brown
proxies:
  - {name: a, listen: ":1", upstream: "http://a"}
  - {name: b, listen: ":2", upstream: "http://b"}
profiles:
  brown: {body: {message: degraded}}
  failure: {failure_rate: 1}        # as it is built in
rules:
  - {name: x, proxy: a, abort: {status: 503, body: {message: x}}}
  - {name: y, delay: 1s}
`

func parsed(t *testing.T, source string) File {
	t.Helper()
	f, err := Parse("f.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func stateOf(t *testing.T, f File) *control.State {
	t.Helper()
	s, err := f.State(1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// spell says what is in a state, with a mark on rules whose counters are those of another state.
func spell(s, before *control.State) string {
	parts := []string{fmt.Sprint("seed=", s.Seed, " mode=", s.Mode.Name)}
	for _, p := range s.Proxies {
		parts = append(parts, p.Name+p.Listen)
	}
	for name := range s.Profiles {
		parts = append(parts, "profile:"+name)
	}
	for _, r := range s.Rules {
		text := fmt.Sprint(r.Name, "@", r.Proxy)
		if old, err := before.Rule(r.Address()); err == nil && old.Counter == r.Counter {
			text += "="
		}
		parts = append(parts, text)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func TestReload(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"nothing", "", "", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=brown x@a= y@="},
		{"moved by some lines", "\nseed", "\n\n\n# x\nseed", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=brown x@a= y@="},
		{"a rule", "delay: 1s", "delay: 2s", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=brown x@a= y@"},
		{"a rule moved", "proxy: a, abort", "proxy: b, abort", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=brown x@b y@="},
		{"a rule gone", "  - {name: y, delay: 1s}\n", "", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=brown x@a="},
		{"a rule more", "  - {name: y", "  - {name: z, delay: 1s}\n  - {name: y", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=brown x@a= y@= z@"},
		{"a proxy", `":2"`, `":3"`, "a:1 b:3 n@= profile:brown profile:mine seed=42 mode=brown x@a= y@="},
		{"a proxy gone", `  - {name: b, listen: ":2", upstream: "http://b"}`, "", "a:1 n@= profile:brown profile:mine seed=42 mode=brown x@a= y@="},
		{"another mode", "mode: brown", "mode: failure", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=failure x@a= y@="},
		{"no mode", "mode: brown", "", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=normal x@a= y@="},
		{"another seed", "seed: 42", "seed: 43", "a:1 b:2 n@ profile:brown profile:mine seed=43 mode=brown x@a y@"},
		{"no seed", "seed: 42", "", "a:1 b:2 n@= profile:brown profile:mine seed=42 mode=brown x@a= y@="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			earlier := parsed(t, reloaded)
			before := stateOf(t, earlier)
			profiles := map[string]control.Profile{"mine": {}, "brown": before.Profiles["brown"]} // what came by the API
			before.SetProfiles(profiles)
			if _, err := before.AddRule(faults.Rule{
				Name: "n", Kind: "abort", Phase: faults.Before, Percent: 100, Attributes: &faults.Abort{Status: 500},
			}, time.Now()); err != nil {
				t.Fatal(err)
			}
			s := stateOf(t, earlier)
			s.SetProfiles(profiles)
			s.Rules = slices.Clone(before.Rules)
			f := parsed(t, strings.Replace(reloaded, tt.from, tt.to, 1))
			if err := f.Reload(s, &earlier, time.Now()); err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			if got := spell(s, before); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A file that goes back on what runs is refused as a whole by who calls.
func TestAReloadThatCannotBe(t *testing.T) {
	earlier := parsed(t, reloaded)
	s := stateOf(t, earlier)
	if err := s.SetProxyMode("a", "brown", "", control.Hold{}); err != nil {
		t.Fatal(err)
	}
	f := parsed(t, "proxies: [{name: a, listen: ':1', upstream: 'http://a'}]")
	if err := f.Reload(s, &earlier, time.Now()); err == nil {
		err = s.Validate()
		if err == nil || !strings.Contains(err.Error(), `unknown mode "brown"`) {
			t.Errorf("got %v", err)
		}
	}
}

func TestDifferences(t *testing.T) {
	f := parsed(t, reloaded)
	for _, tt := range []struct {
		name   string
		change func(s *control.State) error
		want   string
	}{
		{"none", func(*control.State) error { return nil }, ""},
		{"seed and mode", func(s *control.State) error { s.SetSeed(7); return s.SetMode("failure", "", control.Hold{}) }, "mode seed"},
		{"a proxy", func(s *control.State) error { s.Proxies[1].Listen = ":9"; return nil }, "proxies.b"},
		{"a proxy gone", func(s *control.State) error { return s.RemoveProxy("a") }, "proxies.a rules.x"},
		{"a profile", func(s *control.State) error { s.SetProfiles(map[string]control.Profile{"brown": {}}); return nil }, "profiles.brown"},
		{"a profile gone", func(s *control.State) error { s.SetProfiles(nil); return nil }, "profiles.brown"},
		{"a built-in profile", func(s *control.State) error {
			s.SetProfiles(map[string]control.Profile{"brown": s.Profiles["brown"], "failure": {}})
			return nil
		}, "profiles.failure"},
		{"a rule gone", func(s *control.State) error { return s.RemoveRule(control.Address{Name: "y"}) }, "rules.y"},
		{"something more", func(s *control.State) error {
			s.Rules = append(s.Rules, control.Rule{Rule: faults.Rule{Name: "n"}})
			return nil
		}, ""},
	} {
		// The state was written elsewhere: its places are other ones.
		s := stateOf(t, parsed(t, "# moved\n\n"+reloaded))
		if err := tt.change(s); err != nil {
			t.Fatal(err)
		}
		got, err := f.Differences(s, time.Now())
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}
