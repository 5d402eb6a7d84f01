package control

import (
	"testing"
	"time"
)

func TestProxies(t *testing.T) {
	s := stateWith("a", "b")
	if s.PutProxy(config("b")) || !s.PutProxy(config("c")) {
		t.Error("b was there, c was not")
	}
	if c, err := s.Proxy("c"); err != nil || c.Name != "c" {
		t.Errorf("got %+v, %v", c, err)
	}
	_, err := s.Proxy("cc")
	if code, field := refusal(err); code != NotFound || field != "proxy" || len(s.Proxies) != 3 {
		t.Errorf("got %v, proxies %v", err, s.Proxies)
	}
	check(t, s)
}

func TestPatchingAProxy(t *testing.T) {
	s := stateWith("a", "b")
	must(t, s, s.PatchProxy("b", node(t, `{"timeout":"5s","upstream_down":"close","url":"http://x","bound":"x"}`)))
	must(t, s, s.PatchProxy("b", node(t, `{"timeout":null}`)))
	want := config("b")
	want.UpstreamDown = "close"
	if got, want := asJSON(t, s.Proxies[1]), asJSON(t, want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for patch, field := range map[string]string{`{"timeout":5}`: "timeout", `{"name":"a"}`: "name", `7`: "", `{"upstream":"x"}`: "upstream"} {
		if code, got := refusal(s.PatchProxy("b", node(t, patch))); code != Invalid || got != field {
			t.Errorf("%s: refused at %q", patch, got)
		}
	}
	if err := s.PatchProxy("c", node(t, `{}`)); codeOf(err) != NotFound {
		t.Errorf("got %v", err)
	}
}

func TestAProxyGoesWithItsRulesAndItsMode(t *testing.T) {
	s := stateWith("a", "b")
	put(t, s, `{"modes":{"a":"failure","b":"fallback"},"rules":[{"name":"x","proxy":"a","abort":503},{"name":"y","proxy":"b","abort":503},{"name":"z","abort":503}]}`, t0)
	_, err := s.PutRule(Address{Name: "x"}, rule(t, `{"proxy":"b","abort":503,"ttl":"5s"}`), "", t0) // goes back to a
	must(t, s, err)
	put(t, s, `{"rules":[{"name":"w","proxy":"a","abort":503},{"name":"v","proxy":"b","abort":503}],"ttl":"1h"}`, t0)
	must(t, s, s.RemoveProxy("a"))
	if rulesOf(s) != "v@b" || listOf(s.TimedRules.BackTo) != "~x@b y@b z@*" || len(s.Modes) != 1 || len(s.runs) != 1 {
		t.Errorf("rules %s, back to %s, modes %v", rulesOf(s), listOf(s.TimedRules.BackTo), s.Modes)
	}
	s.expire(after(time.Hour))
	check(t, s)
	if rulesOf(s) != "y@b z@*" {
		t.Errorf("rules %s", rulesOf(s))
	}
	if code, field := refusal(s.RemoveProxy("a")); code != NotFound || field != "proxy" {
		t.Errorf("refused with %s at %s", code, field)
	}
}

// A timed rule that was moved finds its old place taken: it goes, and what is there stays.
func TestATimedMoveDoesNotGoBackOntoAnother(t *testing.T) {
	for name, leave := range map[string]func(*State){
		"expiry": func(s *State) { s.expire(after(time.Minute)) },
		"owner":  func(s *State) { s.ClearOwner("me") },
	} {
		s := stateWith("a", "b")
		put(t, s, `{"rules":[{"name":"x","proxy":"a","abort":501}]}`, t0)
		_, err := s.PutRule(Address{Name: "x"}, rule(t, `{"proxy":"b","abort":502,"ttl":"5s","owner":"me"}`), "", t0)
		must(t, s, err)
		_, err = s.AddRule(rule(t, `{"name":"x","proxy":"a","abort":503}`), t0)
		must(t, s, err)
		leave(s)
		check(t, s)
		if rulesOf(s) != "x@a" || s.Rules[0].Percent != 100 || asJSON(t, s.Rules[0].Attributes) != asJSON(t, rule(t, `{"abort":503}`).Attributes) {
			t.Errorf("%s: rules %s", name, rulesOf(s))
		}
	}
}
