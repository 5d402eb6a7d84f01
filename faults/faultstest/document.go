package faultstest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/faults"
)

// testForms: the short form means the long one, and a rule that was written is read as the same rule.
func (c Case) testForms(t *testing.T) {
	short, long := mustDecode(t, c.Short), mustDecode(t, c.Long)
	if !reflect.DeepEqual(short, long) {
		t.Errorf("the short form is read as\n%+v, the long one as\n%+v", short, long)
	}
	written, err := json.Marshal(short)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != c.Long {
		t.Errorf("the short form is written as\n%s, want\n%s", written, c.Long)
	}
}

// testBounds: what is out of bounds is refused by the name of its field, in both forms, and what is just within is not.
func (c Case) testBounds(t *testing.T) {
	for _, attributes := range c.Accepted {
		rule := mustDecode(t, longForm(c.Kind, "", attributes))
		written, err := json.Marshal(rule)
		if err != nil {
			t.Fatal(err)
		}
		if again := mustDecode(t, string(written)); !reflect.DeepEqual(rule, again) {
			t.Errorf("%s is written as %s, which is read as another rule", attributes, written)
		}
	}
	for _, refusal := range slices.Concat(c.Refused, []Refusal{{`{"nonsense":1}`, "", "nonsense"}}) {
		for under, text := range map[string]string{
			"attributes": longForm(c.Kind, refusal.Phase, refusal.Attributes),
			c.Kind:       c.shortForm(refusal.Phase, refusal.Attributes),
		} {
			want := strings.TrimSuffix(under+"."+refusal.Field, ".")
			if got := refused(t, text); got.Field != want {
				t.Errorf("%s: the refusal %q is of field %q, want %q", text, got, got.Field, want)
			}
		}
	}
}

func (c Case) shortForm(phase faults.Phase, attributes string) string {
	text := `{"` + c.Kind + `":` + attributes
	if phase != "" {
		text += `,"phase":"` + string(phase) + `"`
	}
	return text + "}"
}

// testCovered: the case tries the bounds of every attribute.
func (c Case) testCovered(t *testing.T, kind faults.Kind) {
	tried := slices.Clone(c.Free)
	for _, refusal := range c.Refused {
		tried = append(tried, strings.FieldsFunc(refusal.Field+".", func(r rune) bool { return r == '.' || r == '[' })...)
	}
	attributes := reflect.TypeOf(kind.New()).Elem()
	for i := range attributes.NumField() {
		name, _, _ := strings.Cut(attributes.Field(i).Tag.Get("json"), ",")
		if name == "" {
			t.Errorf("the attribute %s has no name in documents", attributes.Field(i).Name)
		} else if !slices.Contains(tried, name) {
			t.Errorf("no bound of attribute %q is tried, and it is not Free", name)
		}
	}
	if kind.Main != "" && !hasAttribute(attributes, kind.Main) {
		t.Errorf("the main attribute %q is none of the kind's", kind.Main)
	}
}

func hasAttribute(attributes reflect.Type, want string) bool {
	for i := range attributes.NumField() {
		if name, _, _ := strings.Cut(attributes.Field(i).Tag.Get("json"), ","); name == want {
			return true
		}
	}
	return false
}

// some attributes that the kind takes.
func (c Case) some(kind faults.Kind) string {
	if phases := kind.Phases(); len(phases) > 0 {
		return c.Phases[phases[0]]
	}
	return c.Toxic
}

// testPhases: the kind acts in the phases that its table row says, and is refused in others.
func (c Case) testPhases(t *testing.T, kind faults.Kind) {
	for _, phase := range []faults.Phase{faults.Before, faults.After, faults.Handshake, "later"} {
		acts := slices.Contains(kind.Phases(), phase)
		if attributes, tried := c.Phases[phase]; tried != acts {
			t.Errorf("phase %s: the kind acts there: %t; the case has attributes %q", phase, acts, attributes)
		}
		if acts {
			continue
		}
		if refusal := refused(t, longForm(c.Kind, phase, c.some(kind))); refusal.Field != "phase" {
			t.Errorf("phase %s: the refusal is of field %q, want phase", phase, refusal.Field)
		}
	}
	if len(kind.Phases()) == 0 {
		if rule := mustDecode(t, longForm(c.Kind, "", c.Toxic)); rule.Phase != "" || rule.Stream != faults.Downstream {
			t.Errorf("by default phase %q, stream %q", rule.Phase, rule.Stream)
		}
		return
	}
	if rule := mustDecode(t, longForm(c.Kind, "", c.Phases[kind.Phases()[0]])); rule.Phase != kind.Phases()[0] {
		t.Errorf("the default phase is %s, want %s", rule.Phase, kind.Phases()[0])
	}
}
