package faults

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/internal/document"
)

func decodeValues(text string) (Values, error) {
	var vs Values
	n, err := document.ParseJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	return vs, document.Decode(n, &vs)
}

func TestValuesInDocuments(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		given, written string
		want           Values
	}{
		{`"GET"`, `"GET"`, Values{{Exact: text("GET")}}},
		{`""`, `""`, Values{{Exact: text("")}}},
		{`["a"]`, `"a"`, Values{{Exact: text("a")}}},
		{`["a","b"]`, `["a","b"]`, Values{{Exact: text("a")}, {Exact: text("b")}}},
		{`{"exact":"a"}`, `"a"`, Values{{Exact: text("a")}}},
		{`{"prefix":"a"}`, `{"prefix":"a"}`, Values{{Prefix: text("a")}}},
		{`{"prefix":""}`, `{"prefix":""}`, Values{{Prefix: text("")}}},
		{`{"suffix":"a"}`, `{"suffix":"a"}`, Values{{Suffix: text("a")}}},
		{`{"regex":"^a+$"}`, `{"regex":"^a+$"}`, Values{{Regex: text("^a+$")}}},
		{`{"absent":true}`, `{"absent":true}`, Values{{Absent: true}}},
		{`["a",{"absent":true}]`, `["a",{"absent":true}]`, Values{{Exact: text("a")}, {Absent: true}}},
	} {
		got, err := decodeValues(c.given)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s is read as %+v, %v", c.given, got, err)
			continue
		}
		written, err := json.Marshal(got)
		if err != nil || string(written) != c.written {
			t.Errorf("%s is written as %s, %v, want %s", c.given, written, err, c.written)
		}
		if again, err := decodeValues(string(written)); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s is read again as %+v, %v", written, again, err)
		}
	}
}

func TestValuesRefused(t *testing.T) {
	for _, c := range []struct{ given, field string }{
		{`1`, ""},
		{`null`, ""},
		{`[]`, ""},
		{`{}`, ""},
		{`{"prefix":"a","suffix":"b"}`, ""},
		{`{"prefix":"a","absent":true}`, ""},
		{`{"absent":false}`, ""},
		{`{"regex":"("}`, "regex"},
		{`{"regex":"(a{1000}){1000}"}`, "regex"},
		{`{"regex":"(?=a)"}`, "regex"},
		{`{"prefx":"a"}`, "prefx"},
		{`{"prefix":1}`, "prefix"},
		{`["a",1]`, "[1]"},
		{`["a",{"regex":"["}]`, "[1].regex"},
		{`["a",["b"]]`, "[1]"},
		{`{"suffix":"` + strings.Repeat("a", MaxPattern+1) + `"}`, "suffix"},
	} {
		_, err := decodeValues(c.given)
		refusal, ok := err.(*document.Error)
		if !ok || refusal.Field != c.field {
			t.Errorf("%.80s: got %v, want a refusal of field %q", c.given, err, c.field)
		}
	}
}

func TestExactly(t *testing.T) {
	got, err := json.Marshal(Exactly("a", "b"))
	if err != nil || string(got) != `["a","b"]` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestConditions(t *testing.T) {
	for _, c := range []struct {
		condition string
		yes, no   []string
	}{
		{`"a"`, []string{"a"}, []string{"", "A", "aa"}},
		{`{"prefix":"a"}`, []string{"a", "ab"}, []string{"", "ba", "A"}},
		{`{"prefix":""}`, []string{"", "x"}, nil},
		{`{"suffix":"a"}`, []string{"a", "ba"}, []string{"", "ab"}},
		{`{"regex":"a.c"}`, []string{"abc", "xabcx"}, []string{"ac", ""}},
		{`{"regex":"^a$"}`, []string{"a"}, []string{"aa", "a\n"}},
		{`["a",{"prefix":"b"}]`, []string{"a", "bc"}, []string{"c"}},
		{`{"absent":true}`, nil, []string{"", "a"}},
	} {
		vs, err := decodeValues(c.condition)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := vs.compile(equal)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range c.yes {
			if !compiled.match(text) {
				t.Errorf("%s does not hold for %q", c.condition, text)
			}
		}
		for _, text := range c.no {
			if compiled.match(text) {
				t.Errorf("%s holds for %q", c.condition, text)
			}
		}
	}
}

// TestInvalidConditionsDoNotPanic: Go code can build what no document says.
func TestInvalidConditionsDoNotPanic(t *testing.T) {
	bad := "("
	for _, m := range []*Match{
		{Path: Values{{Regex: &bad}}},
		{Host: Values{{}}},
		{Source: Exactly("nobody")},
		{Headers: map[string]Values{"A": {{Regex: &bad}}}},
		{Query: map[string]Values{"a": {{Regex: &bad}}}},
		{Response: &ResponseMatch{Headers: map[string]Values{"A": {{}}}}},
	} {
		r := mustRule(t, `{"name":"it","abort":503,"phase":"after"}`)
		r.Match = m
		if _, err := Compile(Config{Entries: []Entry{{Rule: r}}}); err == nil {
			t.Errorf("%+v is compiled", m)
		}
		if err := r.Validate(); err == nil {
			t.Errorf("%+v is valid", m)
		}
	}
}
