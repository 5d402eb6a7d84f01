package document_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/internal/document"
)

func TestErrorText(t *testing.T) {
	for want, err := range map[string]*document.Error{
		"must not be null":      {Reason: "must not be null", Line: 3, Column: 4},
		"percent: want 0 to 10": document.Errorf("percent", "want %d to %d", 0, 10),
		"rules[1].attributes.latancy: unknown field, did you mean latency?": {
			Field: "rules[1].attributes.latancy", Reason: "unknown field", DidYouMean: "latency",
		},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestErrorJSON(t *testing.T) {
	for want, err := range map[string]*document.Error{
		`{"field":"","reason":"empty"}`: {Reason: "empty"},
		`{"field":"modee","reason":"unknown field","did_you_mean":"mode","line":2,"column":7}`: {
			Field: "modee", Reason: "unknown field", DidYouMean: "mode", Line: 2, Column: 7,
		},
	} {
		got, marshalErr := json.Marshal(err)
		if marshalErr != nil {
			t.Fatal(marshalErr)
		}
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAtJoinsPaths(t *testing.T) {
	long := strings.Repeat("é", 40)
	for _, test := range []struct {
		elements []string // innermost first
		want     string
	}{
		{[]string{"b", "a"}, "a.b"},
		{[]string{"b", "[3]", "a"}, "a[3].b"},
		{[]string{"[0]", "[1]"}, "[1][0]"},
		{[]string{"x.y", "a"}, `a["x.y"]`},
		{[]string{"b", "x y"}, `["x y"].b`},
		{[]string{"[x]", "a"}, `a["[x]"]`},
		{[]string{"[]"}, `["[]"]`},
		{[]string{"", "a"}, `a[""]`},
		{[]string{"\"\n\xff", "a"}, `a["\"\n\xff"]`},
		{[]string{"max_active", "slow-stock", "größe"}, "größe.slow-stock.max_active"},
		{[]string{long}, `["` + strings.Repeat("é", 32) + `…"]`},
	} {
		var err error = document.Errorf("", "bad")
		for _, element := range test.elements {
			err = document.At(err, element)
		}
		if got := err.(*document.Error).Field; got != test.want {
			t.Errorf("%q: got %s, want %s", test.elements, got, test.want)
		}
	}
}

func TestAtLeavesTheErrorItWasGivenAlone(t *testing.T) {
	shared := document.Errorf("b", "bad")
	got := document.At(shared, "a")
	if diff := cmp.Diff(document.Errorf("b", "bad"), shared); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(error(document.Errorf("a.b", "bad")), got); diff != "" {
		t.Error(diff)
	}
}

func TestAtAndLocateTakeAnyError(t *testing.T) {
	if err := document.At(nil, "a"); err != nil {
		t.Errorf("At(nil): %v", err)
	}
	n := parse(t, " {}")
	if err := document.Locate(n, nil); err != nil {
		t.Errorf("Locate(nil): %v", err)
	}
	if diff := cmp.Diff(error(document.Errorf("a", "boom")), document.At(errors.New("boom"), "a")); diff != "" {
		t.Error(diff)
	}
	// What wraps an Error says something, too: nothing of it is lost.
	wrapped := fmt.Errorf("profile x: %w", document.Errorf("b", "bad"))
	want := &document.Error{Field: "a", Reason: "profile x: b: bad", Line: 1, Column: 2}
	if diff := cmp.Diff(error(want), document.At(document.Locate(n, wrapped), "a")); diff != "" {
		t.Error(diff)
	}
}

func TestLocate(t *testing.T) {
	n := parse(t, "{\n\"rules\": [\n{\"a\": 1},\n{\"match\": {\"x.y\":\n 2}}]}")
	for field, want := range map[string][2]int{
		"":                             {1, 1},
		"rules":                        {2, 10},
		"rules[0].a":                   {3, 7},
		`rules[1].match["x.y"]`:        {5, 2},
		`rules[1].match["x.y"].prefix`: {5, 2},
		"rules[1].attributes.latency":  {4, 1},
		"rules[7].a":                   {2, 10},
		"rules.a":                      {2, 10},
		"match[0]":                     {1, 1},
		"rules[":                       {2, 10},
		`rules["`:                      {2, 10},
		"[0]":                          {1, 1},
		"[99999999999999999999]":       {1, 1},
	} {
		err := document.Locate(n, document.Errorf(field, "bad")).(*document.Error)
		if got := [2]int{err.Line, err.Column}; got != want || err.Field != field {
			t.Errorf("%s: got %s at %v, want %v", field, err.Field, got, want)
		}
	}
	placed := &document.Error{Field: "rules", Line: 9, Column: 9}
	if diff := cmp.Diff(error(placed), document.Locate(n, placed)); diff != "" {
		t.Errorf("a place that is known became another one: %s", diff)
	}
	if diff := cmp.Diff(error(document.Errorf("a", "bad")), document.Locate(nil, document.Errorf("a", "bad"))); diff != "" {
		t.Error(diff)
	}
}

// All that is wrong with a document is told at once, each with its path and place, and in a file in the order of the places.
func TestAllMistakesAreTold(t *testing.T) {
	n := parse(t, `{"rules": [{"percent": "x", "kin": 1}, {"kind": 2}], "modes": {"a": 3, "b": "good"}, "mod": 4, "list": [5]}`)
	var out struct {
		Rules []struct {
			Kind    string `json:"kind"`
			Percent int    `json:"percent"`
		} `json:"rules"`
		Modes map[string]string `json:"modes"`
		List  []string          `json:"list"`
	}
	err := document.InFile("f", document.Locate(n, document.Join(document.Decode(n, &out), document.Errorf("list", "other"))))
	const all = `f:1:24: rules[0].percent: want a number, got a string
f:1:29: rules[0].kin: unknown field, did you mean kind?
f:1:49: rules[1].kind: want a string, got a number
f:1:69: modes.a: want a string, got a number
f:1:86: mod: unknown field: want one of rules, modes, list
f:1:104: list: other
f:1:105: list[0]: want a string, got a number`
	if diff := cmp.Diff(all, err.Error()); diff != "" {
		t.Error(diff)
	}
	if out.Modes["b"] != "good" || len(out.Rules) != 2 {
		t.Errorf("what does fit is not there: %+v", out)
	}
	var first *document.Error
	if !errors.As(err, &first) || first.Line != 1 {
		t.Errorf("%+v", first)
	}
	if document.Join(nil, nil) != nil || document.Each(nil, nil) != nil || document.All(nil) != nil {
		t.Error("nothing is an error")
	}
}

// A document of nothing but mistakes costs no more than a bounded number of them.
func TestMistakesAreBounded(t *testing.T) {
	n := parse(t, "["+strings.Repeat(`{"x":1},`, 50_000)+"{}]")
	var out []struct{ A [100]int }
	err := document.Decode(n, &out)
	if got := len(document.All(err)); got != 100 || len(out) > 100 {
		t.Errorf("%d mistakes, and %d items, want 100", got, len(out))
	}
}

func TestNearest(t *testing.T) {
	known := []string{"latency", "mode", "modes", "rules", "kind", "ttl", "key", "max_active", "upstream", "by"}
	for name, want := range map[string]string{
		"latancy":                   "latency",
		"latnecy":                   "latency",
		"ltaency":                   "latency",
		"lat3nci":                   "latency",
		"lat":                       "",
		"mod":                       "mode",
		"moeds":                     "modes",
		"mods":                      "mode", // as near to modes: the first counts
		"Mode":                      "mode",
		"RULES":                     "rules",
		"kidn":                      "kind",
		"mind":                      "kind",
		"ttk":                       "ttl",
		"txx":                       "",
		"keyed":                     "",
		"maxActive":                 "max_active",
		"up_stream":                 "upstream",
		"by":                        "by",
		"bx":                        "",
		"":                          "",
		strings.Repeat("x", 1<<20):  "",
		"completely something else": "",
	} {
		if got := document.Nearest(name, known); got != want {
			t.Errorf("%.40s: got %q, want %q", name, got, want)
		}
	}
}
