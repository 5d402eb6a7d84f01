package admin_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// unnamed is the name of examples that have none.
const unnamed = "default"

func TestOpenAPIHasTheRoutesAndNothingElse(t *testing.T) {
	l := newLab(t)
	doc := readOpenAPI(t, l)
	var routes []string
	for _, route := range l.Routes() {
		routes = append(routes, route.Method+" "+route.Path)
	}
	slices.Sort(routes)
	if diff := cmp.Diff(routes, doc.operations()); diff != "" {
		t.Errorf("the routes, and what is described:\n%s", diff)
	}
	for _, name := range doc.operations() {
		method, path, _ := strings.Cut(name, " ")
		op := doc.operation(t, path, strings.ToLower(method))
		public := path == "/healthz" || path == "/readyz" || path == "/" || path == "/ui/{file}"
		if (op.Security != nil) != public || op.Summary == "" {
			t.Errorf("%s: summary %q, security %v", name, op.Summary, op.Security)
		}
		if _, there := op.Responses["default"]; !there {
			t.Errorf("%s does not say how it refuses", name)
		}
	}
}

// describedLab is a lab as the examples know it.
func describedLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, func(s *admin.Server) { s.Connections = &oneConnection{id: 7, proxy: "flaky"} })
	l.must(t, "PUT", "/admin/faults/rules/slow", slow)
	l.must(t, "PUT", "/admin/faults/rules/held", `{"abort":503,"lease":{"id":"run-42","for":"1h"}}`)
	config := faults.Config{Seed: l.controller.State().Seed}
	for _, r := range l.controller.State().Rules {
		config.Entries = append(config.Entries, faults.Entry{Rule: r.Rule})
	}
	set, err := faults.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	view := faults.View{Proxy: "flaky", Method: "GET", Path: "/", Now: time.Now()}
	var plan faults.Plan
	plan.Begin(set, &view)
	for action, _ := plan.Next(&view); action != nil; action, _ = plan.Next(&view) {
	}
	l.Recent.Add(&proxy.Exchange{
		ID: 7, Proxy: "flaky", Client: "127.0.0.1", Method: "GET", Host: "localhost:6055", Path: "/", RequestID: "6W4QXA3KJ7",
		Status: 503, ResponseBytes: 33, Duration: 301_500 * time.Microsecond, Outcome: proxy.Injected, Delayed: true, Faulted: true, Faults: plan.Record(),
	})
	return l
}

// Every example is sent, and answered as it says.
func TestOpenAPIExamples(t *testing.T) {
	doc := readOpenAPI(t, newLab(t))
	for _, name := range doc.operations() {
		method, path, _ := strings.Cut(name, " ")
		op := doc.operation(t, path, strings.ToLower(method))
		answered := map[string]bool{}
		for status, r := range op.Responses {
			for _, example := range exampleNames(status, r) {
				t.Run(fmt.Sprint(name, " ", status, " ", example), func(t *testing.T) { doc.tryExample(t, method, path, op, status, example) })
				answered[example] = true
			}
		}
		for example := range op.bodies() {
			if !answered[example] {
				t.Errorf("%s: nothing says how the example %q is answered", name, example)
			}
		}
	}
}

// exampleNames lists the examples of an answer. A good one without any must be tried all the same.
func exampleNames(status string, r response) []string {
	var names []string
	for _, content := range r.Content {
		names = slices.AppendSeq(names, maps.Keys(content.named()))
	}
	if len(names) == 0 && strings.HasPrefix(status, "2") {
		return []string{unnamed}
	}
	return names
}

// bodies gives the examples of an operation's request.
func (op operation) bodies() map[string]any {
	if op.RequestBody == nil {
		return nil
	}
	return op.RequestBody.Content["application/json"].named()
}

// tryExample sends the request of an example, and holds the answer against it.
func (doc openAPI) tryExample(t *testing.T, method, path string, op operation, status, name string) {
	path, fields := doc.address(t, path, op, name)
	body := ""
	value, there := op.bodies()[name]
	if !there && op.RequestBody != nil && op.RequestBody.Required {
		if value, there = op.bodies()[unnamed]; !there {
			t.Fatalf("no request is named %q", name)
		}
	}
	if there {
		doc.valid(t, "the request", op.RequestBody.Content["application/json"].Schema, value, false)
		body = asJSON(t, value)
	}
	l := describedLab(t)
	if isToxiproxys(path) {
		l.must(t, "POST", "/proxies", `{"name":"redis","listen":"127.0.0.1:26379","upstream":"redis:6379","enabled":false}`)
		l.must(t, "POST", "/proxies/redis/toxics", `{"type":"latency","name":"slow","attributes":{"latency":1000}}`)
	}
	got := l.do(t, method, path, body, fields...)
	if fmt.Sprint(got.status) != status {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	described := op.Responses[status]
	for _, field := range []string{"ETag", "Location"} {
		if _, said := described.Headers[field]; said != (got.header.Get(field) != "") {
			t.Errorf("%s: described %v, got %q", field, said, got.header.Get(field))
		}
	}
	content, there := described.Content[got.header.Get("Content-Type")]
	if there != (got.body != "") {
		t.Fatalf("answered with a Content-Type of %q", got.header.Get("Content-Type"))
	}
	want, there := content.named()[name]
	if !there {
		return
	}
	var answered any
	if err := json.Unmarshal([]byte(got.body), &answered); err != nil {
		t.Fatal(err)
	}
	doc.valid(t, "the example", content.Schema, want, true)
	doc.valid(t, "the answer", content.Schema, answered, true)
	if diff := cmp.Diff(want, answered, cmp.FilterPath(volatile, cmp.Ignore())); diff != "" {
		t.Errorf("the example (-) and the answer (+):\n%s", diff)
	}
}

// address fills in the parameters of an example.
func (doc openAPI) address(t *testing.T, path string, op operation, name string) (filled string, fields []string) {
	t.Helper()
	query := url.Values{}
	for _, p := range op.Parameters {
		value, there := p.named()[name]
		switch {
		case !there && p.Required:
			value = p.named()[unnamed]
		case !there:
			continue
		}
		doc.valid(t, "the parameter "+p.Name, p.Schema, value, false)
		switch p.In {
		case "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(fmt.Sprint(value)))
		case "query":
			query.Set(p.Name, fmt.Sprint(value))
		case "header":
			fields = append(fields, p.Name+": "+fmt.Sprint(value))
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path, fields
}

// volatile reports whether a member is another at each time.
func volatile(path cmp.Path) bool {
	member, ok := path.Last().(cmp.MapIndex)
	if !ok || member.Key().Kind().String() != "string" {
		return false
	}
	return slices.Contains([]string{"at", "by", "bound", "expires_in", "url"}, member.Key().String())
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each kind of fault that can be asked for is described, with its short form.
func TestOpenAPIKnowsTheKinds(t *testing.T) {
	rule := readOpenAPI(t, newLab(t)).Components.Schemas["Rule"].(map[string]any)["properties"].(map[string]any)
	described := rule["kind"].(map[string]any)["enum"].([]any)
	for _, kind := range faults.Kinds() {
		_, short := rule[kind.Name]
		if listed := slices.Contains(described, any(kind.Name)); listed != kind.Available() || short != listed {
			t.Errorf("%s: available %v, listed %v, short form %v", kind.Name, kind.Available(), listed, short)
		}
	}
}

func TestOpenAPIWithoutALab(t *testing.T) {
	got := ask(t, &admin.Server{})("HEAD", "/admin/openapi.yaml", "")
	check(t, got, want{http.StatusOK, nil, []string{"Content-Type: application/yaml"}})
}
