package admin_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// openAPI is the API's description of itself, as far as the tests read it.
type openAPI struct {
	OpenAPI    string
	Paths      map[string]pathItem
	Components struct {
		Parameters map[string]parameter
		Responses  map[string]response
		Headers    map[string]any
		Schemas    map[string]any
	}
}

// pathItem has operations by their method in lower case, and parameters that all of them share.
type pathItem map[string]json.RawMessage

type operation struct {
	Summary     string
	Security    *[]any
	Parameters  []parameter
	RequestBody *struct {
		Required bool
		Content  map[string]media
	}
	Responses map[string]response
}

type parameter struct {
	Ref      string `json:"$ref"`
	Name, In string
	Required bool
	Schema   any
	examples
}

type response struct {
	Ref     string `json:"$ref"`
	Headers map[string]any
	Content map[string]media
}

type media struct {
	Schema any
	examples
}

// examples are one without a name, or several with names.
type examples struct {
	Example  any
	Examples map[string]struct{ Value any }
}

// named gives the examples by name.
func (e examples) named() map[string]any {
	all := map[string]any{}
	if e.Example != nil {
		all[unnamed] = e.Example
	}
	for name, example := range e.Examples {
		all[name] = example.Value
	}
	return all
}

// readOpenAPI asks a lab for its description.
func readOpenAPI(t *testing.T, l *lab) openAPI {
	t.Helper()
	text, err := yaml.YAMLToJSON([]byte(l.must(t, "GET", "/admin/openapi.yaml", "").body))
	if err != nil {
		t.Fatal(err)
	}
	var doc openAPI
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// operation gives an operation with all references to parameters and responses followed.
func (doc openAPI) operation(t *testing.T, path, method string) operation {
	t.Helper()
	var op operation
	decoder := json.NewDecoder(bytes.NewReader(doc.Paths[path][method]))
	if err := decoder.Decode(&op); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	var shared []parameter
	if text, there := doc.Paths[path]["parameters"]; there {
		if err := json.Unmarshal(text, &shared); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	op.Parameters = slices.Concat(shared, op.Parameters)
	for i, p := range op.Parameters {
		if p.Ref != "" {
			op.Parameters[i] = lookUp(t, doc.Components.Parameters, p.Ref)
		}
	}
	for status, r := range op.Responses {
		if r.Ref != "" {
			op.Responses[status] = lookUp(t, doc.Components.Responses, r.Ref)
		}
	}
	return op
}

// lookUp follows a reference.
func lookUp[V any](t *testing.T, components map[string]V, ref string) V {
	t.Helper()
	value, there := components[ref[strings.LastIndex(ref, "/")+1:]]
	if !there {
		t.Fatalf("%s is not there", ref)
	}
	return value
}

// operations lists what is described as "METHOD path".
func (doc openAPI) operations() []string {
	var list []string
	for path, item := range doc.Paths {
		for method := range item {
			if method != "parameters" {
				list = append(list, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(list)
	return list
}
