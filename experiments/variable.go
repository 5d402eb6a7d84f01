package experiments

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// runID is the variable that every run sets.
const runID = "run.id"

// Variable is an entry of the configuration: a value that stands in the file, or one of the environment.
type Variable struct {
	Value   *document.Node // that stands for ${name}: a string, a number or a boolean
	Key     string         // the environment's variable; "" = the value stands in the file
	literal *document.Node // as it was written
}

// MarshalJSON writes the variable as it was written.
func (v *Variable) MarshalJSON() ([]byte, error) { return json.Marshal(v.literal) }

// DecodeDocument reads a literal or {type: env, key: K, default: V}.
func (v *Variable) DecodeDocument(n *document.Node) error {
	v.literal = n
	if n.Kind != document.Object {
		v.Value = n
		return checkScalar(n)
	}
	var from struct {
		Type    string         `json:"type"`
		Key     string         `json:"key"`
		Default *document.Node `json:"default"`
	}
	if err := document.Decode(n, &from); err != nil {
		return err
	}
	switch {
	case from.Type != "env":
		return document.Errorf("type", "want env, the one type there is, got %q", from.Type)
	case from.Key == "":
		return document.Errorf("key", "missing: want the name of an environment variable")
	}
	v.Key, v.Value = from.Key, from.Default
	if v.Value == nil {
		return nil
	}
	return document.At(checkScalar(v.Value), "default")
}

// checkScalar refuses what cannot stand inside a string.
func checkScalar(n *document.Node) error {
	switch n.Kind {
	case document.String, document.Number, document.Bool:
		return nil
	}
	return document.Errorf("", "want a string, a number or a boolean, got %s", n.Kind)
}

// variables are the values that ${name} stands for, by name.
type variables map[string]*document.Node

// readVariables reads the configuration and asks the environment. One of which something is wrong has no value (nil).
func readVariables(configuration *document.Node, run Run) (variables, error) {
	var read map[string]*Variable
	wrong := []error{document.Decode(configuration, &read)}
	values := variables{runID: {Kind: document.String, Text: run.ID}}
	for _, name := range slices.Sorted(maps.Keys(read)) {
		switch v := read[name]; {
		case name == runID:
			wrong = append(wrong, document.Errorf("", "%s is the run's own", runID))
		case !isName(name):
			wrong = append(wrong, document.Errorf(name, "a name has letters, digits, _, - and dots, and begins with a letter"))
		case v == nil && configuration.Get(name).Kind == document.Null:
			wrong = append(wrong, document.Errorf(name, "must not be null"))
			values[name] = nil
		case v == nil:
			values[name] = nil // refused as it was read
		default:
			value, err := v.resolve(run.Getenv)
			wrong, values[name] = append(wrong, document.At(err, name)), value
		}
	}
	return values, document.Join(wrong...)
}

// resolve gives the variable's value. The environment's is a string, unless the default is a number or a boolean and it
// reads as one.
func (v *Variable) resolve(getenv func(string) string) (*document.Node, error) {
	if v.Key == "" {
		return v.Value, nil
	}
	text := getenv(v.Key)
	switch {
	case text == "" && v.Value == nil:
		return nil, document.Errorf("", "the environment variable %s is not set, and there is no default", v.Key)
	case text == "":
		return v.Value, nil
	}
	if v.Value != nil && v.Value.Kind != document.String {
		read, err := document.ParseJSON([]byte(text))
		if err != nil || read.Kind != v.Value.Kind {
			return nil, document.Errorf("", "the environment variable %s is no %s, as its default is", v.Key, strings.TrimPrefix(v.Value.Kind.String(), "a "))
		}
		return read, nil
	}
	return &document.Node{Kind: document.String, Text: text}, nil
}

// isName says that a text can be a variable's name.
func isName(name string) bool {
	letter := func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' }
	odd := func(r rune) bool { return !letter(r) && !('0' <= r && r <= '9') && r != '.' && r != '-' }
	return name != "" && letter(rune(name[0])) && strings.IndexFunc(name, odd) < 0
}

// fillMembers copies the file's tree with its variables filled in everywhere but in the configuration itself. A string of which
// something is wrong stays as it is.
func (v variables) fillMembers(root *document.Node) (*document.Node, error) {
	filled := *root
	filled.Members = slices.Clone(root.Members)
	var wrong []error
	for i, m := range filled.Members {
		if m.Name != "configuration" {
			value, err := v.fill(m.Value)
			filled.Members[i].Value, wrong = value, append(wrong, document.At(err, m.Name))
		}
	}
	return &filled, document.Join(wrong...)
}

// fill copies a tree with ${name} replaced in its strings. A string that is nothing but one ${name} takes the kind of the
// value, too; $${ is a ${ that stays.
func (v variables) fill(n *document.Node) (*document.Node, error) {
	filled := *n
	var wrong []error
	switch n.Kind {
	case document.String:
		return v.fillString(n)
	case document.List:
		filled.Items = slices.Clone(n.Items)
		for i, item := range n.Items {
			value, err := v.fill(item)
			filled.Items[i], wrong = value, append(wrong, document.At(err, index(i)))
		}
	case document.Object:
		filled.Members = slices.Clone(n.Members)
		for i, m := range n.Members {
			value, err := v.fill(m.Value)
			filled.Members[i].Value, wrong = value, append(wrong, document.At(err, m.Name))
		}
	}
	return &filled, document.Join(wrong...)
}

func (v variables) fillString(n *document.Node) (*document.Node, error) {
	filled := *n
	var text strings.Builder
	for rest := n.Text; ; {
		before, after, found := strings.Cut(rest, "${")
		text.WriteString(before)
		if !found {
			filled.Text = text.String()
			return &filled, nil
		}
		if strings.HasSuffix(before, "$") {
			text.WriteString("{")
			rest = after
			continue
		}
		name, behind, closed := strings.Cut(after, "}")
		if !closed {
			return n, document.Errorf("", "a ${ without its }: write $${ for a ${ that stays")
		}
		value, err := v.value(name)
		if err != nil {
			return n, err
		}
		if n.Text == "${"+name+"}" {
			filled.Kind, filled.Text, filled.Bool = value.Kind, value.Text, value.Bool
			return &filled, nil
		}
		text.WriteString(plain(value))
		rest = behind
	}
}

// unknownValue is the reason of what is wrong only because a variable is, which is told where that stands.
const unknownValue = ""

func (v variables) value(name string) (*document.Node, error) {
	if value, known := v[name]; known && value == nil {
		return nil, document.Errorf("", unknownValue)
	} else if known {
		return value, nil
	}
	names := slices.Sorted(maps.Keys(v))
	refusal := document.Errorf("", "${%s} is not in the configuration, which has %s", name, strings.Join(names, ", "))
	refusal.DidYouMean = document.Nearest(name, names)
	return nil, refusal
}

// plain is a value as it stands inside a string.
func plain(n *document.Node) string {
	if n.Kind == document.Bool {
		if n.Bool {
			return "true"
		}
		return "false"
	}
	return n.Text
}
