package experiments

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strings"

	"github.com/theory/jsonpath"

	"github.com/squall-proxy/squall/internal/document"
)

// Tolerance says which answers are good. It is one of: a scalar, that the answer must equal; two numbers, between which it
// must lie; a longer list, of which it must be one; or an object with one of regex, jsonpath, range, one_of and process.
//
// The rules are Chaos Toolkit's: a scalar, bounds or a list are held against the status of an answer that has one (a reply's
// code, a program's exit code), and regex, jsonpath and range against what target names in it.
type Tolerance struct {
	Regex    string
	JSONPath string
	Expect   *document.Node // with JSONPath: what it must select, a list of all; nil = anything
	Count    *int           // with JSONPath: how many it must select
	Process  *Process       // gets the answer as JSON on its standard input; its exit code must be 0
	Target   string         // the part of the answer that is looked at: body, status, headers, stdout, stderr

	equal      any // a scalar
	low, high  *big.Rat
	oneOf      []any
	expression *regexp.Regexp
	path       *jsonpath.Path
	written    *document.Node
}

// DecodeDocument reads a tolerance in any of its forms.
func (t *Tolerance) DecodeDocument(n *document.Node) error {
	t.written = n
	switch n.Kind {
	case document.List:
		return t.readList(n)
	case document.Object:
		return t.readObject(n)
	case document.Null:
		return document.Errorf("", "must not be null")
	}
	t.equal = valueOf(n)
	return nil
}

// MarshalJSON writes the tolerance as it was written.
func (t *Tolerance) MarshalJSON() ([]byte, error) { return json.Marshal(t.written) }

func (t *Tolerance) readList(n *document.Node) error {
	if len(n.Items) == 2 {
		return t.readBounds(n)
	}
	return t.readOneOf(n)
}

func (t *Tolerance) readOneOf(n *document.Node) error {
	if n.Kind != document.List || len(n.Items) == 0 {
		return document.Errorf("", "want a list of the answers that are good")
	}
	for i, item := range n.Items {
		if err := checkScalar(item); err != nil {
			return document.At(err, index(i))
		}
		t.oneOf = append(t.oneOf, valueOf(item))
	}
	return nil
}

func (t *Tolerance) readBounds(n *document.Node) error {
	if n.Kind != document.List || len(n.Items) != 2 {
		return document.Errorf("", "want two numbers, the least and the most")
	}
	for i, bound := range []**big.Rat{&t.low, &t.high} {
		if n.Items[i].Kind != document.Number {
			return document.Errorf(index(i), "want a number: two values are the least and the most, {one_of: […]} names both")
		}
		if *bound = rational(valueOf(n.Items[i])); *bound == nil {
			return document.Errorf(index(i), "out of range: %s", n.Items[i].Text)
		}
	}
	if t.low.Cmp(t.high) > 0 {
		return document.Errorf(index(1), "must not be less than the first number")
	}
	return nil
}

// toleranceObject is the form of a tolerance that is an object.
type toleranceObject struct {
	Regex    *string        `json:"regex"`
	JSONPath *string        `json:"jsonpath"`
	Expect   *document.Node `json:"expect"`
	Count    *int           `json:"count"`
	Range    *document.Node `json:"range"`
	OneOf    *document.Node `json:"one_of"`
	Process  *Process       `json:"process"`
	Target   string         `json:"target"`
}

