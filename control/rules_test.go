package control

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// three is a state with rules x on every proxy, x on a, y on b.
func three(t testing.TB) *State {
	s := stateWith("a", "b", "c")
	put(t, s, `{"rules":[{"name":"x","abort":501},{"name":"x","proxy":"a","abort":502},{"name":"y","proxy":"b","abort":503}]}`, t0)
	return s
}

func TestPuttingARule(t *testing.T) {
	for _, tt := range []struct {
		name    string
		at      Address
		rule    string
		before  string
		created bool
		want    string
		code    Code
		field   string
	}{
		{"new", Address{Name: "n"}, `{"abort":500}`, "", true, "x@* x@a y@b n@*", "", ""},
		{"new, named in the document too", Address{Name: "n"}, `{"name":"n","abort":500}`, "", true, "x@* x@a y@b n@*", "", ""},
		{"new on a proxy", Address{Name: "n", Proxy: on("c")}, `{"abort":500}`, "", true, "x@* x@a y@b n@c", "", ""},
		{"new before", Address{Name: "n"}, `{"abort":500}`, "y", true, "x@* x@a n@* y@b", "", ""},
		{"new before the first of a name", Address{Name: "n"}, `{"abort":500}`, "x", true, "n@* x@* x@a y@b", "", ""},
		{"replaced in place", Address{Name: "y"}, `{"proxy":"b","abort":500}`, "x", false, "x@* x@a y@b", "", ""},
		{"moved to another proxy", Address{Name: "y"}, `{"proxy":"c","abort":500}`, "", false, "x@* x@a y@c", "", ""},
		{"moved to all", Address{Name: "y"}, `{"abort":500}`, "", false, "x@* x@a y@*", "", ""},
		{"which one, by proxy", Address{Name: "x", Proxy: on("a")}, `{"abort":500}`, "", false, "x@* x@a y@b", "", ""},
		{"which one, and moved", Address{Name: "x", Proxy: on("a")}, `{"proxy":"c","abort":500}`, "", false, "x@* x@c y@b", "", ""},
		{"the one without a proxy", Address{Name: "x", Proxy: on("*")}, `{"abort":500}`, "", false, "x@* x@a y@b", "", ""},
		{"a second of the name", Address{Name: "y", Proxy: on("a")}, `{"abort":500}`, "", true, "x@* x@a y@b y@a", "", ""},
		{"a second for all", Address{Name: "y", Proxy: on("*")}, `{"abort":500}`, "", true, "x@* x@a y@b y@*", "", ""},
		{"ambiguous", Address{Name: "x"}, `{"abort":500}`, "", false, "", Conflict, "proxy"},
		{"a star is no proxy", Address{Name: "x", Proxy: on("a")}, `{"proxy":"*","abort":500}`, "", false, "", Invalid, "rules[1].proxy"},
		{"moved onto another", Address{Name: "x", Proxy: on("*")}, `{"proxy":"a","abort":500}`, "", false, "", Conflict, "proxy"},
		{"two proxies named", Address{Name: "n", Proxy: on("a")}, `{"proxy":"b","abort":500}`, "", false, "", Invalid, "proxy"},
		{"renamed", Address{Name: "y"}, `{"name":"z","abort":500}`, "", false, "", Invalid, "name"},
		{"unknown proxy", Address{Name: "n"}, `{"proxy":"nope","abort":500}`, "", false, "", Invalid, "rules[3].proxy"},
		{"before nothing", Address{Name: "n"}, `{"abort":500}`, "nope", false, "", NotFound, "before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := three(t)
			created, err := s.PutRule(tt.at, rule(t, tt.rule), tt.before, t0)
			if err == nil {
				err = s.Validate()
			}
			if code, field := refusal(err); code != tt.code || field != tt.field {
				t.Fatalf("refused with %q at %q (%v), want %q at %q", code, field, err, tt.code, tt.field)
			}
			if tt.code != "" {
				return
			}
			if created != tt.created || rulesOf(s) != tt.want {
				t.Errorf("created %v, rules %s, want %v, %s", created, rulesOf(s), tt.created, tt.want)
			}
		})
	}
}

