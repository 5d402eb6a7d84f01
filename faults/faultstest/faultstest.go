// Package faultstest is the suite that every kind of fault passes. Whoever adds a kind describes it in a [Case]; the
// suite then holds it to what users are promised of all kinds: see the tests that [Test] runs.
package faultstest

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Case describes a kind to the suite.
type Case struct {
	Kind  string
	Short string // a rule of the kind in the short form, without a name
	Long  string // the same rule as answers give it: whole, compact JSON

	// Phases gives attributes for each phase that the kind acts in. They must ask for something: an action.
	Phases map[faults.Phase]string
	// Toxic gives attributes of a kind that has no phases, because it acts on a stream.
	Toxic string
	// Accepted are attributes at their bounds, for the default phase.
	Accepted []string
	// Refused are attributes out of bounds: at least one for each attribute that is not Free.
	Refused []Refusal
	// Free names the attributes that may have any value.
	Free []string
}

// Refusal is a kind's attributes that are refused.
type Refusal struct {
	Attributes string
	Phase      faults.Phase // "" = the kind's default
	Field      string       // that is named, relative to the attributes; "" = these as a whole
}

// Test runs the suite.
func Test(t *testing.T, c Case) {
	kind := find(t, c.Kind)
	if !kind.Available() {
		t.Fatalf("%s is not available", c.Kind)
	}
	t.Run("short and long form", c.testForms)
	t.Run("bounds", c.testBounds)
	t.Run("every attribute has a bound", func(t *testing.T) { c.testCovered(t, kind) })
	t.Run("phases", func(t *testing.T) { c.testPhases(t, kind) })
	if c.Toxic != "" {
		rule := mustDecode(t, longForm(c.Kind, "", c.Toxic))
		t.Run("shapes a stream", func(t *testing.T) { testToxic(t, rule) })
	}
	for phase := range c.Phases {
		rule := c.rule(t, phase)
		t.Run("decides "+string(phase), func(t *testing.T) { testDecisions(t, rule) })
	}
}

// TestUnavailable holds a kind that is known by name only to its promise: a refusal that says so.
func TestUnavailable(t *testing.T, name string) {
	if find(t, name).Available() {
		t.Fatalf("%s is available", name)
	}
	for _, c := range []struct{ rule, field string }{
		{`{"kind":"` + name + `"}`, "kind"},
		{`{"` + name + `":{}}`, name},
		{`{"` + name + `":"1s"}`, name},
	} {
		refusal := refused(t, c.rule)
		if refusal.Field != c.field {
			t.Errorf("%s: the refusal is of field %q, want %q", c.rule, refusal.Field, c.field)
		}
		if want := `"` + name + `" is not available in this version`; !strings.HasPrefix(refusal.Reason, want) {
			t.Errorf("%s: refused because %q, want %s…", c.rule, refusal.Reason, want)
		}
	}
}

func find(t *testing.T, name string) faults.Kind {
	t.Helper()
	for _, k := range faults.Kinds() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("no kind is named %q", name)
	return faults.Kind{}
}

// decode reads a rule.
func decode(text string) (faults.Rule, error) {
	var rule faults.Rule
	n, err := document.ParseJSON([]byte(text))
	if err != nil {
		return rule, err
	}
	return rule, document.Decode(n, &rule)
}

func mustDecode(t *testing.T, text string) faults.Rule {
	t.Helper()
	rule, err := decode(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return rule
}

// refused reads a rule that must be refused, at a known place.
func refused(t *testing.T, text string) *document.Error {
	t.Helper()
	_, err := decode(text)
	var refusal *document.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("%s: got error %v, want a refusal", text, err)
	}
	if refusal.Line == 0 {
		t.Errorf("%s: the refusal %q has no place", text, refusal)
	}
	return refusal
}

// rule is the case's rule for a phase.
func (c Case) rule(t *testing.T, phase faults.Phase) faults.Rule {
	t.Helper()
	return mustDecode(t, longForm(c.Kind, phase, c.Phases[phase]))
}

func longForm(kind string, phase faults.Phase, attributes string) string {
	text := `{"name":"it","kind":"` + kind + `","attributes":` + attributes
	if phase != "" {
		text += `,"phase":"` + string(phase) + `"`
	}
	return text + "}"
}

// view is some exchange, with its reply.
func view() *faults.View {
	return &faults.View{
		Proxy: "stock", Method: "GET", Host: "stock:80", Path: "/stock/7", Source: netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		Connection: 1, SNI: "stock.test", Now: time.Unix(1_700_000_000, 0), Status: 200,
		Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, // what a kind may ask for
	}
}

// exchange walks one exchange, and the handshake of its connection, through a set of one rule, and gives what has to be done.
func exchange(set *faults.Set, v *faults.View) ([]faults.Action, faults.Record) {
	var plan faults.Plan
	var actions []faults.Action
	rest := func() {
		for action, _ := plan.Next(v); action != nil; action, _ = plan.Next(v) {
			actions = append(actions, action)
		}
	}
	defer plan.Done()
	plan.BeginHandshake(set, v)
	rest()
	if record := plan.Record(); len(record.Decisions()) > 0 {
		return actions, record
	}
	plan.Begin(set, v)
	rest()
	plan.BeginAfter(v)
	rest()
	return actions, plan.Record()
}
