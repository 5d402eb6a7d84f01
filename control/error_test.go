package control

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Each document is wrong in one place.
func TestTheFieldOfARefusal(t *testing.T) {
	deep := strings.Repeat("[", 50) + strings.Repeat("]", 50)
	for document, want := range map[string]string{
		`[]`:                     "",
		`{"mood":"failure"}`:     "mood",
		`{"mode":"fail"}`:        "mode",
		`{"mode":7}`:             "mode",
		`{"mode":null}`:          "mode",
		`{"seed":null}`:          "seed",
		`{"seed":-1}`:            "seed",
		`{"seed":1.5}`:           "seed",
		`{"rules":null}`:         "rules",
		`{"profiles":null}`:      "profiles",
		`{"modes":"failure"}`:    "modes",
		`{"modes":{"a":"fail"}}`: "modes.a",
		`{"modes":{"a":7}}`:      "modes.a",
		`{"modes":{"a":{"mode":"failure","ttl":"1"}}}`:                                     "modes.a.ttl",
		`{"modes":{"a":{"ttl":"1s"}}}`:                                                     "modes.a.mode",
		`{"modes":{"a":{"mode":"failure","lease":{"id":"x"}}}}`:                            "modes.a.lease.for",
		`{"modes":{"nope":"failure"}}`:                                                     "modes.nope",
		`{"modes":{"x.y":"failure"}}`:                                                      `modes["x.y"]`,
		`{"ttl":"1s"}`:                                                                     "ttl",
		`{"mode":"failure","ttl":"-1s"}`:                                                   "ttl",
		`{"mode":"failure","ttl":"25h"}`:                                                   "ttl",
		`{"mode":"failure","ttl":5}`:                                                       "ttl",
		`{"mode":"failure","lease":{"id":"x"}}`:                                            "lease.for",
		`{"mode":"failure","owner":"a/b"}`:                                                 "owner",
		`{"timed":{"mood":{}}}`:                                                            "timed.mood",
		`{"timed":{"mode":{"back_to":"normal"}}}`:                                          "timed.mode.expires_in",
		`{"timed":{"rules":{}}}`:                                                           "timed.rules.expires_in",
		`{"timed":{"modes":{"a":{"expires_in":"x"}}}}`:                                     "timed.modes.a.expires_in",
		`{"timed":{"modes":{"a":{}}}}`:                                                     "timed.modes.a.expires_in",
		`{"timed":{"single_rules":[{"name":"x"}]}}`:                                        "timed.single_rules[0].expires_in",
		`{"profiles":{"a/b":{},"mine":{}}}`:                                                `profiles["a/b"]`,
		`{"profiles":{"p":null}}`:                                                          "profiles.p",
		`{"profiles":{"p":{"failure_rate":1.5}}}`:                                          "profiles.p.failure_rate",
		`{"profiles":{"p":{"failure_rate":0.0000001}}}`:                                    "profiles.p.failure_rate",
		`{"profiles":{"p":{"rules":[{"abort":503,"ttl":"1s"}]}}}`:                          "profiles.p.rules[0].ttl",
		`{"profiles":{"p":{"rules":[{"abort":503,"proxy":"a"}]}}}`:                         "profiles.p.rules[0].proxy",
		`{"profiles":{"p":{"rules":[{"abort":503,"owner":"a"}]}}}`:                         "profiles.p.rules[0].owner",
		`{"profiles":{"p":{"rules":[{"name":"x","abort":503},{"name":"x","abort":503}]}}}`: "profiles.p.rules[1].name",
		`{"profiles":{"p":{"rules":[{"abort":99}]}}}`:                                      "profiles.p.rules[0].abort",
		`{"profiles":{},"mode":"failure"}`:                                                 "profiles.mine",
		`{"profiles":{}}`:                                                                  "profiles.mine",
		`{"rules":[{"abort":503},{"kind":"delay","attributes":{"latancy":"1s"}}]}`:         "rules[1].attributes.latancy",
		`{"rules":[{"abort":503},{"delay":{"latancy":"1s"}}]}`:                             "rules[1].delay.latancy",
		`{"rules":[{"abort":503},{"delay":"1s","proxy":"nope"}]}`:                          "rules[1].proxy",
		`{"rules":[{"abort":503},{"name":"abort-1","abort":503}]}`:                         "",
		`{"rules":[{"name":"x","abort":503},{"name":"x","abort":503}]}`:                    "rules[1].name",
		`{"rules":[{"name":"x/y","abort":503}]}`:                                           "rules[0].name",
		`{"rules":[{"abort":503,"percent":101}]}`:                                          "rules[0].percent",
		`{"rules":[{"abort":503,"ttl":"x"}]}`:                                              "rules[0].ttl",
		`{"rules":[{"name":"x"}]}`:                                                         "rules[0].kind",
		`{"rules":[{"abort":503,"stream":"upstream"}]}`:                                    "rules[0].stream",
		`{"rules":[{"abort":503,"lease":{"id":"x"}}]}`:                                     "rules[0].lease.for",
		`{"rules":{}}`: "rules",
		`{"rules":[{"abort":{"status":503,"body":` + deep + `}}]}`: "",
	} {
		s := stateWith("a")
		put(t, s, `{"profiles":{"mine":{"body":1}},"modes":{"a":"mine"}}`, t0)
		d, err := tryParse[Document](document)
		if err == nil {
			err = s.Apply(d, t0)
		}
		if err == nil {
			err = s.Validate()
		}
		wrong := !strings.HasPrefix(document, `{"rules":[{"abort":503},{"name":"abort-1"`) && !strings.Contains(document, deep)
		code, field := refusal(err)
		if (code == Invalid) != wrong || field != want {
			t.Errorf("%.90s: refused with %q at %q (%v), want %q", document, code, field, err, want)
		}
	}
}

