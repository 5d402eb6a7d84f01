package control

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// putRule puts a rule; its percentage tells which one it is.
func putRule(t *testing.T, s *State, name string, ttl time.Duration, percent float64, now time.Time) {
	t.Helper()
	r := withTTL(abort("", ""), ttl)
	r.Percent = percent
	_, err := s.PutRule(Address{Name: name}, r, "", now)
	must(t, s, err)
}

// sameAtEach lets a state run through time, and compares its rules at each moment that is named.
func sameAtEach(t *testing.T, s *State, want map[time.Duration]string) {
	t.Helper()
	for _, at := range slices.Sorted(maps.Keys(want)) {
		for next := s.nextEnd(); !next.IsZero() && !next.After(after(at)); next = s.nextEnd() {
			if len(s.expire(next)) == 0 {
				t.Fatalf("nothing ends at %v", next)
			}
			check(t, s)
		}
		var rules []string
		for _, r := range s.Rules {
			text := fmt.Sprint(r.Name, r.Percent)
			if r.Hold.Timed() {
				text = "~" + text
			}
			rules = append(rules, text)
		}
		if got := strings.Join(rules, " "); got != want[at] {
			t.Errorf("after %v: got %q, want %q", at, got, want[at])
		}
	}
}

// setList sets the list of rules as a whole; each name ends with its percentage.
func setList(t *testing.T, s *State, ttl, now time.Duration, names ...string) {
	t.Helper()
	rules := make([]string, len(names))
	for i, name := range names {
		rules[i] = fmt.Sprintf(`{"name":%q,"percent":%s,"abort":503}`, name[:1], name[1:])
	}
	text := fmt.Sprintf(`{"rules":[%s],"ttl":%q,"owner":"list"}`, strings.Join(rules, ","), ttl)
	put(t, s, strings.ReplaceAll(text, `,"ttl":"0s"`, ""), after(now)) // 0 stands for none here
}

func TestATimedListOfRules(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name    string
		changes func(t *testing.T, s *State)
		want    map[time.Duration]string
	}{
		{"goes back", func(*testing.T, *State) {}, map[time.Duration]string{9 * second: "x5 z6", 10 * second: "x1 y2"}},
		{
			"a later untimed list cancels the revert",
			func(t *testing.T, s *State) { setList(t, s, 0, second, "w7") },
			map[time.Duration]string{0: "w7", 60 * second: "w7"},
		},
		{
			"a later timed list goes back to the last untimed",
			func(t *testing.T, s *State) { setList(t, s, 20*second, second, "w7") },
			map[time.Duration]string{20 * second: "w7", 21 * second: "x1 y2"},
		},
		{
			"a new rule stays",
			func(t *testing.T, s *State) { putRule(t, s, "n", 0, 7, after(second)) },
			map[time.Duration]string{9 * second: "x5 z6 n7", 10 * second: "x1 y2 n7"},
		},
		{
			"a rule changed stays, in its old place",
			func(t *testing.T, s *State) { putRule(t, s, "x", 0, 7, after(second)) },
			map[time.Duration]string{9 * second: "x7 z6", 10 * second: "x7 y2"},
		},
		{
			"a rule of the timed list, changed, stays",
			func(t *testing.T, s *State) { putRule(t, s, "z", 0, 7, after(second)) },
			map[time.Duration]string{9 * second: "x5 z7", 10 * second: "x1 y2 z7"},
		},
		{
			"a rule patched stays",
			func(t *testing.T, s *State) {
				must(t, s, s.PatchRule(Address{Name: "x"}, node(t, `{"percent":8}`), after(second)))
			},
			map[time.Duration]string{9 * second: "x8 z6", 10 * second: "x8 y2"},
		},
		{
			"a rule removed does not come back",
			func(t *testing.T, s *State) { must(t, s, s.RemoveRule(Address{Name: "x"})) },
			map[time.Duration]string{9 * second: "z6", 10 * second: "y2"},
		},
		{
			"a timed rule outlives the list, then goes back to what the list had hidden",
			func(t *testing.T, s *State) { putRule(t, s, "x", 19*second, 7, after(second)) },
			map[time.Duration]string{9 * second: "~x7 z6", 10 * second: "~x7 y2", 20 * second: "x1 y2"},
		},
		{
			"a timed rule ends before the list",
			func(t *testing.T, s *State) { putRule(t, s, "x", 4*second, 7, after(second)) },
			map[time.Duration]string{4 * second: "~x7 z6", 5 * second: "x5 z6", 10 * second: "x1 y2"},
		},
		{
			"a new timed rule outlives the list",
			func(t *testing.T, s *State) { putRule(t, s, "n", 19*second, 7, after(second)) },
			map[time.Duration]string{9 * second: "x5 z6 ~n7", 10 * second: "x1 y2 ~n7", 20 * second: "x1 y2"},
		},
		{"cleared", func(_ *testing.T, s *State) { s.Clear() }, map[time.Duration]string{0: "", 60 * second: ""}},
		{
			"its owner leaves", func(_ *testing.T, s *State) { s.ClearOwner("list") },
			map[time.Duration]string{0: "x1 y2", 60 * second: "x1 y2"},
		},
		{
			"only a rule's owner leaves",
			func(t *testing.T, s *State) {
				must(t, s, s.PatchRule(Address{Name: "z"}, node(t, `{"owner":"me"}`), after(second)))
				s.ClearOwner("me")
			},
			map[time.Duration]string{0: "x5", 10 * second: "x1 y2"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := stateWith("a")
			put(t, s, `{"rules":[{"name":"x","percent":1,"abort":503},{"name":"y","percent":2,"abort":503}]}`, t0)
			setList(t, s, 10*second, 0, "x5", "z6")
			tt.changes(t, s)
			check(t, s)
			sameAtEach(t, s, tt.want)
		})
	}
}