func (t *Tolerance) readObject(n *document.Node) error {
	var o toleranceObject
	if err := document.Decode(n, &o); err != nil {
		return err
	}
	forms := 0
	for _, given := range []bool{o.Regex != nil, o.JSONPath != nil, o.Range != nil, o.OneOf != nil, o.Process != nil} {
		if given {
			forms++
		}
	}
	switch {
	case forms != 1:
		return document.Errorf("", "want exactly one of regex, jsonpath, range, one_of and process")
	case o.JSONPath == nil && (o.Expect != nil || o.Count != nil):
		return document.Errorf("", "expect and count are about what a jsonpath selects")
	case o.Expect != nil && o.Count != nil:
		return document.Errorf("count", "not beside expect, which says how many there are")
	}
	t.Target, t.Expect, t.Count, t.Process = o.Target, o.Expect, o.Count, o.Process
	var err error
	switch {
	case o.Regex != nil:
		t.Regex = *o.Regex
		if t.expression, err = regexp.Compile(t.Regex); err != nil {
			return document.Errorf("regex", "%v", err)
		}
	case o.JSONPath != nil:
		t.JSONPath = *o.JSONPath
		if t.path, err = jsonpath.Parse(t.JSONPath); err != nil {
			return document.Errorf("jsonpath", "%v (RFC 9535)", err)
		}
	case o.Range != nil:
		return document.At(t.readBounds(o.Range), "range")
	case o.OneOf != nil:
		return document.At(t.readOneOf(o.OneOf), "one_of")
	}
	return nil
}

// Judge says what is wrong with an answer; "" = nothing. The answer is a value of JSON: an object (map[string]any) with status
// for replies and programs, a [json.Number] for queries. A tolerance with a Process is its runner's to judge.
func (t *Tolerance) Judge(answer any) string {
	value := t.part(answer)
	good := false
	switch {
	case t.expression != nil:
		text, isText := value.(string)
		if !isText {
			text = jsonText(value)
		}
		good = t.expression.MatchString(text)
	case t.path != nil:
		good = t.judgePath(value)
	case t.low != nil:
		number := rational(value)
		good = number != nil && t.low.Cmp(number) <= 0 && number.Cmp(t.high) <= 0
	case t.oneOf != nil:
		for _, one := range t.oneOf {
			good = good || same(one, value)
		}
	default:
		good = same(t.equal, value)
	}
	if good {
		return ""
	}
	return fmt.Sprintf("want %s, got %s", jsonText(t.written), clip(jsonText(value)))
}

// part is what of an answer the tolerance is about.
func (t *Tolerance) part(answer any) any {
	object, isObject := answer.(map[string]any)
	if !isObject {
		return answer
	}
	if part, ok := object[t.Target]; ok && t.Target != "" {
		return part
	}
	if status, ok := object["status"]; ok && t.expression == nil && t.path == nil && t.Target == "" {
		return status
	}
	return answer
}

// judgePath holds what the path selects against what is expected; a text is read as JSON where it is JSON.
func (t *Tolerance) judgePath(value any) bool {
	if text, ok := value.(string); ok {
		if read, err := document.ParseJSON([]byte(text)); err == nil {
			value = valueOf(read)
		}
	}
	selected := []any(t.path.Select(value))
	switch {
	case t.Expect != nil && t.Expect.Kind == document.List:
		return same(valueOf(t.Expect), selected)
	case t.Expect != nil:
		return len(selected) == 1 && same(valueOf(t.Expect), selected[0])
	case t.Count != nil:
		return len(selected) == *t.Count
	}
	return len(selected) > 0
}

// valueOf is a document's value with numbers as [json.Number].
func valueOf(n *document.Node) any {
	var value any
	if err := document.Decode(n, &value); err != nil {
		return nil // not reached: an any takes every value
	}
	return value
}

// same compares values of JSON; numbers by what they are worth, so that 200 and 2e2 are the same.
func same(a, b any) bool {
	if x, y := rational(a), rational(b); x != nil && y != nil {
		return x.Cmp(y) == 0
	}
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, value := range a {
			other, ok := b[name]
			if !ok || !same(value, other) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// rational is the exact value of a number; nil for what is none, or has an exponent that nobody means.
func rational(value any) *big.Rat {
	number, ok := value.(json.Number)
	if !ok {
		return nil
	}
	if _, exponent, found := strings.Cut(strings.ToLower(number.String()), "e"); found && len(strings.TrimLeft(exponent, "+-0")) > 3 {
		return nil
	}
	r, ok := new(big.Rat).SetString(number.String())
	if !ok {
		return nil
	}
	return r
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// clip cuts a text that is longer than a message should repeat.
func clip(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
