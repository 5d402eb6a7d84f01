package document_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/internal/document"
)

func TestMerge(t *testing.T) {
	// The first rows are the examples of RFC 7396, appendix A.
	for _, test := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},

		{`{}`, `{"a":[{"b":null}]}`, `{"a":[{"b":null}]}`},
		{`{"a":1,"b":2,"c":3}`, `{"d":4,"b":5,"a":null}`, `{"b":5,"c":3,"d":4}`},
	} {
		target, patch := parse(t, test.target), parse(t, test.patch)
		if got := write(t, document.Merge(target, patch)); got != test.want {
			t.Errorf("%s + %s: got %s, want %s", test.target, test.patch, got, test.want)
		}
	}
	if got := write(t, document.Merge(nil, parse(t, `{"a":null,"b":{"c":null}}`))); got != `{"b":{}}` {
		t.Errorf("into nothing: got %s", got)
	}
}

func TestMergeKeepsThePlacesOfThePatchAlone(t *testing.T) {
	merged := document.Merge(parse(t, "{\n\"a\":{\"x\":1,\"y\":[2]}}"), parse(t, `{"a":{"x":[3]}}`))
	want := &document.Node{Kind: document.Object, Line: 1, Column: 1, Members: []document.Member{
		{Name: "a", Line: 1, Column: 2, Value: &document.Node{Kind: document.Object, Line: 1, Column: 6, Members: []document.Member{
			{Name: "x", Line: 1, Column: 7, Value: &document.Node{
				Kind: document.List, Line: 1, Column: 11,
				Items: []*document.Node{{Kind: document.Number, Text: "3", Line: 1, Column: 12}},
			}},
			{Name: "y", Value: &document.Node{Kind: document.List, Items: []*document.Node{{Kind: document.Number, Text: "2"}}}},
		}}},
	}}
	if diff := cmp.Diff(want, merged); diff != "" {
		t.Error(diff)
	}
}

func TestMergeSharesNothing(t *testing.T) {
	const old, change = `{"a":{"b":[{"c":1}]},"k":[1]}`, `{"a":{"d":[{"e":2}]},"n":{"f":"g"}}`
	target, patch := parse(t, old), parse(t, change)
	spoil(document.Merge(target, patch))
	if got := write(t, target); got != old {
		t.Errorf("the target became %s", got)
	}
	if got := write(t, patch); got != change {
		t.Errorf("the patch became %s", got)
	}
}

// spoil overwrites every part of a tree.
func spoil(n *document.Node) {
	for i := range n.Members {
		spoil(n.Members[i].Value)
		n.Members[i] = document.Member{Name: "spoilt"}
	}
	for i := range n.Items {
		spoil(n.Items[i])
		n.Items[i] = nil
	}
	*n = document.Node{Kind: document.String, Text: "spoilt"}
}