// A rule that ends while another list hides it does not come back with its own list.
func TestATimedRuleEndsWhileItIsHidden(t *testing.T) {
	s := stateWith("a")
	putRule(t, s, "x", 0, 1, t0)
	putRule(t, s, "x", 5*time.Second, 2, t0)
	putRule(t, s, "y", 20*time.Second, 3, t0)
	setList(t, s, 10*time.Second, 0, "w4")
	sameAtEach(t, s, map[time.Duration]string{0: "w4", 5 * time.Second: "w4", 10 * time.Second: "x1 ~y3", 20 * time.Second: "x1"})
}

func TestEachRuleFallsSilentOnTime(t *testing.T) {
	const second = time.Second
	s := stateWith("a")
	put(t, s, `{"mode":"failure","ttl":"30s"}`, t0)
	put(t, s, `{"rules":[{"name":"listed","delay":"1ms","percent":0}]}`, t0) // of the same name, and another rule
	put(t, s, `{"rules":[{"name":"listed","delay":"1ms"},{"name":"short","delay":"1ms","ttl":"5s"}],"ttl":"10s"}`, t0)
	for name, ttl := range map[string]string{"stays": "", "long": `,"ttl":"20s"`} {
		_, err := s.PutRule(Address{Name: name}, rule(t, `{"delay":"1ms"`+ttl+`}`), "", t0)
		must(t, s, err)
	}
	for at, want := range map[time.Duration]string{
		0: "listed short stays long mode/failure", 5*second - 1: "listed short stays long mode/failure",
		5 * second: "listed stays long mode/failure", 10*second - 1: "listed stays long mode/failure",
		10 * second: "stays long mode/failure", 20 * second: "stays mode/failure", 30*second - 1: "stays mode/failure", 30 * second: "stays",
	} {
		got := exchange(t, s, "a", after(at))
		slices.Sort(got)
		wanted := strings.Fields(want)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("after %v: got %v, want %v", at, got, wanted)
		}
	}
}

