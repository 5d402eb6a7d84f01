package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/squall-proxy/squall/internal/document"
)

// degraded applies a degrade rule's attributes to a body.
func degraded(t testing.TB, attributes, coding, body string) (string, error) {
	t.Helper()
	r := mustRule(t, `{"degrade":`+attributes+`}`)
	action, ok := r.Attributes.(decider).decide(hit{phase: After}).(Body)
	if !ok {
		t.Fatalf("%s is no edit", attributes)
	}
	came := []byte(body)
	changed, err := action.Apply(coding, came)
	if string(came) != body {
		t.Errorf("%s: the body that came was changed to %s", attributes, came)
	}
	return string(changed), err
}

func TestDegradeEdits(t *testing.T) {
	const order = `{"id": 12345678901234567890, "price": 1.50, "items": [{"sku": "a", "n": 1}, {"sku": "b"}], "a/b": {"m~n": 1e400}, "<&>": "\u00e4"}`
	for _, c := range []struct{ attributes, body, want string }{
		{`{"drop":["/price","/items/0/n","/a~1b/m~0n"]}`, order, `{"id":12345678901234567890,"items":[{"sku":"a"},{"sku": "b"}],"a/b":{},"<&>":"\u00e4"}`},
		{`{"drop":["/items/0","/items/1"]}`, order, `{"id":12345678901234567890,"price":1.50,"items":[],"a/b":{"m~n": 1e400},"<&>":"\u00e4"}`},
		{`{"drop":["/items","/items/0"]}`, `{"items":[1]}`, `{}`},
		{`{"drop":["/items/0","/items"]}`, `{"items":[1]}`, `{}`},
		{`{"drop":["/a","/nothing/here","/b/x"]}`, ` { "a" : 1 , "b" : [ 2 ] } `, `{"b":[2]}`},
		{`{"drop":["/a"]}`, `{"a":1,"a":2,"\u0061":3,"b":4}`, `{"b":4}`},
		{`{"drop":["/ä"]}`, `{"\u00e4":1,"b":"\"}"}`, `{"b":"\"}"}`},
		{`{"null":["/id","/items/1"]}`, `{"id":7,"items":[1,2,3]}`, `{"id":null,"items":[1,null,3]}`},
		{`{"null":[""]}`, `[1]`, `null`},
		{`{"lists":1}`, `{"a":[1,[2,3],4],"b":[[5,6],7],"c":"[1,2]","d":[]}`, `{"a":[1],"b":[[5]],"c":"[1,2]","d":[]}`},
		{`{"lists":0}`, `[{"a":1}]`, `[]`},
		{`{"merge":{"a":{"b":null,"c":3},"d":[{"e":null}]}}`, `{"z":1,"a":{"b":1,"x":2},"d":1}`, `{"z":1,"a":{"x":2,"c":3},"d":[{"e":null}]}`},
		{`{"merge":{"a":{"b":{"c":null}}}}`, `{"a":1}`, `{"a":{"b":{}}}`},
		{`{"merge":{"a":{"b":1}}}`, `{}`, `{"a":{"b":1}}`},
		{`{"merge":{"a":1}}`, `[1,2]`, `{"a":1}`},
		{`{"merge":{"a":1,"b":null}}`, `{"a":0,"\u0061":0,"b":1}`, `{"a":1,"\u0061":1}`},
		{`{"merge":[1]}`, `{"a":1}`, `[1]`},
		{`{"merge":{"0":5}}`, `{"0":1,"1":12345678901234567890}`, `{"0":5,"1":12345678901234567890}`},
		{`{"patch":[{"op":"add","path":"/items/1","value":{"sku":"x"}},{"op":"add","path":"/items/-","value":9}]}`, `{"items":[1,2]}`, `{"items":[1,{"sku":"x"},2,9]}`},
		{`{"patch":[{"op":"add","path":"/items/2","value":3}]}`, `{"items":[1,2]}`, `{"items":[1,2,3]}`},
		{`{"patch":[{"op":"test","path":"/id","value":7.0},{"op":"replace","path":"/id","value":12345678901234567891}]}`, `{"b":1,"id":7}`, `{"b":1,"id":12345678901234567891}`},
		{`{"patch":[{"op":"move","from":"/a/b","path":"/c"},{"op":"copy","from":"/c","path":"/a/d"}]}`, `{"a":{"b":[1]}}`, `{"a":{"d":[1]},"c":[1]}`},
		{`{"patch":[{"op":"move","from":"/0","path":"/2"}]}`, `[1,2,3]`, `[2,3,1]`},
		{`{"patch":[{"op":"add","path":"","value":{"a":1}},{"op":"remove","path":"/a"}]}`, `7`, `{}`},
		{`{"patch":[{"op":"copy","from":"","path":"/self"}]}`, `{"a":1}`, `{"a":1,"self":{"a":1}}`},
	} {
		if got, err := degraded(t, c.attributes, "", c.body); got != c.want || err != nil {
			t.Errorf("%s of %s\ngot  %s, %v\nwant %s", c.attributes, c.body, got, err, c.want)
		}
	}
}

