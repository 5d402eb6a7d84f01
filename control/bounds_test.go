package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// heavy is a rule of a million bytes.
func heavy(name string) faults.Rule {
	r := abort(name, "")
	r.Attributes = &faults.Abort{Status: 503, Body: &document.Node{Kind: document.String, Text: strings.Repeat("x", 1_000_000)}}
	return r
}

// The state as a whole is bounded: a change that would make it too large is refused before anything is bound or saved,
// and one that makes it smaller is not.
func TestTheWholeStateIsBounded(t *testing.T) {
	engine, store := &fakeEngine{}, &fakeStore{}
	k, err := New(Config{Engine: engine, Store: store, Policy: DefaultPolicy()}, stateWith("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	change := func(mutate func(*State) error) error {
		_, err := k.Change(context.Background(), Request{}, mutate)
		return err
	}
	addOne := func(s *State) error {
		_, err := s.AddRule(heavy("one-more"), time.Now())
		return err
	}
	var rules []faults.Rule
	for i := range MaxState / 1_000_000 {
		rules = append(rules, heavy(fmt.Sprint("r", i)))
	}
	if err := change(func(s *State) error { return s.SetRules(rules, "", Hold{}, time.Now()) }); err != nil {
		t.Fatal(err)
	}
	before, bound, saved := k.State(), engine.last[0].Faults, store.last()
	err = change(addOne)
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != Invalid || refused.Field != "rules" || !strings.Contains(refused.Reason, fmt.Sprint(MaxState)) {
		t.Errorf("got %#v", err)
	}
	if k.State() != before || engine.last[0].Faults != bound || store.last() != saved {
		t.Error("something has happened")
	}
	if err := change(func(s *State) error { return s.RemoveRule(Address{Name: "r0"}) }); err != nil {
		t.Errorf("less: %v", err)
	}
	if err := change(addOne); err != nil {
		t.Errorf("in its place: %v", err)
	}
}

// A state that was loaded too large can still be made smaller, step by step, and not larger.
func TestAStateThatIsTooLargeCanShrink(t *testing.T) {
	first := stateWith("a")
	for i := range 10 {
		if _, err := first.AddRule(heavy(fmt.Sprint("r", i)), t0); err != nil {
			t.Fatal(err)
		}
	}
	k, err := New(Config{Engine: &fakeEngine{}, Policy: DefaultPolicy()}, first)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Change(context.Background(), Request{}, func(s *State) error { return s.RemoveRule(Address{Name: "r0"}) }); err != nil {
		t.Errorf("less: %v", err)
	}
	_, err = k.Change(context.Background(), Request{}, func(s *State) error {
		s.SetProfiles(map[string]Profile{"small": {}})
		return nil
	})
	if code, field := refusal(err); code != Invalid || field != "rules" {
		t.Errorf("more: %v", err)
	}
}

// What takes most of a state is named in the refusal.
func TestTheLargestPartIsNamed(t *testing.T) {
	s := stateWith("a")
	for _, step := range []struct {
		field  string
		change func() error
	}{
		{"proxies", func() error { return nil }},
		{"profiles", func() error {
			s.SetProfiles(parse[map[string]Profile](t, fmt.Sprintf(`{"x":{"body":%q}}`, strings.Repeat("x", 5000))))
			return nil
		}},
		{"rules", func() error { return s.SetRules([]faults.Rule{heavy("r")}, "", Hold{}, t0) }},
		{"timed.rules.back_to", func() error { return s.SetRules(nil, "", ttlHold(faults.Duration(time.Hour), t0), t0) }},
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		if got := s.largest(); got != step.field {
			t.Errorf("got %s, want %s", got, step.field)
		}
	}
}

// A rule costs its memory once for every proxy that it acts on; so does a mode's.
func TestRulesInForceAreBounded(t *testing.T) {
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprint("p", i)
	}
	rules := func(n int) string { return "[" + strings.Repeat(`{"abort":503},`, n-1) + `{"abort":503}]` }
	set := func(document string) error {
		s := stateWith(names...)
		if err := s.Apply(parse[Document](t, document), t0); err != nil {
			return err
		}
		return s.Validate()
	}
	for _, test := range []struct{ document, field string }{
		{`{"rules":` + rules(1000) + `}`, ""},
		{`{"rules":` + rules(1001) + `}`, "rules"},
		{`{"rules":` + rules(1001) + `,"ttl":"1h"}`, "rules"},
		{`{"profiles":{"x":{"rules":` + rules(1001) + `}}}`, ""},
		{`{"profiles":{"x":{"rules":` + rules(1000) + `}},"mode":"x"}`, ""},
		{`{"profiles":{"x":{"rules":` + rules(1001) + `}},"mode":"x"}`, "profiles"},
		{`{"profiles":{"x":{"rules":` + rules(1001) + `}},"modes":{"p7":"x"}}`, ""},
		{`{"profiles":{"x":{"rules":` + rules(1001) + `}},"modes":{"` + strings.Join(names, `":"x","`) + `":"x"}}`, "profiles"},
		{`{"profiles":{"x":{"rules":` + rules(600) + `}},"mode":"x","rules":` + rules(401) + `}`, "rules"},
	} {
		if _, field := refusal(set(test.document)); field != test.field {
			t.Errorf("%.60s… (%d bytes): refused for %q, want %q", test.document, len(test.document), field, test.field)
		}
	}
	if _, err := tryParse[Document](`{"profiles":{"x":{"rules":` + rules(MaxRules+1) + `}}}`); err == nil || !strings.Contains(err.Error(), "profiles.x.rules: at most 10000") {
		t.Errorf("a profile of too many rules: %v", err)
	}
}
