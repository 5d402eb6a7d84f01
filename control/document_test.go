package control

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestADocumentSetsWhatItNames(t *testing.T) {
	const before = `{"mode":"failure","modes":{"a":"fallback","b":"normal"},"profiles":{"slow":{"rules":[{"delay":"1s"}]}},
		"rules":[{"name":"x","abort":503},{"name":"y","proxy":"a","delay":"1s"}]}`
	for _, tt := range []struct {
		name, document string
		mode           string
		modes          map[string]string
		rules          string
		profiles       int
	}{
		{"nothing", `{}`, "failure", map[string]string{"a": "fallback", "b": "normal"}, "x@* y@a", 1},
		{"mode", `{"mode":"normal"}`, "normal", map[string]string{"a": "fallback", "b": "normal"}, "x@* y@a", 1},
		{"modes merge", `{"modes":{"b":"failure"}}`, "failure", map[string]string{"a": "fallback", "b": "failure"}, "x@* y@a", 1},
		{"null gives one back", `{"modes":{"a":null}}`, "failure", map[string]string{"b": "normal"}, "x@* y@a", 1},
		{"null gives all back", `{"modes":null}`, "failure", map[string]string{}, "x@* y@a", 1},
		{"an object", `{"modes":{"a":{"mode":"slow"}}}`, "failure", map[string]string{"a": "slow", "b": "normal"}, "x@* y@a", 1},
		{"rules", `{"rules":[{"name":"z","abort":500}]}`, "failure", map[string]string{"a": "fallback", "b": "normal"}, "z@*", 1},
		{"no rules", `{"rules":[]}`, "failure", map[string]string{"a": "fallback", "b": "normal"}, "", 1},
		{"profiles", `{"profiles":{}}`, "failure", map[string]string{"a": "fallback", "b": "normal"}, "x@* y@a", 0},
		{
			"a profile and its mode", `{"profiles":{"p":{"body":"p"}},"mode":"p","modes":{"b":"p"}}`,
			"p",
			map[string]string{"a": "fallback", "b": "p"},
			"x@* y@a", 1,
		},
		{"readonly", `{"revision":99}`, "failure", map[string]string{"a": "fallback", "b": "normal"}, "x@* y@a", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := stateWith("a", "b")
			put(t, s, before, t0)
			put(t, s, tt.document, t0)
			v := s.View(t0)
			if v.Mode != tt.mode || rulesOf(s) != tt.rules || len(s.Profiles) != tt.profiles || s.Seed != 42 {
				t.Errorf("mode %s, rules %q, %d profiles, seed %d", v.Mode, rulesOf(s), len(s.Profiles), s.Seed)
			}
			if diff := cmp.Diff(tt.modes, v.Modes); diff != "" {
				t.Errorf("modes: %s", diff)
			}
			if v.Timed != nil {
				t.Errorf("timed: %+v", v.Timed)
			}
		})
	}
}