func TestDegradeOfWhatCannotBeEdited(t *testing.T) {
	for _, c := range []struct {
		attributes, body string
		want             error // nil = any
	}{
		{`{"drop":["/a"]}`, `{"b":1}`, ErrUnchanged},
		{`{"drop":["/a/b"]}`, `{"a":"b"}`, ErrUnchanged},
		{`{"drop":["/01","/-","/+1"]}`, `[1,2]`, ErrUnchanged},
		{`{"null":["/a"]}`, `{"a":null}`, ErrUnchanged},
		{`{"lists":2}`, `[[1,2],{"a":[3]}]`, ErrUnchanged},
		{`{"merge":{}}`, `{"a":1}`, ErrUnchanged},
		{`{"merge":{"a":1,"b":null,"c":{}}}`, `{"a":1,"c":{}}`, ErrUnchanged},
		{`{"patch":[{"op":"test","path":"/a","value":1}]}`, `{"a":1}`, ErrUnchanged},
		{`{"patch":[{"op":"replace","path":"/a","value":1}]}`, `{"a":1}`, ErrUnchanged},
		{`{"patch":[{"op":"move","from":"/a","path":"/a"}]}`, `{"a":1}`, ErrUnchanged},
		{`{"patch":[{"op":"test","path":"/a","value":2}]}`, `{"a":1}`, errAnother},
		{`{"patch":[{"op":"add","path":"/b","value":2},{"op":"test","path":"/a","value":2}]}`, `{"a":1}`, errAnother},
		{`{"patch":[{"op":"remove","path":"/b"}]}`, `{"a":1}`, errNowhere},
		{`{"patch":[{"op":"replace","path":"/b","value":1}]}`, `{"a":1}`, errNowhere},
		{`{"patch":[{"op":"add","path":"/b/c","value":1}]}`, `{"a":1}`, errNowhere},
		{`{"patch":[{"op":"add","path":"/3","value":1}]}`, `[1,2]`, errNowhere},
		{`{"patch":[{"op":"replace","path":"/-","value":1}]}`, `[1,2]`, errNowhere},
		{`{"patch":[{"op":"copy","from":"/b","path":"/c"}]}`, `{"a":1}`, errNowhere},
		{`{"lists":1}`, `[1,2`, errNotJSON},
		{`{"lists":1}`, ``, errNotJSON},
		{`{"lists":1}`, `[1,2] [`, errNotJSON},
		{`{"lists":1}`, "[" + strings.Repeat("1,", MaxDegradeBody/2) + "1]", errTooLong},
	} {
		if got, err := degraded(t, c.attributes, "", c.body); !errors.Is(err, c.want) {
			t.Errorf("%s of %.50s: got %s, %v, want %v", c.attributes, c.body, got, err, c.want)
		}
	}
}

// TestPatchThatDoublesIsStopped: 30 copies would make a gigabyte of a byte.
func TestPatchThatDoublesIsStopped(t *testing.T) {
	copies := `{"op":"copy","from":"","path":"/-"}`
	if got, err := degraded(t, `{"patch":[`+copies+strings.Repeat(","+copies, 40)+`]}`, "", `[1]`); !errors.Is(err, errTooLong) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	merge := `{"merge":{"a":{"b":"` + strings.Repeat("x", 100_000) + `"}}}`
	body := `{"a":{}` + strings.Repeat(`,"a":{}`, 1000) + `}`
	if got, err := degraded(t, merge, "", body); !errors.Is(err, errTooLong) {
		t.Errorf("merge: got %d bytes, %v", len(got), err)
	}
}

// allocated is how many bytes f allocates in all.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// TestDegradeAllocatesTwiceTheBody holds the bound that [Body.Apply] states for the texts, on the shapes that cost a tree the
// most.
func TestDegradeAllocatesTwiceTheBody(t *testing.T) {
	if raceEnabled {
		t.Skip("bodies of 10 MB take a minute under the race detector; make test runs this without it")
	}
	small := "[" + strings.TrimSuffix(strings.Repeat("1,", MaxDegradeBody/2-2), ",") + "]"
	deep := strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000)
	members := `{"a":1` + strings.Repeat(`,"b":{}`, MaxDegradeBody/7-2) + "}"
	for _, attributes := range []string{
		`{"merge":{"a":2}}`, `{"drop":["/a","/0"]}`, `{"lists":4000000}`, `{"patch":[{"op":"add","path":"/0","value":1},{"op":"remove","path":"/0"}]}`,
	} {
		for _, body := range []string{small, deep, members} {
			r := mustRule(t, `{"degrade":`+attributes+`}`)
			action := r.Attributes.(decider).decide(hit{phase: After}).(Body)
			came := []byte(body)
			if got := allocated(func() { _, _ = action.Apply("", came) }); got > 2*len(body)+1<<20 {
				t.Errorf("%s of %.20s…: %d bytes for a body of %d", attributes, body, got, len(body))
			}
		}
	}
}