func TestNearMissesAreNamed(t *testing.T) {
	s := stateWith("stock", "price")
	put(t, s, `{"rules":[{"name":"slow","abort":503}]}`, t0)
	_, noRule := s.Rule(Address{Name: "slwo"})
	_, noProxy := s.Proxy("stokc")
	_, noBefore := s.PutRule(Address{Name: "n"}, abort("", ""), "slwo", t0)
	s.Rules = append(s.Rules, Rule{Rule: abort("y", "prise")})
	for _, tt := range []struct {
		err  error
		want string
	}{
		{noRule, "slow"},
		{noBefore, "slow"},
		{noProxy, "stock"},
		{s.SetMode("failrue", "", Hold{}), "failure"},
		{s.SetProxyMode("stok", ModeFailure, "", Hold{}), "stock"},
		{s.SetProxyMode("stock", "falback", "", Hold{}), "fallback"},
		{s.Validate(), "price"},
		{s.RemoveProxy("prize"), "price"},
	} {
		var place *document.Error
		if !errors.As(tt.err, &place) || place.DidYouMean != tt.want {
			t.Errorf("%v: meant %q, want %q", tt.err, place.DidYouMean, tt.want)
		}
	}
}

func TestErrorsOfDocumentsGetOneShape(t *testing.T) {
	place := document.Errorf("mode", "unknown")
	if code, field := refusal(asError(fmt.Errorf("while testing: %w", place))); code != Invalid || field != "mode" {
		t.Errorf("got %s at %s", code, field)
	}
	known := &Error{Code: Conflict, Reason: "taken"}
	for _, err := range []error{known, io.EOF} {
		if got := asError(err); got != err {
			t.Errorf("got %v, want %v", got, err)
		}
	}
	if !errors.Is(refuse(Storage, io.EOF), io.EOF) {
		t.Error("the cause got lost")
	}
}

func TestAStateMadeByHandIsChecked(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*State)
		field string
	}{
		"a proxy without a name":     {func(s *State) { s.Proxies[0].Name = "" }, "proxies[0].name"},
		"a proxy twice":              {func(s *State) { s.Proxies = append(s.Proxies, s.Proxies[0]) }, "proxies[1].name"},
		"a proxy named like all":     {func(s *State) { s.PutProxy(config("*")) }, "proxies[1].name"},
		"a proxy that is wrong":      {func(s *State) { s.Proxies[0].Upstream = "x" }, "proxies[0].upstream"},
		"a rule without a name":      {func(s *State) { s.Rules[0].Name = "" }, "rules[0].name"},
		"a rule that comes back":     {func(s *State) { s.TimedRules.BackTo[0].Proxy = "nope" }, "timed.rules.back_to[0].proxy"},
		"what a rule goes back to":   {func(s *State) { s.Rules[1].BackTo.Percent = -1 }, "rules[1].percent"},
		"a mode that comes back":     {func(s *State) { s.Mode.BackTo.Name = "nope" }, "mode"},
		"a proxy's mode that does":   {func(s *State) { s.Modes["a"].BackTo.Name = "nope" }, "modes.a"},
		"a mode of an unknown proxy": {func(s *State) { s.Modes["b"] = Mode{Name: ModeNormal} }, "modes.b"},
		"a profile that is wrong":    {func(s *State) { s.Profiles["p"] = Profile{FailureRate: new(2.0)} }, "profiles.p.failure_rate"},
		"a profile with a wrong rule": {func(s *State) {
			r := abort("x", "")
			r.Percent = 200
			s.Profiles["p"] = Profile{Rules: append(s.Profiles["p"].Rules, r)}
		}, "profiles.p.rules[0].percent"},
	} {
		s := stateWith("a")
		put(t, s, `{"rules":[{"name":"old","abort":503},{"name":"x","abort":503}]}`, t0)
		put(t, s, `{"mode":"failure","modes":{"a":"fallback"},"rules":[{"name":"new","abort":503},{"name":"x","abort":503}],"ttl":"1h"}`, t0)
		_, err := s.PutRule(Address{Name: "x"}, withTTL(abort("", ""), time.Hour), "", t0)
		must(t, s, err)
		s.Modes["a"] = Mode{Name: ModeFallback, Hold: s.Mode.Hold, BackTo: &Mode{Name: ModeFailure}}
		check(t, s)
		tt.spoil(s)
		if _, field := refusal(s.Validate()); field != tt.field {
			t.Errorf("%s: refused at %q (%v), want %q", name, field, s.Validate(), tt.field)
		}
	}
}