func TestAnAmbiguousNameListsTheCandidates(t *testing.T) {
	s := three(t)
	_, err := s.PutRule(Address{Name: "x"}, abort("", ""), "", t0)
	for _, err := range []error{
		err, s.PatchRule(Address{Name: "x"}, node(t, `{}`), t0), s.RemoveRule(Address{Name: "x"}), s.RearmRule(Address{Name: "x"}),
	} {
		var known *Error
		if !errors.As(err, &known) || known.Code != Conflict || !slices.Equal(known.Candidates, []string{"x?proxy=*", "x?proxy=a"}) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := s.Rule(Address{Name: "x", Proxy: on("b")}); codeOf(err) != NotFound {
		t.Errorf("got %v", err)
	}
	if got, want := err.Error(), "proxy: several rules are named \"x\": say which with ?proxy= (x?proxy=*, x?proxy=a)"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestWhichCountersStartAnew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*State) error
		anew   bool
	}{
		{"put", func(s *State) error { _, err := s.PutRule(Address{Name: "y"}, s.Rules[2].Rule, "", t0); return err }, true},
		{"patch", func(s *State) error { return s.PatchRule(Address{Name: "y"}, node(t, `{"percent":10}`), t0) }, false},
		{"patch that moves", func(s *State) error { return s.PatchRule(Address{Name: "y"}, node(t, `{"proxy":"c"}`), t0) }, false},
		{"rearm", func(s *State) error { return s.RearmRule(Address{Name: "y"}) }, true},
		{"another rule", func(s *State) error { return s.RemoveRule(Address{Name: "x", Proxy: on("a")}) }, false},
		{"a mode", func(s *State) error { return s.SetMode(ModeFailure, "", Hold{}) }, false},
		{"the list", func(s *State) error { s.SetRules([]faults.Rule{s.Rules[2].Rule}, "", Hold{}, t0); return nil }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := three(t)
			old := s.Rules[2].Counter
			must(t, s, tt.change(s))
			r, err := s.Rule(Address{Name: "y"})
			if err != nil || (r.Counter != old) != tt.anew {
				t.Errorf("anew: %v, want %v (%v)", r.Counter != old, tt.anew, err)
			}
		})
	}
}

