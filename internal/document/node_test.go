package document_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/squall-proxy/squall/internal/document"
)

func itoa(i int) string { return strconv.Itoa(i) }

// parse is the tree of a text that must be sound.
func parse(t *testing.T, text string) *document.Node {
	t.Helper()
	n, err := document.ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

// write is the compact JSON of n.
func write(t *testing.T, n *document.Node) string {
	t.Helper()
	b, err := n.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMarshalJSONKeepsOrderAndSpelling(t *testing.T) {
	n := parse(t, ` { "z" : [ 1.50, 1e999999999, -0 ], "a\u0000\"" : "<é\u2028>", "n" : null, "b": [true,false,{},[]] } `)
	const want = `{"z":[1.50,1e999999999,-0],"a\u0000\"":"<é\u2028>","n":null,"b":[true,false,{},[]]}`
	if got := write(t, n); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	embedded, err := json.Marshal(map[string]any{"body": n.Get("z"), "none": (*document.Node)(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(embedded), `{"body":[1.50,1e999999999,-0],"none":null}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMarshalJSONWritesNoBrokenNumber(t *testing.T) {
	for _, text := range []string{"", "0x10", "1_000", ".inf", "NaN", "+1", "01", "1.", "1 "} {
		n := &document.Node{Kind: document.List, Items: []*document.Node{{Kind: document.Number, Text: text}}}
		if b, err := n.MarshalJSON(); err == nil {
			t.Errorf("%q was written: %s", text, b)
		}
		n = &document.Node{Kind: document.Object, Members: []document.Member{{Name: "a", Value: n}}}
		var raw json.RawMessage
		if err := document.Decode(n, &raw); err == nil {
			t.Errorf("%q was decoded: %s", text, raw)
		}
	}
}

func TestGet(t *testing.T) {
	n := parse(t, `{"a": {"b": 1}, "c": [2]}`)
	if got := n.Get("a").Get("b"); got == nil || got.Text != "1" {
		t.Errorf("a.b: got %+v", got)
	}
	for name, got := range map[string]*document.Node{
		"absent": n.Get("x"), "of a list": n.Get("c").Get("b"), "of nothing": n.Get("x").Get("b"), "case": n.Get("A"),
	} {
		if got != nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestKindNames(t *testing.T) {
	for kind, want := range map[document.Kind]string{
		document.Null: "null", document.Bool: "a boolean", document.Number: "a number", document.String: "a string",
		document.List: "a list", document.Object: "an object", document.Kind(9): "Kind(9)",
	} {
		if got := kind.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
