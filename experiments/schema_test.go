package experiments

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/faults"
)

// shape is what the tests look at in a part of the schema.
type shape struct {
	Ref        string           `json:"$ref"`
	Properties map[string]any   `json:"properties"`
	Additional any              `json:"additionalProperties"`
	Required   []string         `json:"required"`
	AnyOf      []shape          `json:"anyOf"`
	Defs       map[string]shape `json:"$defs"`
}

// The schema has exactly the fields that are read: no more, no fewer.
func TestTheSchemaHasTheFieldsThatAreRead(t *testing.T) {
	root := readSchema(t)
	read := map[string]any{
		"": Experiment{}, "load": Load{}, "request": Request{}, "steady_state": SteadyState{}, "check": Check{}, "process": Process{},
		"prometheus": Prometheus{}, "fault": Fault{}, "mode": Mode{}, "toxic": Toxic{}, "toxic_settings": ToxicSettings{},
		"docker": Docker{}, "pause": Pause{}, "parallel": Parallel{}, "call": Call{}, "command": Command{},
		"expectation": Expectation{}, "bounded_retries": BoundedRetries{}, "timeout": Timeout{}, "breaker": Breaker{}, "hits": Hits{},
		"search": Search{}, "recovery": Recovery{}, "safety": Safety{}, "report": Report{},
	}
	for name, value := range read {
		part := root.Defs[name]
		if name == "" {
			part = root
		}
		if diff := cmp.Diff(fields(reflect.TypeOf(value)), properties(part)); diff != "" {
			t.Errorf("%q: %s", name, diff)
		}
	}
	if diff := cmp.Diff(fields(reflect.TypeFor[toleranceObject]()), properties(root.Defs["tolerance"].AnyOf[1])); diff != "" {
		t.Errorf("tolerance: %s", diff)
	}
	for name, part := range root.Defs {
		if part.Properties != nil && read[name] == nil && name != "rule" {
			t.Errorf("%q is in the schema, and nothing that is read", name)
		}
	}
}

func TestTheSchemaKnowsRules(t *testing.T) {
	want := append(fields(reflect.TypeFor[faults.Rule]()), "status")
	for _, k := range faults.Kinds() {
		want = append(want, k.Name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, properties(readSchema(t).Defs["rule"])); diff != "" {
		t.Error(diff)
	}
}

func TestTheSchemaKnowsEveryAction(t *testing.T) {
	root := readSchema(t)
	for _, part := range root.Defs["step"].AnyOf {
		required := root.Defs[strings.TrimPrefix(part.Ref, "#/$defs/")].Required
		if len(required) == 0 || action(required[0]) == nil {
			t.Errorf("%s is no action", part.Ref)
		}
	}
	if got, want := len(root.Defs["step"].AnyOf), len(strings.Split(strings.Replace(actionKeys, " or", ",", 1), ", ")); got != want {
		t.Errorf("%d actions, want %d", got, want)
	}
}

func readSchema(t *testing.T) shape {
	t.Helper()
	var root shape
	if err := json.Unmarshal([]byte(Schema()), &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// fields are the members that a struct is read from, sorted.
func fields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, fields(f.Type)...)
		case name != "-" && f.IsExported():
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// properties are those that a part of the schema allows, sorted; it must allow no others.
func properties(part shape) []string {
	if part.Additional != false {
		return []string{"additionalProperties"}
	}
	var names []string
	for name := range part.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
