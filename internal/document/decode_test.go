package document_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/internal/document"
)

// span reads itself, null included.
type span time.Duration

func (s *span) DecodeDocument(n *document.Node) error {
	if n.Kind == document.Null {
		*s = -1
		return nil
	}
	d, err := time.ParseDuration(n.Text)
	*s = span(d)
	return err
}

// rule has a short form: {"delay": "1s"} is {"kind": "delay", "attributes": {"latency": "1s"}}.
type rule struct {
	Kind       string         `json:"kind,omitempty"`
	Percent    *float64       `json:"percent"`
	Attributes map[string]any `json:"attributes"`
}

func (r *rule) DecodeDocument(n *document.Node) error {
	if latency := n.Get("delay"); latency != nil {
		r.Kind, r.Attributes = "delay", map[string]any{"latency": latency.Text}
		return nil
	}
	type plain rule
	if err := document.Decode(n, (*plain)(r)); err != nil {
		return err
	}
	if r.Kind == "" {
		return document.Errorf("kind", "must be given")
	}
	if r.Percent != nil && *r.Percent > 100 {
		return document.Errorf("percent", "want 0 to 100")
	}
	return nil
}

type base struct {
	Name string `json:"name"`
	Mode string `json:"mode"` // hidden by everything's
}

type status struct {
	Hit int `json:"hit"`
}

type name string

// everything has a field of each sort that Decode knows.
type everything struct {
	base
	status   `document:"readonly"`
	Mode     string                              `json:"mode,omitempty"`
	Flag     bool                                `json:"flag"`
	Int      int                                 `json:"int"`
	Int8     int8                                `json:"int8"`
	Int64    int64                               `json:"int64"`
	Uint8    uint8                               `json:"uint8"`
	Uint64   uint64                              `json:"uint64"`
	Float    float64                             `json:"float"`
	Float32  float32                             `json:"float32"`
	Pointer  *int                                `json:"pointer"`
	List     []string                            `json:"list"`
	Map      map[name]int                        `json:"map"`
	Raw      json.RawMessage                     `json:"raw"`
	Any      any                                 `json:"any"`
	Number   json.Number                         `json:"number"`
	Node     *document.Node                      `json:"node"`
	Span     span                                `json:"span"`
	Rules    []rule                              `json:"rules"`
	ByName   map[string]*rule                    `json:"by_name"`
	Prefix   netip.Prefix                        `json:"prefix"`
	Until    *time.Time                          `json:"until"`
	Inner    struct{ Deep []struct{ Leaf int } } `json:"inner"`
	Revision int                                 `json:"revision" document:"readonly"`
	Hidden   string                              `json:"-"`
	Channel  chan int                            `json:"channel"`
	ByInt    map[int]int                         `json:"by_int"`
	secret   int
}