func TestTimedModes(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name      string
		documents map[time.Duration]string
		want      map[time.Duration]string // mode of all, of a, of b
	}{
		{
			"of all",
			map[time.Duration]string{0: `{"mode":"failure","ttl":"10s"}`},
			map[time.Duration]string{9 * second: "failure failure failure", 10 * second: "normal normal normal"},
		},
		{
			"over a timed one: back to the last untimed",
			map[time.Duration]string{0: `{"mode":"failure","ttl":"10s"}`, second: `{"mode":"fallback","ttl":"4s"}`},
			map[time.Duration]string{4 * second: "fallback fallback fallback", 5 * second: "normal normal normal", 10 * second: "normal normal normal"},
		},
		{
			"cancelled",
			map[time.Duration]string{0: `{"mode":"failure","ttl":"10s"}`, second: `{"mode":"fallback"}`},
			map[time.Duration]string{second: "fallback fallback fallback", 60 * second: "fallback fallback fallback"},
		},
		{
			"the same again, untimed",
			map[time.Duration]string{0: `{"mode":"failure","ttl":"10s"}`, second: `{"mode":"failure"}`},
			map[time.Duration]string{60 * second: "failure failure failure"},
		},
		{
			"of one",
			map[time.Duration]string{0: `{"modes":{"a":"failure"},"ttl":"10s"}`},
			map[time.Duration]string{9 * second: "normal failure normal", 10 * second: "normal normal normal"},
		},
		{
			"each its own",
			map[time.Duration]string{0: `{"mode":"fallback","modes":{"a":{"mode":"failure","ttl":"5s"},"b":"normal"},"ttl":"10s"}`},
			map[time.Duration]string{4 * second: "fallback failure normal", 5 * second: "fallback fallback normal", 10 * second: "normal normal normal"},
		},
		{
			"given back for a time",
			map[time.Duration]string{0: `{"modes":{"a":"failure","b":"fallback"}}`, second: `{"modes":{"a":null},"ttl":"10s"}`},
			map[time.Duration]string{second: "normal normal fallback", 11 * second: "normal failure fallback"},
		},
		{
			"all given back for a time",
			map[time.Duration]string{0: `{"modes":{"a":"failure","b":"fallback"}}`, second: `{"modes":null,"ttl":"10s"}`},
			map[time.Duration]string{second: "normal normal normal", 11 * second: "normal failure fallback"},
		},
		{
			"given back before its time",
			map[time.Duration]string{0: `{"modes":{"a":"failure"},"ttl":"10s"}`, second: `{"modes":{"a":null}}`},
			map[time.Duration]string{second: "normal normal normal", 10 * second: "normal normal normal"},
		},
		{
			"nothing given back",
			map[time.Duration]string{0: `{"modes":{"a":null},"ttl":"10s"}`},
			map[time.Duration]string{0: "normal normal normal", 10 * second: "normal normal normal"},
		},
		{
			"only what is named",
			map[time.Duration]string{0: `{"mode":"failure","ttl":"10s"}`, second: `{"modes":{"a":"fallback"}}`, 2 * second: `{"rules":[]}`},
			map[time.Duration]string{9 * second: "failure fallback failure", 10 * second: "normal fallback normal"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := stateWith("a", "b")
			for _, at := range slices.Sorted(maps.Keys(tt.documents)) {
				put(t, s, tt.documents[at], after(at))
			}
			for _, at := range slices.Sorted(maps.Keys(tt.want)) {
				s.expire(after(at))
				check(t, s)
				if got := strings.Join([]string{s.Mode.Name, s.ModeOf("a"), s.ModeOf("b")}, " "); got != tt.want[at] {
					t.Errorf("after %v: got %s, want %s", at, got, tt.want[at])
				}
			}
			if len(s.Modes) > 0 && s.nextEnd().IsZero() && s.View(t0).Timed != nil {
				t.Errorf("something is left: %+v", s.Modes)
			}
		})
	}
}

func TestWhatIsTimedIsShown(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"modes":{"a":"fallback"},"rules":[{"name":"x","abort":500}]}`, t0)
	put(t, s, `{"mode":"failure","modes":{"a":null},"rules":[{"name":"y","proxy":"a","abort":501,"ttl":"5s"}],"ttl":"30s"}`, t0)
	v := s.View(after(123 * time.Millisecond))
	want := `{"mode":{"back_to":"normal","expires_in":"29.8s"},"modes":{"a":{"back_to":"fallback","expires_in":"29.8s"}},` +
		`"rules":{"back_to":[` + asJSON(t, rule(t, `{"name":"x","abort":500}`)) + `],"expires_in":"29.8s"},` +
		`"single_rules":[{"name":"y","proxy":"a","back_to":null,"expires_in":"4.8s"}]}`
	if got := asJSON(t, v.Timed); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := v.Rules[0].Status.ExpiresIn; got != "4.8s" || len(v.Modes) > 0 || v.Mode != "failure" {
		t.Errorf("got %+v", v)
	}
	if late := s.View(after(time.Hour)); late.Timed.Mode.ExpiresIn != "100ms" {
		t.Errorf("what is still timed must say that it is, got %s", late.Timed.Mode.ExpiresIn)
	}
}

// A rule that outlives its list is one rule, whose counter goes on when the list has gone back.
func TestRearmingARuleThatOutlivesItsList(t *testing.T) {
	s := stateWith("a")
	setList(t, s, 10*time.Second, 0, "x5")
	putRule(t, s, "n", 0, 7, t0)
	must(t, s, s.RearmRule(Address{Name: "n"}))
	counter := s.Rules[1].Counter
	s.expire(after(10 * time.Second))
	if rulesOf(s) != "n@*" || s.Rules[0].Counter != counter {
		t.Errorf("rules %s, another counter: %v", rulesOf(s), s.Rules[0].Counter != counter)
	}
}
