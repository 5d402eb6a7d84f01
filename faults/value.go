package faults

import (
	"encoding/json"
	"fmt"
	"regexp/syntax"

	"github.com/squall-proxy/squall/internal/document"
)

// What bounds the cost of conditions, for those who write documents and for each exchange.
const (
	// MaxPattern is how long the text of a condition may be, in bytes. Together with RE2 it keeps matching linear.
	MaxPattern = 1024
	// MaxList is how many entries a list of a [Match] may have, and how many fields or parameters it may name.
	MaxList = 1000
	// MaxRegex is how large a regular expression may be, in instructions of RE2: about one for each character, and as
	// many times that as a repetition such as {0,50} counts. An instruction takes up to 10 ns for each byte of a text.
	MaxRegex = 500
	// MaxRegexText is the longest text that a regular expression is tried on, in bytes. It does not match a longer one. Of
	// a header field with many lines it sees those that come before so many bytes.
	MaxRegexText = 8 << 10
	// MaxWeight bounds the conditions of all rules of a [Set] together: a regular expression weighs its instructions, a
	// path pattern with text around ** 1 for each 64 bytes, each value that is looked for in a body 6.
	MaxWeight = 10_000
)

// Value is a condition on one text. Exactly one of its forms is set: documents write a string for Exact, or an object
// such as {"prefix": "/api"} or {"absent": true}.
type Value struct {
	Exact  *string `json:"exact,omitempty"`
	Prefix *string `json:"prefix,omitempty"`
	Suffix *string `json:"suffix,omitempty"`
	Regex  *string `json:"regex,omitempty"` // RE2; found anywhere in the text
	Absent bool    `json:"absent,omitempty"`
}

// Values holds if any of its conditions does. Documents write one condition, or a list.
type Values []Value

// Exactly is the condition that a text equals one of those given.
func Exactly(texts ...string) Values {
	values := make(Values, len(texts))
	for i, text := range texts {
		values[i].Exact = &text
	}
	return values
}

// DecodeDocument reads a condition: a string, or an object with one form.
func (v *Value) DecodeDocument(n *document.Node) error {
	*v = Value{}
	switch n.Kind {
	case document.String:
		text := n.Text
		v.Exact = &text
	case document.Object:
		type plain Value
		if err := document.Decode(n, (*plain)(v)); err != nil {
			return err
		}
	default:
		return document.Errorf("", `want a string or an object such as {"prefix": "a"}, got %s`, n.Kind)
	}
	return v.validate()
}

func (v *Value) validate() error {
	forms := 0
	for _, form := range []struct {
		name string
		text *string
	}{{"exact", v.Exact}, {"prefix", v.Prefix}, {"suffix", v.Suffix}, {"regex", v.Regex}} {
		if form.text == nil {
			continue
		}
		if forms++; len(*form.text) > MaxPattern {
			return document.Errorf(form.name, "at most %d bytes, got %d", MaxPattern, len(*form.text))
		}
	}
	if v.Absent {
		forms++
	}
	if forms != 1 {
		return document.Errorf("", "want exactly one of exact, prefix, suffix, regex, absent")
	}
	if v.Regex != nil {
		size, err := regexSize(*v.Regex)
		switch {
		case err != nil:
			return document.Errorf("regex", "%v", err)
		case size > MaxRegex:
			return document.Errorf("regex", "compiles to %d instructions, at most %d: count fewer repetitions", size, MaxRegex)
		}
	}
	return nil
}

// regexSize gives the instructions of a regular expression, or what is wrong with it.
func regexSize(expression string) (int, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, err
	}
	compiled, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	return len(compiled.Inst), nil
}

// checkList refuses a list that matches nothing, and one that is too long; listed tells whether there is one at all.
func checkList(listed bool, length int) error {
	switch {
	case listed && length == 0:
		return document.Errorf("", "must not be an empty list: it would match nothing")
	case length > MaxList:
		return document.Errorf("", "at most %d entries, got %d", MaxList, length)
	}
	return nil
}

// MarshalJSON writes the short form where there is one.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.Exact != nil {
		return json.Marshal(*v.Exact)
	}
	type plain Value
	return json.Marshal(plain(v))
}

// DecodeDocument reads one condition or a list of them.
func (vs *Values) DecodeDocument(n *document.Node) error {
	if n.Kind != document.List {
		var one Value
		if err := one.DecodeDocument(n); err != nil {
			return err
		}
		*vs = Values{one}
		return nil
	}
	if err := checkList(true, len(n.Items)); err != nil {
		return err
	}
	var list []Value
	if err := document.Decode(n, &list); err != nil {
		return err
	}
	*vs = list
	return nil
}

// MarshalJSON writes a single condition without a list.
func (vs Values) MarshalJSON() ([]byte, error) {
	if len(vs) == 1 {
		return json.Marshal(vs[0])
	}
	return json.Marshal([]Value(vs))
}

// validate checks each condition; check, if not nil, says more about those of one field.
func (vs Values) validate(check func(Value) error) error {
	if err := checkList(vs != nil, len(vs)); err != nil {
		return err
	}
	for i, v := range vs {
		err := v.validate()
		if err == nil && check != nil {
			err = check(v)
		}
		switch {
		case err != nil && len(vs) > 1:
			return document.At(err, fmt.Sprintf("[%d]", i))
		case err != nil:
			return err
		}
	}
	return nil
}
