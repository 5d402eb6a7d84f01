package document_test

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"testing"
	"unicode/utf8"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/squall-proxy/squall/internal/document"
)

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e+3,true,null,"\ud83d\ude00\n"],"b":{}}`, `[]`, ` "x" `, `0`, `{"a":1,"a":2}`, `"\ud800"`, "\"\xff\"",
		`[[[[[[[[1]]]]]]]]`, `{"a":`, `1e999999999`, `nul`, `-`, `{"x.y":{"":[{}]}}`,
	} {
		f.Add([]byte(seed))
	}
	surrogate := regexp.MustCompile(`(?i)\\ud[89a-f]`)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := document.ParseJSON(data)
		if err != nil {
			e, ok := err.(*document.Error)
			if !ok || e.Line < 1 || e.Column < 1 || e.Reason == "" || !utf8.ValidString(e.Error()) {
				t.Errorf("a poor error: %#v", err)
			}
			if json.Valid(data) && utf8.Valid(data) && !surrogate.Match(data) && isStrict(data) {
				t.Errorf("refused what encoding/json takes: %v", err)
			}
			return
		}
		if !json.Valid(data) || !utf8.Valid(data) || !isStrict(data) {
			t.Fatal("accepted what must be refused")
		}
		back, err := n.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		want := untyped(t, data)
		if got := untyped(t, back); !reflect.DeepEqual(got, want) {
			t.Errorf("the round trip gave %#v, want %#v", got, want)
		}
		var decoded any
		if err := document.Decode(n, &decoded); err != nil || !reflect.DeepEqual(decoded, want) {
			t.Errorf("decoded %#v (%v), want %#v", decoded, err, want)
		}
	})
}

func FuzzMerge(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"a":{"b":1,"c":[1]}}`, `{"a":{"b":null,"d":{"e":null}}}`},
		{`[1]`, `{"a":null}`},
		{`{}`, `[1,null]`},
		{`{"a":null}`, `{"a":{"b":null}}`},
		{`1`, `null`},
		{`{"a":"b"}`, `"c"`},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, target, patch []byte) {
		targetNode, err := document.ParseJSON(target)
		if err != nil {
			return
		}
		patchNode, err := document.ParseJSON(patch)
		if err != nil || hasNullMember(patchNode, false) {
			return
		}
		got, err := document.Merge(targetNode, patchNode).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		peer, err := jsonpatch.MergePatch(target, patch)
		if err != nil {
			return
		}
		if want := untyped(t, peer); !reflect.DeepEqual(untyped(t, got), want) {
			t.Errorf("got %s, want %s", got, peer)
		}
	})
}

// hasNullMember says whether an object inside a list has a member null. json-patch drops that member, although RFC 7396
// has a list replace what was there as it stands (appendix A.1; TestMerge holds it).
func hasNullMember(n *document.Node, inList bool) bool {
	for _, m := range n.Members {
		if inList && m.Value.Kind == document.Null || hasNullMember(m.Value, inList) {
			return true
		}
	}
	for _, item := range n.Items {
		if hasNullMember(item, true) {
			return true
		}
	}
	return false
}

func untyped(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

// isStrict says, by encoding/json's tokens, that valid JSON has no name twice and is at most 64 levels deep.
func isStrict(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	type level struct {
		names  map[string]bool // nil in a list
		inName bool
	}
	var open []*level
	for {
		token, err := d.Token()
		if err != nil {
			return err == io.EOF
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if len(open) > 0 && open[len(open)-1].names != nil {
			top := open[len(open)-1]
			top.inName = !top.inName
			if name, ok := token.(string); ok && top.inName {
				if top.names[name] {
					return false
				}
				top.names[name] = true
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &level{})
		}
		if len(open) > document.MaxDepth {
			return false
		}
	}
}
