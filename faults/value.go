package faults

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxPattern bounds the text of a condition, in bytes. Together with RE2 it keeps matching linear.
const MaxPattern = 1024

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
		if _, err := regexp.Compile(*v.Regex); err != nil {
			return document.Errorf("regex", "%v", err)
		}
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
	if len(n.Items) == 0 {
		return document.Errorf("", "must not be an empty list: it would match nothing")
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
	if vs != nil && len(vs) == 0 {
		return document.Errorf("", "must not be an empty list: it would match nothing")
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
