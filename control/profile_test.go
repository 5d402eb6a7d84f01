package control

import (
	"slices"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

func TestBuiltinModes(t *testing.T) {
	s := stateWith("a")
	for mode, want := range map[string]string{ModeNormal: "", ModeFailure: "mode/failure", ModeFallback: "mode/fallback"} {
		put(t, s, `{"mode":"`+mode+`"}`, t0)
		if got := strings.Join(exchange(t, s, "a", t0), " "); got != want {
			t.Errorf("%s: got %q, want %q", mode, got, want)
		}
	}
	fallback := s.profiles()[ModeFallback].rules(ModeFallback, &proxy.Config{Name: "a", Protocol: proxy.HTTP})
	want := rule(t, `{"name":"m","proxy":"a","phase":"before","degrade":{"body":{"message":"Service in degraded mode (fallback)","data":[1,2,3]},"headers":{"X-Service-Mode":"fallback"}}}`)
	want.Name = "mode/fallback"
	if got, want := asJSON(t, fallback), asJSON(t, []faults.Rule{want}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestProfiles(t *testing.T) {
	for _, tt := range []struct {
		profile string
		want    string // rules as kind:percent
	}{
		{`{}`, ""},
		{`{"failure_rate":0}`, ""},
		{`{"failure_rate":0.3}`, "mode/p:abort:30"},
		{`{"failure_rate":0.000001}`, "mode/p:abort:0.0001"},
		{`{"failure_rate":1}`, "mode/p:abort:100"},
		{`{"body":null}`, "mode/p:degrade:100"}, // null is JSON, too
		{`{"body":"text"}`, "mode/p:degrade:100"},
		{`{"rules":[{"delay":"1s","percent":5},{"name":"n","abort":500}]}`, "mode/p/1:delay:5 mode/p/n:abort:100"},
		{`{"rules":[{"delay":"1s"}],"failure_rate":0.5,"body":1}`, "mode/p/1:delay:100 mode/p:abort:50 mode/p:degrade:100"},
	} {
		s := stateWith("a")
		put(t, s, `{"profiles":{"p":`+tt.profile+`},"mode":"p"}`, t0)
		var got []string
		for _, r := range s.runs["a"].rules {
			got = append(got, r.Name+":"+r.Kind+":"+asJSON(t, r.Percent))
			if r.Proxy != "a" {
				t.Errorf("%s: proxy %q", r.Name, r.Proxy)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %v, want %s", tt.profile, got, tt.want)
		}
	}
}

// Two rules of one mode must not share a counter.
func TestShortFormsBesideEachOtherCountApart(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"profiles":{"p":{"failure_rate":0.5,"body":1}},"mode":"p"}`, t0)
	for range 64 {
		if got := exchange(t, s, "a", t0); len(got) != 1 {
			t.Fatalf("got %v", got)
		}
	}
	run := s.runs["a"].rules
	aborts, fallbacks := run[0].Counter.Status(), run[1].Counter.Status()
	if aborts.Matched != 64 || aborts.Hit+fallbacks.Hit != 64 || aborts.Hit < 16 || fallbacks.Hit < 16 {
		t.Errorf("aborts %+v, fallbacks %+v", aborts, fallbacks)
	}
}

// sequence is which of the next n exchanges on a proxy fail.
func sequence(t *testing.T, s *State, proxyName string, n int) string {
	t.Helper()
	var pattern strings.Builder
	for range n {
		pattern.WriteByte("-x"[min(len(exchange(t, s, proxyName, t0)), 1)])
	}
	return pattern.String()
}

func TestAModesRulesCountPerProxyAndAnewWhenItIsSet(t *testing.T) {
	const normal = `{"profiles":{"normal":{"failure_rate":0.3}}}`
	fresh := func() *State {
		s := stateWith("a", "b")
		put(t, s, normal, t0)
		return s
	}
	first := sequence(t, fresh(), "a", 40)
	if !strings.Contains(first, "x") || !strings.Contains(first, "-") {
		t.Fatalf("got %s", first)
	}
	for _, tt := range []struct {
		name   string
		change func(*State)
		anew   bool
	}{
		{"nothing", func(*State) {}, false},
		{"traffic on another proxy", func(s *State) { sequence(t, s, "b", 7) }, false},
		{"set again", func(s *State) { put(t, s, `{"mode":"normal"}`, t0) }, true},
		{"another mode and back", func(s *State) { put(t, s, `{"mode":"failure"}`, t0); put(t, s, `{"mode":"normal"}`, t0) }, true},
		{"another mode, expired", func(s *State) {
			put(t, s, `{"mode":"failure","ttl":"5s"}`, t0)
			s.expire(after(5e9))
			s.settle()
		}, true},
		{"a mode of its own, and back", func(s *State) {
			put(t, s, `{"modes":{"a":"fallback"}}`, t0)
			put(t, s, `{"modes":{"a":null}}`, t0)
		}, true},
		{"another proxy's mode", func(s *State) { put(t, s, `{"modes":{"b":"fallback"}}`, t0) }, false},
		{"rules", func(s *State) { put(t, s, `{"rules":[]}`, t0) }, false},
		{"the same profiles", func(s *State) { put(t, s, normal, t0) }, false},
		{"other profiles", func(s *State) { put(t, s, `{"profiles":{"normal":{"failure_rate":0.3},"q":{}}}`, t0) }, true},
		{"back to normal", func(s *State) { s.Clear(); s.settle() }, false},
	} {
		s := fresh()
		head := sequence(t, s, "a", 10)
		tt.change(s)
		got := sequence(t, s, "a", 10)
		want := first[10:20]
		if tt.anew {
			want = first[:10]
		}
		if head != first[:10] || got != want {
			t.Errorf("%s: got %s %s, want %s %s", tt.name, head, got, first[:10], want)
		}
	}
	s := fresh()
	if sequence(t, s, "b", 40) == first {
		t.Error("two proxies have the same luck")
	}
}

func TestProfilesThatAreBuiltInAreNotKept(t *testing.T) {
	s := stateWith("a")
	put(t, s, `{"profiles":`+asJSON(t, s.View(t0).Profiles)+`}`, t0)
	if len(s.Profiles) > 0 {
		t.Errorf("kept: %v", s.Profiles)
	}
	put(t, s, `{"profiles":{"failure":{"failure_rate":0.9}}}`, t0)
	if rate := s.profiles()[ModeFailure].FailureRate; len(s.Profiles) != 1 || *rate != 0.9 {
		t.Errorf("kept: %v", s.Profiles)
	}
	if modes := sortedKeys(s.View(t0).Profiles); !slices.Equal(modes, []string{"failure", "fallback", "normal"}) {
		t.Errorf("shown: %v", modes)
	}
}