// options lets cmp look into everything.
var options = cmp.Options{
	cmp.AllowUnexported(everything{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestDecode(t *testing.T) {
	percent, seven := 12.5, 7
	until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]everything{
		`{}`:                                  {},
		`{"name":"a","mode":"b","flag":true}`: {base: base{Name: "a"}, Mode: "b", Flag: true},
		`{"int":-3,"int8":-128,"int64":-9223372036854775808}`:  {Int: -3, Int8: -128, Int64: -1 << 63},
		`{"int":-0,"uint8":255,"uint64":18446744073709551615}`: {Uint8: 255, Uint64: 1<<64 - 1},
		`{"float":1e2,"float32":0.5}`:                          {Float: 100, Float32: 0.5},
		`{"float":1e-999999999}`:                               {},
		`{"pointer":7,"list":["x"],"map":{"k":1}}`:             {Pointer: &seven, List: []string{"x"}, Map: map[name]int{"k": 1}},
		`{"list":[],"map":{}}`:                                 {List: []string{}, Map: map[name]int{}},
		`{"raw":{"b": [1.50, null], "a":"<"}}`:                 {Raw: json.RawMessage(`{"b":[1.50,null],"a":"<"}`)},
		`{"raw":null,"any":null,"pointer":null,"list":null}`:   {Raw: json.RawMessage(`null`)},
		`{"any":{"a":[1e400,"s",true,null,{}]},"number":1.50}`: {Any: map[string]any{"a": []any{json.Number("1e400"), "s", true, nil, map[string]any{}}}, Number: "1.50"},
		`{"node":null}`:  {Node: &document.Node{Line: 1, Column: 9}},
		`{"span":"3ms"}`: {Span: span(3 * time.Millisecond)},
		`{"span":null}`:  {Span: -1},
		`{"rules":[{"delay":"1s"},{"kind":"abort","percent":12.5}]}`: {Rules: []rule{{Kind: "delay", Attributes: map[string]any{"latency": "1s"}}, {Kind: "abort", Percent: &percent}}},
		`{"by_name":{"x":{"kind":"abort"},"y":null}}`:                {ByName: map[string]*rule{"x": {Kind: "abort"}, "y": nil}},
		`{"prefix":"10.0.0.0/8","until":"2026-01-02T03:04:05Z"}`:     {Prefix: netip.MustParsePrefix("10.0.0.0/8"), Until: &until},
		`{"revision":"anything","hit":{"at":["all"]}}`:               {},
	} {
		var got everything
		if err := document.Decode(parse(t, text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got, options); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]document.Error{
		"[]":                                {Reason: "want an object, got a list", Line: 1, Column: 1},
		"null":                              {Reason: "must not be null", Line: 1, Column: 1},
		"{\n \"Mode\": 1}":                  {Field: "Mode", Reason: "unknown field", DidYouMean: "mode", Line: 2, Column: 2},
		`{"int":1,"poniter":1}`:             {Field: "poniter", Reason: "unknown field", DidYouMean: "pointer", Line: 1, Column: 10},
		`{"":1}`:                            {Field: `[""]`, Reason: "unknown field", Line: 1, Column: 2},
		`{"Hidden":1}`:                      {Field: "Hidden", Reason: "unknown field", Line: 1, Column: 2},
		`{"secret":1}`:                      {Field: "secret", Reason: "unknown field", Line: 1, Column: 2},
		`{"base":1}`:                        {Field: "base", Reason: "unknown field", Line: 1, Column: 2},
		`{"revison":1}`:                     {Field: "revison", Reason: "unknown field", Line: 1, Column: 2}, // revision is read-only
		`{"name":1}`:                        {Field: "name", Reason: "want a string, got a number", Line: 1, Column: 9},
		`{"mode":null}`:                     {Field: "mode", Reason: "must not be null", Line: 1, Column: 9},
		`{"flag":"true"}`:                   {Field: "flag", Reason: "want a boolean, got a string", Line: 1, Column: 9},
		`{"flag":null}`:                     {Field: "flag", Reason: "must not be null", Line: 1, Column: 9},
		`{"int":"1"}`:                       {Field: "int", Reason: "want a number, got a string", Line: 1, Column: 8},
		`{"int":1.5}`:                       {Field: "int", Reason: "want a whole number without point or exponent, got 1.5", Line: 1, Column: 8},
		`{"int":1.0}`:                       {Field: "int", Reason: "want a whole number without point or exponent, got 1.0", Line: 1, Column: 8},
		`{"int":1e2}`:                       {Field: "int", Reason: "want a whole number without point or exponent, got 1e2", Line: 1, Column: 8},
		`{"int":1e999999999}`:               {Field: "int", Reason: "want a whole number without point or exponent, got 1e999999999", Line: 1, Column: 8},
		`{"int":null}`:                      {Field: "int", Reason: "must not be null", Line: 1, Column: 8},
		`{"int8":128}`:                      {Field: "int8", Reason: "want a number from -128 to 127, got 128", Line: 1, Column: 9},
		`{"int8":-129}`:                     {Field: "int8", Reason: "want a number from -128 to 127, got -129", Line: 1, Column: 9},
		`{"int64":9223372036854775808}`:     {Field: "int64", Reason: "want a number from -9223372036854775808 to 9223372036854775807, got 9223372036854775808", Line: 1, Column: 10},
		`{"uint8":256}`:                     {Field: "uint8", Reason: "want a number from 0 to 255, got 256", Line: 1, Column: 10},
		`{"uint64":18446744073709551616}`:   {Field: "uint64", Reason: "want a number from 0 to 18446744073709551615, got 18446744073709551616", Line: 1, Column: 11},
		`{"uint8":-1}`:                      {Field: "uint8", Reason: "want a number from 0 to 255, got -1", Line: 1, Column: 10},
		`{"uint8":1.5}`:                     {Field: "uint8", Reason: "want a whole number without point or exponent, got 1.5", Line: 1, Column: 10},
		`{"uint8":true}`:                    {Field: "uint8", Reason: "want a number, got a boolean", Line: 1, Column: 10},
		`{"float":1e999999999}`:             {Field: "float", Reason: "out of range: 1e999999999", Line: 1, Column: 10},
		`{"float32":1e39}`:                  {Field: "float32", Reason: "out of range: 1e39", Line: 1, Column: 12},
		`{"float":[]}`:                      {Field: "float", Reason: "want a number, got a list", Line: 1, Column: 10},
		`{"float":null}`:                    {Field: "float", Reason: "must not be null", Line: 1, Column: 10},
		`{"pointer":"x"}`:                   {Field: "pointer", Reason: "want a number, got a string", Line: 1, Column: 12},
		`{"list":"x"}`:                      {Field: "list", Reason: "want a list, got a string", Line: 1, Column: 9},
		`{"list":["x",null]}`:               {Field: "list[1]", Reason: "must not be null", Line: 1, Column: 14},
		`{"map":[]}`:                        {Field: "map", Reason: "want an object, got a list", Line: 1, Column: 8},
		`{"map":{"a.b":"x"}}`:               {Field: `map["a.b"]`, Reason: "want a number, got a string", Line: 1, Column: 15},
		`{"number":"1"}`:                    {Field: "number", Reason: "want a number, got a string", Line: 1, Column: 11},
		`{"number":null}`:                   {Field: "number", Reason: "must not be null", Line: 1, Column: 11},
		`{"span":"3 apples"}`:               {Field: "span", Reason: `time: unknown unit " apples" in duration "3 apples"`, Line: 1, Column: 9},
		`{"prefix":"x"}`:                    {Field: "prefix", Reason: `netip.ParsePrefix("x"): no '/'`, Line: 1, Column: 11},
		`{"prefix":1}`:                      {Field: "prefix", Reason: "want a string, got a number", Line: 1, Column: 11},
		`{"prefix":null}`:                   {Field: "prefix", Reason: "must not be null", Line: 1, Column: 11},
		`{"inner":null}`:                    {Field: "inner", Reason: "must not be null", Line: 1, Column: 10},
		`{"inner":{"Deep":[{"Leaf":"x"}]}}`: {Field: "inner.Deep[0].Leaf", Reason: "want a number, got a string", Line: 1, Column: 27},
		`{"rules":[{"kind":"a"},{}]}`:       {Field: "rules[1].kind", Reason: "must be given", Line: 1, Column: 24},
		`{"rules":[{"kind":"a","percent":101}]}`: {
			Field: "rules[0].percent", Reason: "want 0 to 100", Line: 1, Column: 33,
		},
		`{"by_name":{"x":{"knd":"a"}}}`: {Field: "by_name.x.knd", Reason: "unknown field", DidYouMean: "kind", Line: 1, Column: 18},
		`{"channel":1}`:                 {Field: "channel", Reason: "cannot be read into a Go chan int", Line: 1, Column: 12},
		`{"by_int":{}}`:                 {Field: "by_int", Reason: "cannot be read into a Go map[int]int", Line: 1, Column: 11},
	} {
		var out everything
		if diff := cmp.Diff(error(&want), document.Decode(parse(t, text), &out)); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}

// A tree from YAML may hold numbers that JSON does not know; none becomes an infinite or a guessed Go number.
func TestDecodeTakesFiniteNumbersOnly(t *testing.T) {
	for _, text := range []string{"Inf", "-inf", "NaN", "0x1F", "1_000", "", "-", "1-2"} {
		n := &document.Node{Kind: document.Number, Text: text}
		var f float64
		var i int
		var u uint
		for _, out := range []any{&f, &i, &u} {
			if err := document.Decode(n, out); err == nil {
				t.Errorf("%q was read into a %T", text, out)
			}
		}
	}
}

func TestDecodeLeavesWhatIsAbsent(t *testing.T) {
	four := 4
	out := everything{Mode: "preset", Int: 3, Pointer: &four, List: []string{"a"}, Revision: 9, secret: 1}
	if err := document.Decode(parse(t, `{"int":5,"revision":1}`), &out); err != nil {
		t.Fatal(err)
	}
	want := everything{Mode: "preset", Int: 5, Pointer: &four, List: []string{"a"}, Revision: 9, secret: 1}
	if diff := cmp.Diff(want, out, options); diff != "" {
		t.Error(diff)
	}
	if err := document.Decode(nil, &out); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if diff := cmp.Diff(want, out, options); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeOfNullClearsWhatCanBeNil(t *testing.T) {
	four := 4
	out := everything{
		Pointer: &four, List: []string{"a"}, Map: map[name]int{"a": 1}, Any: 1, Until: &time.Time{}, Rules: []rule{{}},
	}
	text := `{"pointer":null,"list":null,"map":null,"any":null,"until":null,"rules":null}`
	if err := document.Decode(parse(t, text), &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everything{}, out, options); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeWritesIntoNothingShared(t *testing.T) {
	type limits struct{ A, B int }
	type shape struct {
		Limits *limits
		List   []int
		Map    map[string]int
	}
	preset := func() shape { return shape{&limits{1, 2}, []int{1, 2}, map[string]int{"a": 1, "b": 2}} }
	shared := preset()
	out := shared
	if err := document.Decode(parse(t, `{"Limits":{"A":9},"List":[9],"Map":{"a":9}}`), &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shape{&limits{9, 2}, []int{9}, map[string]int{"a": 9}}, out); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(preset(), shared); diff != "" {
		t.Errorf("what out shared was changed:\n%s", diff)
	}
}

func TestDecodeWantsAPointer(t *testing.T) {
	for _, out := range []any{nil, 1, (*int)(nil)} {
		var e *document.Error
		if err := document.Decode(parse(t, "1"), out); !errors.As(err, &e) {
			t.Errorf("%#v: got %v", out, err)
		}
	}
}
