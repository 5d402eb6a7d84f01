package document_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/internal/document"
)

func TestParseJSONKeepsOrderSpellingAndPlace(t *testing.T) {
	got, err := document.ParseJSON([]byte("{\n  \"é\": [1e2, -0.50],\r\n\t\"a\": \"\\ud83d\\ude00\\n\", \"n\": null,\n\"t\": true, \"f\": false, \"o\": {}, \"l\": [ ]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &document.Node{Kind: document.Object, Line: 1, Column: 1, Members: []document.Member{
		{Name: "é", Line: 2, Column: 3, Value: &document.Node{Kind: document.List, Line: 2, Column: 8, Items: []*document.Node{
			{Kind: document.Number, Text: "1e2", Line: 2, Column: 9},
			{Kind: document.Number, Text: "-0.50", Line: 2, Column: 14},
		}}},
		{Name: "a", Line: 3, Column: 2, Value: &document.Node{Kind: document.String, Text: "😀\n", Line: 3, Column: 7}},
		{Name: "n", Line: 3, Column: 25, Value: &document.Node{Kind: document.Null, Line: 3, Column: 30}},
		{Name: "t", Line: 4, Column: 1, Value: &document.Node{Kind: document.Bool, Bool: true, Line: 4, Column: 6}},
		{Name: "f", Line: 4, Column: 12, Value: &document.Node{Kind: document.Bool, Line: 4, Column: 17}},
		{Name: "o", Line: 4, Column: 24, Value: &document.Node{Kind: document.Object, Line: 4, Column: 29}},
		{Name: "l", Line: 4, Column: 33, Value: &document.Node{Kind: document.List, Line: 4, Column: 38}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseJSONRefuses(t *testing.T) {
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for name, test := range map[string]struct {
		text string
		want document.Error
	}{
		"nothing":            {"", document.Error{Reason: "want a value, got the end of the document", Line: 1, Column: 1}},
		"white space":        {" \n ", document.Error{Reason: "want a value, got the end of the document", Line: 2, Column: 2}},
		"two values":         {"1 2", document.Error{Reason: "want the end of the document, got '2'", Line: 1, Column: 3}},
		"leading zero":       {"01", document.Error{Reason: "want the end of the document, got '1'", Line: 1, Column: 2}},
		"byte order mark":    {"\ufeff{}", document.Error{Reason: `want a value, got '\ufeff'`, Line: 1, Column: 1}},
		"stray byte":         {"[\xff]", document.Error{Field: "[0]", Reason: "want a value, got a byte that is not UTF-8", Line: 1, Column: 2}},
		"YAML":               {"mode: x", document.Error{Reason: "want a value, got 'm'", Line: 1, Column: 1}},
		"True":               {`{"a": True}`, document.Error{Field: "a", Reason: "want a value, got 'T'", Line: 1, Column: 7}},
		"comma at the end":   {`{"a":1,}`, document.Error{Reason: "want a name in double quotes, got '}'", Line: 1, Column: 8}},
		"comma in list":      {`{"a":[1,]}`, document.Error{Field: "a[1]", Reason: "want a value, got ']'", Line: 1, Column: 9}},
		"no comma":           {`{"a":[1 2]}`, document.Error{Field: "a", Reason: "want ',' or ']', got '2'", Line: 1, Column: 9}},
		"no comma in object": {`[{"a":1 "b":2}]`, document.Error{Field: "[0]", Reason: `want ',' or '}', got '"'`, Line: 1, Column: 9}},
		"open list":          {`[1`, document.Error{Reason: "want ',' or ']', got the end of the document", Line: 1, Column: 3}},
		"no colon":           {`{"a" 1}`, document.Error{Field: "a", Reason: "want ':' after the name, got '1'", Line: 1, Column: 6}},
		"no value":           {`{"a":}`, document.Error{Field: "a", Reason: "want a value, got '}'", Line: 1, Column: 6}},
		"bare name":          {`{a:1}`, document.Error{Reason: "want a name in double quotes, got 'a'", Line: 1, Column: 2}},
		"duplicate": {
			"{\"rules\": [{}, {\"match\":\n{\"x.y\": 1, \"x.y\": 2}}]}",
			document.Error{Field: `rules[1].match["x.y"]`, Reason: "given twice", Line: 2, Column: 12},
		},
		"duplicate, written differently": {`{"a":1,"\u0061":1}`, document.Error{Field: "a", Reason: "given twice", Line: 1, Column: 8}},
		"65 levels": {
			deep(65),
			document.Error{Field: strings.Repeat("[0]", 64), Reason: "nested more than 64 levels deep", Line: 1, Column: 65},
		},
		"minus":             {"[-]", document.Error{Field: "[0]", Reason: "not a number: a digit is missing", Line: 1, Column: 2}},
		"point":             {"1.", document.Error{Reason: "not a number: a digit is missing", Line: 1, Column: 1}},
		"exponent":          {"1e+", document.Error{Reason: "not a number: a digit is missing", Line: 1, Column: 1}},
		"plus":              {"+1", document.Error{Reason: "want a value, got '+'", Line: 1, Column: 1}},
		"hexadecimal":       {"0x1", document.Error{Reason: "want the end of the document, got 'x'", Line: 1, Column: 2}},
		"open string":       {`{"é":"é`, document.Error{Field: "é", Reason: "the document ends inside a string", Line: 1, Column: 8}},
		"open name":         {`{"a`, document.Error{Reason: "the document ends inside a string", Line: 1, Column: 4}},
		"newline in string": {"\"a\nb\"", document.Error{Reason: `a string holds the control character '\n', which must be escaped`, Line: 1, Column: 3}},
		"UTF-8":             {"[\"é\xc3\"]", document.Error{Field: "[0]", Reason: "a string holds a byte that is not UTF-8", Line: 1, Column: 4}},
		"surrogate in UTF-8": {
			"\"\xed\xa0\x80\"",
			document.Error{Reason: "a string holds a byte that is not UTF-8", Line: 1, Column: 2},
		},
		"escape":            {`"\x41"`, document.Error{Reason: `a string holds a backslash that starts no escape (such as \n, \", \\ or \u00e9)`, Line: 1, Column: 2}},
		"short escape":      {`"\u12"`, document.Error{Reason: `a string holds a backslash that starts no escape (such as \n, \", \\ or \u00e9)`, Line: 1, Column: 2}},
		"signed escape":     {`"\u+123"`, document.Error{Reason: `a string holds a backslash that starts no escape (such as \n, \", \\ or \u00e9)`, Line: 1, Column: 2}},
		"backslash at end":  {`"\`, document.Error{Reason: `a string holds a backslash that starts no escape (such as \n, \", \\ or \u00e9)`, Line: 1, Column: 2}},
		"high surrogate":    {`["a","b\ud83d"]`, document.Error{Field: "[1]", Reason: `a string holds half of a surrogate pair, \ud83d`, Line: 1, Column: 8}},
		"low surrogate":     {`"\udE00"`, document.Error{Reason: `a string holds half of a surrogate pair, \udE00`, Line: 1, Column: 2}},
		"two high ones":     {`"\ud83d\ud83d"`, document.Error{Reason: `a string holds half of a surrogate pair, \ud83d`, Line: 1, Column: 2}},
		"high, then letter": {`"\ud83d\u0061"`, document.Error{Reason: `a string holds half of a surrogate pair, \ud83d`, Line: 1, Column: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := document.ParseJSON([]byte(test.text))
			if n != nil {
				t.Errorf("got a node beside the error: %+v", n)
			}
			if diff := cmp.Diff(error(&test.want), err); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := document.ParseJSON([]byte(deep(64))); err != nil {
		t.Errorf("64 levels: %v", err)
	}
}

// Hostile documents of 1 MiB: with quadratic work each would take minutes.
func TestHostileDocumentsCostLinearWork(t *testing.T) {
	const size = 1 << 20
	var names strings.Builder
	names.WriteByte('{')
	for i := 0; names.Len() < size; i++ {
		names.WriteString(`"` + strings.Repeat("x", i%7) + "é" + string(rune('a'+i%26)) + itoa(i) + `":0,`)
	}
	names.WriteString(`"":0}`)
	for name, text := range map[string]string{
		"numbers":  "[" + strings.Repeat("0,", size/2) + "0]",
		"objects":  "[" + strings.Repeat("{},", size/3) + "{}]",
		"lines":    strings.Repeat("\n", size) + "0",
		"names":    names.String(),
		"exponent": "1e" + strings.Repeat("9", size),
		"digits":   strings.Repeat("9", size),
		"escapes":  `"` + strings.Repeat(`\u00e9`, size/6) + `"`,
		"depth":    strings.Repeat("[", size),
	} {
		t.Run(name, func(t *testing.T) {
			n, err := document.ParseJSON([]byte(text))
			if name == "depth" {
				if err == nil {
					t.Fatal("accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var whole int
			var real float64
			var rules []struct{ Name string }
			var object struct{ Name string }
			var anything any
			for _, out := range []any{&whole, &real, &rules, &object, &anything} {
				if err := document.Decode(n, out); err != nil && len(err.Error()) > 300 {
					t.Errorf("the reason repeats the document: %d bytes", len(err.Error()))
				}
			}
			merged := document.Merge(n, n)
			back, err := merged.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if n.Kind != document.String && len(back) != len(strings.TrimSpace(text)) {
				t.Errorf("wrote %d bytes of %d", len(back), len(text))
			}
		})
	}
}