func TestTheNamelessAreNamedAfterTheirKind(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"rules":[{"abort":503},{"name":"abort-2","abort":503},{"delay":"1s"},{"proxy":"a","abort":500},{"name":"abort","abort":501}]}`, t0)
	if got, want := rulesOf(s), "abort-1@* abort-2@* delay-1@* abort-3@a abort@*"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnswersCanBeSentBack(t *testing.T) {
	s := stateWith("a", "b")
	put(t, s, `{"mode":"fallback","profiles":{"slow":{"rules":[{"name":"d","delay":"1s"}]}},"modes":{"b":"slow"},
		"rules":[{"name":"x","abort":503},{"name":"y","proxy":"a","delay":"1s","percent":12.5}]}`, t0)
	put(t, s, `{"mode":"failure","modes":{"a":"failure"},"owner":"me","ttl":"30s"}`, t0)
	_, err := s.PutRule(Address{Name: "x"}, withTTL(abort("x", ""), 20*time.Second), "", after(time.Second))
	must(t, s, err)
	was := asJSON(t, s.View(after(5*time.Second)))
	put(t, s, was, after(8*time.Second))
	if diff := cmp.Diff(was, asJSON(t, s.View(after(5*time.Second)))); diff != "" {
		t.Errorf("sending an answer back changed it: %s", diff)
	}
	if s.Mode.Owner != "me" || s.Modes["a"].Owner != "me" {
		t.Error("an owner got lost")
	}
	for _, tt := range []struct {
		at   time.Duration
		want string
	}{{20 * time.Second, "mode=failure a=failure rules=~x@* y@a"}, {21 * time.Second, "mode=failure a=failure rules=x@* y@a"}, {30 * time.Second, "mode=fallback a=fallback rules=x@* y@a"}} {
		s.expire(after(tt.at))
		if got := "mode=" + s.Mode.Name + " a=" + s.ModeOf("a") + " rules=" + rulesOf(s); got != tt.want {
			t.Errorf("after %v: got %s, want %s", tt.at, got, tt.want)
		}
	}
}

// What was timed when it was read must not be set for ever when it comes back too late.
func TestASentBackTimerThatHasEndedCountsFromNow(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"mode":"failure","modes":{"a":"fallback"},"rules":[{"name":"x","abort":503}],"ttl":"10s"}`, t0)
	_, err := s.PutRule(Address{Name: "x"}, withTTL(abort("x", ""), 9*time.Second), "", t0)
	must(t, s, err)
	sent := asJSON(t, s.View(after(6*time.Second)))
	if ended := s.expire(after(time.Minute)); len(ended) != 4 {
		t.Fatalf("ended: %v", ended)
	}
	put(t, s, sent, after(time.Minute))
	if s.Mode.Name != "failure" || s.ModeOf("a") != "fallback" || rulesOf(s) != "~x@*" {
		t.Errorf("mode %s, a %s, rules %s", s.Mode.Name, s.ModeOf("a"), rulesOf(s))
	}
	s.expire(after(time.Minute + 3*time.Second))
	if rulesOf(s) != "" {
		t.Errorf("rules %s", rulesOf(s))
	}
	s.expire(after(time.Minute + 4*time.Second))
	if s.Mode.Name != "normal" || s.ModeOf("a") != "normal" || s.TimedRules != nil || !s.nextEnd().IsZero() {
		t.Errorf("still %s, %s, %v", s.Mode.Name, s.ModeOf("a"), s.TimedRules)
	}
}

func TestAnotherModeKeepsTheTimerSentBack(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"mode":"failure","rules":[{"name":"x","abort":503}],"owner":"me","ttl":"10s"}`, t0)
	put(t, s, `{"mode":"fallback","rules":[{"name":"y","abort":503}],
		"timed":{"mode":{"back_to":"normal","expires_in":"1s"},"rules":{"back_to":[],"expires_in":"1s"}}}`, after(4*time.Second))
	if s.Mode.Name != "fallback" || s.Mode.Hold.Until != after(10*time.Second) || s.TimedRules.Hold.Until != after(10*time.Second) {
		t.Errorf("mode %+v, rules %+v", s.Mode, s.TimedRules)
	}
	if s.TimedRules.Owner != "me" {
		t.Errorf("owner of the list: %q", s.TimedRules.Owner)
	}
	if s.expire(after(10 * time.Second)); s.Mode.Name != "normal" || len(s.Rules) > 0 {
		t.Errorf("mode %s, rules %s", s.Mode.Name, rulesOf(s))
	}
}

func TestAnotherSeedRestartsAllCounters(t *testing.T) {
	for _, tt := range []struct {
		document string
		restarts bool
	}{{`{"seed":42}`, false}, {`{"seed":43}`, true}} {
		s := stateWith("a")
		put(t, s, `{"mode":"fallback","rules":[{"name":"x","delay":"1ms"}]}`, t0)
		put(t, s, `{"rules":[{"name":"x","delay":"1ms"}],"ttl":"1h"}`, t0)
		_, err := s.PutRule(Address{Name: "kept"}, rule(t, `{"delay":"1ms"}`), "", t0)
		must(t, s, err)
		exchange(t, s, "a", t0)
		put(t, s, tt.document, t0)
		for _, r := range append(s.runs["a"].rules, s.Rules...) {
			if hits := r.Counter.Status().Hit; (hits == 0) != tt.restarts {
				t.Errorf("%s: rule %s has hit %d times", tt.document, r.Name, hits)
			}
		}
		if s.Rules[1].Counter != s.TimedRules.BackTo[1].Counter {
			t.Errorf("%s: a rule that outlives its list became two", tt.document)
		}
	}
}