func TestPatchingARule(t *testing.T) {
	for _, tt := range []struct {
		patch string
		want  string
		field string
	}{
		{`{}`, `{"name":"d","proxy":"a","delay":{"latency":"1s","jitter":"1ms"},"percent":50,"match":{"path":"/x"}}`, ""},
		{`{"percent":10}`, `{"name":"d","proxy":"a","delay":{"latency":"1s","jitter":"1ms"},"percent":10,"match":{"path":"/x"}}`, ""},
		{`{"percent":null,"match":null}`, `{"name":"d","proxy":"a","delay":{"latency":"1s","jitter":"1ms"}}`, ""},
		{
			`{"attributes":{"jitter":null,"latency":"2s"},"status":{"hit":7}}`,
			`{"name":"d","proxy":"a","delay":"2s","percent":50,"match":{"path":"/x"}}`, "",
		},
		{`{"proxy":null}`, `{"name":"d","delay":{"latency":"1s","jitter":"1ms"},"percent":50,"match":{"path":"/x"}}`, ""},
		{`{"enabled":false}`, `{"name":"d","proxy":"a","delay":{"latency":"1s","jitter":"1ms"},"percent":50,"match":{"path":"/x"},"enabled":false}`, ""},
		{`{"percent":101}`, "", "percent"},
		{`{"attributes":{"latancy":"1s"}}`, "", "attributes.latancy"},
		{`{"name":"e"}`, "", "name"},
		{`{"name":null}`, "", "name"},
		{`[]`, "", ""},
	} {
		t.Run(tt.patch, func(t *testing.T) {
			s := stateWith("a")
			put(t, s, `{"rules":[{"name":"d","proxy":"a","delay":{"latency":"1s","jitter":"1ms"},"percent":50,"match":{"path":"/x"}}]}`, t0)
			err := s.PatchRule(Address{Name: "d"}, node(t, tt.patch), t0)
			if tt.want == "" {
				if code, field := refusal(err); code != Invalid || field != tt.field {
					t.Errorf("refused with %q at %q (%v), want %q", code, field, err, tt.field)
				}
				return
			}
			must(t, s, err)
			if got, want := asJSON(t, s.Rules[0].Rule), asJSON(t, rule(t, tt.want)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	if err := NewState(1).PatchRule(Address{Name: "d"}, node(t, `{}`), t0); codeOf(err) != NotFound {
		t.Errorf("got %v", err)
	}
}

func TestAddingARule(t *testing.T) {
	s := three(t)
	for _, tt := range []struct {
		rule, name string
		code       Code
	}{
		{`{"abort":500}`, "abort-1", ""},
		{`{"proxy":"a","abort":500}`, "abort-2", ""},
		{`{"name":"y","abort":500}`, "y", ""},
		{`{"name":"y","proxy":"b","abort":500}`, "", Conflict},
	} {
		name, err := s.AddRule(rule(t, tt.rule), t0)
		if code, _ := refusal(err); name != tt.name || code != tt.code {
			t.Errorf("%s: got %q, %v", tt.rule, name, err)
		}
	}
	if got, want := rulesOf(s), "x@* x@a y@b abort-1@* abort-2@a y@*"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	check(t, s)
}

func TestRemovingRules(t *testing.T) {
	s := three(t)
	must(t, s, s.RemoveRule(Address{Name: "x", Proxy: on("*")}))
	must(t, s, s.RemoveRule(Address{Name: "x"}))
	if rulesOf(s) != "y@b" {
		t.Errorf("left: %s", rulesOf(s))
	}
	err := s.RemoveRule(Address{Name: "yy"})
	if code, field := refusal(err); code != NotFound || field != "rule" {
		t.Errorf("got %v", err)
	}
}

// Several at once go from the list in force, from one that comes back, and from where they come back by themselves.
func TestRemovingRulesByWhatTheyAre(t *testing.T) {
	s := three(t)
	put(t, s, `{"rules":[{"name":"y","proxy":"b","abort":500,"ttl":"1s"},{"name":"z","proxy":"b","abort":500}],"ttl":"1m"}`, t0)
	_, err := s.PutRule(Address{Name: "z", Proxy: on("b")}, withTTL(abort("z", "b"), time.Second), "", t0)
	must(t, s, err)
	s.RemoveRules(func(r *faults.Rule) bool { return r.Name == "y" || r.Name == "z" && r.TTL == 0 })
	must(t, s, nil)
	if rulesOf(s) != "~z@b" || s.Rules[0].BackTo != nil || listOf(s.TimedRules.BackTo) != "x@* x@a ~z@b" {
		t.Errorf("left: %s over %v, and %s", rulesOf(s), s.Rules[0].BackTo, listOf(s.TimedRules.BackTo))
	}
}

// An edited rule goes on counting, and lives as long as before; it keeps its place.
func TestEditingARule(t *testing.T) {
	s := three(t)
	_, err := s.PutRule(Address{Name: "y"}, withTTL(abort("y", "b"), time.Second), "", t0)
	must(t, s, err)
	old := s.Rules[2]
	next := withTTL(abort("y", "b"), time.Second)
	next.Percent = 10
	must(t, s, s.EditRule(Address{Name: "y"}, next))
	if got := s.Rules[2]; rulesOf(s) != "x@* x@a ~y@b" || got.Percent != 10 || got.Counter != old.Counter || got.Hold != old.Hold || got.Since != old.Since {
		t.Errorf("it was %+v and is %+v", old, got)
	}
	if code, _ := refusal(s.EditRule(Address{Name: "yy"}, next)); code != NotFound {
		t.Errorf("an unknown one: %q", code)
	}
}

func TestRulesStandInOrderAndOnlyOnTheirProxies(t *testing.T) {
	s := stateWith("a", "b")
	put(t, s, `{"mode":"failure","rules":[{"name":"1","delay":"1s"},{"name":"2","proxy":"b","delay":"1s"},{"name":"3","proxy":"a","delay":"1s"}]}`, t0)
	for name, want := range map[string][]string{"a": {"1", "3", "mode/failure"}, "b": {"1", "2", "mode/failure"}} {
		if got := exchange(t, s, name, t0); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestTooManyRulesAndProxies(t *testing.T) {
	s := NewState(1)
	s.SetRules(slices.Repeat([]faults.Rule{rule(t, `{"abort":503}`)}, MaxRules+1), "", Hold{}, t0)
	if _, field := refusal(s.Validate()); field != "rules" {
		t.Errorf("got %v", s.Validate())
	}
	s.Rules = s.Rules[1:]
	check(t, s)
	for range MaxProxies + 1 {
		s.Proxies = append(s.Proxies, config("p"))
	}
	if _, field := refusal(s.Validate()); field != "proxies" {
		t.Errorf("got %v", s.Validate())
	}
}

func TestARuleWithATimeToLive(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name    string
		changes func(t *testing.T, s *State)
		want    map[time.Duration]string // rules at which moment
	}{
		{"new: goes away", func(t *testing.T, s *State) {
			putRule(t, s, "x", 10*second, 1, t0)
		}, map[time.Duration]string{9 * second: "~x1", 10 * second: ""}},
		{"over an untimed one: goes back to it", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "x", 10*second, 2, t0)
		}, map[time.Duration]string{9 * second: "~x2", 10 * second: "x1"}},
		{"over a timed one: goes back to the last untimed", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "x", 10*second, 2, t0)
			putRule(t, s, "x", 20*second, 3, t0)
		}, map[time.Duration]string{10 * second: "~x3", 20 * second: "x1"}},
		{"over a timed one with nothing below", func(t *testing.T, s *State) {
			putRule(t, s, "x", 10*second, 2, t0)
			putRule(t, s, "x", 5*second, 3, t0)
		}, map[time.Duration]string{4 * second: "~x3", 5 * second: ""}},
		{"a later untimed change cancels the revert", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "x", 10*second, 2, t0)
			putRule(t, s, "x", 0, 3, after(second))
		}, map[time.Duration]string{10 * second: "x3", 60 * second: "x3"}},
		{"a patch keeps it", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "x", 10*second, 2, t0)
			must(t, s, s.PatchRule(Address{Name: "x"}, node(t, `{"percent":5}`), after(3*second)))
		}, map[time.Duration]string{9 * second: "~x5", 10 * second: "x1"}},
		{"a patch starts it anew", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "x", 10*second, 2, t0)
			must(t, s, s.PatchRule(Address{Name: "x"}, node(t, `{"ttl":"10s"}`), after(3*second)))
		}, map[time.Duration]string{12 * second: "~x2", 13 * second: "x1"}},
		{"a patch ends it", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "x", 10*second, 2, t0)
			must(t, s, s.PatchRule(Address{Name: "x"}, node(t, `{"ttl":null}`), after(3*second)))
		}, map[time.Duration]string{60 * second: "x2"}},
		{"removed: nothing comes back", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "x", 10*second, 2, t0)
			must(t, s, s.RemoveRule(Address{Name: "x"}))
		}, map[time.Duration]string{0: "", 60 * second: ""}},
		{"cleared: nothing comes back", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "x", 10*second, 2, t0)
			s.Clear()
		}, map[time.Duration]string{0: "", 60 * second: ""}},
		{"its place", func(t *testing.T, s *State) {
			putRule(t, s, "x", 0, 1, t0)
			putRule(t, s, "y", 0, 2, t0)
			putRule(t, s, "x", 10*second, 3, t0)
		}, map[time.Duration]string{0: "~x3 y2", 10 * second: "x1 y2"}},
		{"two", func(t *testing.T, s *State) {
			putRule(t, s, "x", 10*second, 1, t0)
			putRule(t, s, "y", 20*second, 2, t0)
		}, map[time.Duration]string{10 * second: "~y2", 20 * second: ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := stateWith("a")
			tt.changes(t, s)
			sameAtEach(t, s, tt.want)
		})
	}
}

