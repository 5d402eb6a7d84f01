package faults

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Value is a condition on one text. Exactly one of its forms is set: documents write a string for Exact, or an object
// such as {"prefix": "/api"} or {"absent": true}.
type Value struct {
	Exact  *string `json:"exact,omitempty"`
	Prefix *string `json:"prefix,omitempty"`
	Suffix *string `json:"suffix,omitempty"`
	Regex  *string `json:"regex,omitempty"`
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
		v.Exact = &n.Text
		return nil
	case document.Object:
		type plain Value
		if err := document.Decode(n, (*plain)(v)); err != nil {
			return err
		}
		return v.validate()
	}
	return document.Errorf("", `want a string or an object such as {"prefix": "a"}, got %s`, n.Kind)
}

func (v *Value) validate() error {
	forms := 0
	for _, text := range []*string{v.Exact, v.Prefix, v.Suffix, v.Regex} {
		if text != nil {
			forms++
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

// test is a compiled condition on a text.
type test func(text string) bool

// tests is a compiled Values: absent tells whether a missing text is fine.
type tests struct {
	any    []test
	absent bool
}

// compile turns conditions into functions; exact says how an Exact text is compared.
func (vs Values) compile(exact func(want string) test) *tests {
	if len(vs) == 0 {
		return nil
	}
	compiled := &tests{}
	for _, v := range vs {
		switch {
		case v.Absent:
			compiled.absent = true
		case v.Exact != nil:
			compiled.any = append(compiled.any, exact(*v.Exact))
		case v.Prefix != nil:
			compiled.any = append(compiled.any, func(text string) bool { return strings.HasPrefix(text, *v.Prefix) })
		case v.Suffix != nil:
			compiled.any = append(compiled.any, func(text string) bool { return strings.HasSuffix(text, *v.Suffix) })
		case v.Regex != nil:
			compiled.any = append(compiled.any, regexp.MustCompile(*v.Regex).MatchString)
		}
	}
	return compiled
}

// match holds if any condition holds for the text.
func (ts *tests) match(text string) bool {
	for _, test := range ts.any {
		if test(text) {
			return true
		}
	}
	return false
}

// matchAny holds if any condition holds for any of the texts, or if there is no text and that is what is asked.
func (ts *tests) matchAny(texts []string) bool {
	if len(texts) == 0 {
		return ts.absent
	}
	for _, text := range texts {
		if ts.match(text) {
			return true
		}
	}
	return false
}

func equal(want string) test { return func(text string) bool { return text == want } }

// glob compiles a path pattern: * stands for any text within a segment, ** for any text across segments.
func glob(pattern string) test {
	literal := strings.IndexByte(pattern, '*')
	if literal < 0 {
		return equal(pattern)
	}
	if pattern[literal:] == "**" {
		prefix := pattern[:literal]
		return func(text string) bool { return strings.HasPrefix(text, prefix) }
	}
	var expression strings.Builder
	expression.WriteString(`(?s)\A`)
	for rest := pattern; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			expression.WriteString(`.*`)
			rest = rest[2:]
		case rest[0] == '*':
			expression.WriteString(`[^/]*`)
			rest = rest[1:]
		default:
			end := strings.IndexByte(rest, '*')
			if end < 0 {
				end = len(rest)
			}
			expression.WriteString(regexp.QuoteMeta(rest[:end]))
			rest = rest[end:]
		}
	}
	expression.WriteString(`\z`)
	return regexp.MustCompile(expression.String()).MatchString
}