// value reads JSON with its numbers as they are written.
func jsonValue(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// FuzzPatch: what a patch makes of a document is JSON, and what json-patch makes of it.
func FuzzPatch(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"a":[1,{"b":2}],"c":null}`, `[{"op":"add","path":"/a/1/d","value":{"x":[]}},{"op":"move","from":"/a/0","path":"/c"}]`},
		{`[[],{}]`, `[{"op":"copy","from":"/0","path":"/1/z"},{"op":"test","path":"/0","value":[]},{"op":"remove","path":"/0"}]`},
		{`{"~/":"\u0000"}`, `[{"op":"replace","path":"/~0~1","value":"<"},{"op":"add","path":"/-","value":1e400}]`},
		{`0`, `[{"op":"add","path":"","value":[null]},{"op":"add","path":"/-","value":-0.0}]`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, body, text string) {
		n, err := document.ParseJSON([]byte(text))
		if err != nil {
			return
		}
		patch, err := parsePatch(n)
		if err != nil {
			return
		}
		if doc, err := document.ParseJSON([]byte(body)); err != nil || doc.Kind != document.Object && doc.Kind != document.List {
			return // json-patch takes no others, nor names that are there twice
		}
		got, _, err := applyPatch([]byte(body), patch)
		if err == nil && !json.Valid(got) {
			t.Fatalf("%s of %s is no JSON: %s", text, body, got)
		}
		theirs, theirErr := jsonpatch.DecodePatch([]byte(text))
		if theirErr != nil {
			return
		}
		options := jsonpatch.NewApplyOptions()
		options.SupportNegativeIndices = false
		want, theirErr := theirs.ApplyWithOptions([]byte(body), options)
		if err == nil && theirErr == nil && !reflect.DeepEqual(jsonValue(t, got), jsonValue(t, want)) {
			t.Fatalf("%s of %s\ngot  %s\nwant %s", text, body, got, want)
		}
	})
}

// FuzzMerge: what a merge patch makes of a document is what [document.Merge] makes of its tree.
func FuzzMerge(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"a":{"b":1,"c":[1]}}`, `{"a":{"b":null,"d":{"e":null}}}`}, {`[1]`, `{"a":{"0":1}}`}, {`{"\u0061":1}`, `{"a":2,"":[{"x":null}]}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, body, text string) {
		patch, err := document.ParseJSON([]byte(text))
		if err != nil {
			return
		}
		tree, err := document.ParseJSON([]byte(body))
		if err != nil {
			return
		}
		e, err := edit([]byte(body), nil, mergeOf(patch))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := document.Merge(tree, patch).MarshalJSON()
		if !json.Valid(e.out) || !reflect.DeepEqual(jsonValue(t, e.out), jsonValue(t, want)) {
			t.Fatalf("%s into %s\ngot  %s\nwant %s", text, body, e.out, want)
		}
	})
}

// FuzzPointers: no pointer makes an edit panic or leave what is no JSON, and what is dropped is not found any more.
func FuzzPointers(f *testing.F) {
	for _, seed := range [][3]string{
		{`{"a":[{"b":1},2],"a":3}`, "/a/0/b", "/a"}, {`[[1],[2]]`, "/0", "/1/0"}, {`{"~":{"/":[]}}`, "/~0/~1", ""}, {` [ ] `, "/-", "/00"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, body, one, two string) {
		if checkPointers([]string{one, two + "/0"}) != nil || one == "" || !json.Valid([]byte(body)) {
			return
		}
		path, _ := parsePointer(one)
		for _, action := range []Body{{Drop: []string{one}}, {Null: []string{one, two}}, {Drop: []string{one, two + "/0"}}, {Lists: new(int)}} {
			got, err := action.Apply("", []byte(body))
			switch {
			case err == nil && !json.Valid(got):
				t.Fatalf("%+v of %s is no JSON: %s", action, body, got)
			case err != nil && !errors.Is(err, ErrUnchanged):
				t.Fatalf("%+v of %s: %v", action, body, err)
			}
		}
		was, found := find([]byte(body), path)
		got, err := Body{Null: []string{one}}.Apply("", []byte(body))
		if isNull := string(was) == "null"; found && !isNull && err != nil {
			t.Fatalf("%s of %s: %v", one, body, err)
		}
		if err == nil && found {
			if value, ok := find(got, path); !ok || string(value) != "null" {
				t.Fatalf("%s of %s: %s", one, body, got)
			}
		}
	})
}