// TestRulesAndProxiesSpeakOneProtocol: a rule that names a proxy of another protocol is refused, one that names none acts on
// those of its own.
func TestRulesAndProxiesSpeakOneProtocol(t *testing.T) {
	s := stateWith("web")
	redis := proxy.Defaults()
	redis.Name, redis.Protocol, redis.Listen, redis.Upstream = "redis", proxy.TCP, "127.0.0.1:0", "redis:6379"
	s.PutProxy(redis)
	for rule, want := range map[string]string{
		`{"proxy":"redis","delay":"1s"}`:  `"redis" is a proxy of protocol tcp, and delay is a fault of http`,
		`{"proxy":"web","latency":"1s"}`:  `"web" is a proxy of protocol http, and latency is a fault of tcp`,
		`{"proxy":"redis","tls":"stall"}`: `"redis" is a proxy of protocol tcp, and tls is a fault of tls`,
	} {
		r := Rule{Rule: parse[faults.Rule](t, rule)}
		r.Name = "it"
		if err := s.validateRule(&r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", rule, err, want)
		}
	}
	put(t, s, `{"rules":[{"name":"slow","delay":"1s"},{"name":"late","latency":"1s"}]}`, t0)
	for name, want := range map[string]string{"web": "slow", "redis": "late"} {
		if got := inForce(t, s, name); got != want {
			t.Errorf("%s has the rules %s, want %s", name, got, want)
		}
	}
	put(t, s, `{"rules":[],"mode":"failure"}`, t0)
	for name, want := range map[string]string{"web": "mode/failure", "redis": "mode/failure mode/failure/open"} {
		if got := inForce(t, s, name); got != want {
			t.Errorf("%s in mode failure has the rules %s, want %s", name, got, want)
		}
	}
	put(t, s, `{"mode":"fallback"}`, t0)
	if got := inForce(t, s, "redis"); got != "" {
		t.Errorf("in mode fallback: %s", got)
	}
}

// inForce names the rules that act on a proxy.
func inForce(t *testing.T, s *State, proxyName string) string {
	t.Helper()
	var names []string
	for _, e := range s.entries(&s.Proxies[s.proxyIndex(proxyName)]) {
		names = append(names, e.Rule.Name)
	}
	return strings.Join(names, " ")
}
