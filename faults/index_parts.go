package faults

import (
	"net/textproto"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// part is something of an exchange that a rule can ask for.
type part struct {
	of    partKind
	depth int    // of ofPath: how many segments; of the starts: how many bytes
	name  string // of a header field, or a parameter of the query
}

type partKind int

const (
	ofPath partKind = iota
	ofPathStart
	ofHeaderLine
	ofHeaderStart
	ofHost
	ofMethod
	ofParameter
	ofStatus
)

const maxDepth = 4 // of ofPath

// startDepths are those of the starts, the more telling ones first.
var startDepths = [...]int{16, 8, 4, 2}

// statusTexts are those of all statuses that have three digits.
var statusTexts = func() (texts [1000]string) {
	for status := range texts {
		texts[status] = strconv.Itoa(status)
	}
	return texts
}()

// text gives what an exchange has for a part; single is false if that is more than one text, none of them the one.
func (p part) text(v *View) (text string, single bool) {
	switch p.of {
	case ofPath:
		return segments(v.Path, p.depth), true
	case ofPathStart:
		return v.Path[:min(len(v.Path), p.depth)], true
	case ofHost:
		return v.hostName(), true
	case ofMethod:
		return v.Method, true
	case ofParameter:
		value, rest, _ := cutParameter(v.RawQuery, p.name)
		_, _, again := cutParameter(rest, p.name)
		return value, !again
	case ofStatus:
		return statusTexts[max(0, min(v.Status, len(statusTexts)-1))], true
	}
	switch lines := fieldLines(v.Header, p.name); {
	case len(lines) == 0:
		return "", true
	case len(lines) > 1:
		return "", false
	case p.of == ofHeaderStart:
		return lines[0][:min(len(lines[0]), p.depth)], true
	default:
		return lines[0], true
	}
}

// place is where a rule could stand: in the table of a part, under each of some texts.
type place struct {
	part  part
	texts []string
}

// placesOf lists where a rule with these conditions could stand.
func placesOf(m *Match) []place {
	if m == nil {
		return nil
	}
	if status, ok := placeOfStatus(m.Response); ok {
		return []place{status}
	}
	var places []place
	places = appendPathPlaces(places, m.Path)
	for _, name := range sortedNames(m.Headers) {
		places = appendHeaderPlaces(places, textproto.CanonicalMIMEHeaderKey(name), m.Headers[name])
	}
	for _, name := range sortedNames(m.Query) {
		places = appendPlace(places, part{of: ofParameter, name: name}, m.Query[name], Value.exact)
	}
	places = appendPlace(places, part{of: ofHost}, m.Host, func(v Value) (string, bool) {
		text, ok := v.exact()
		return strings.ToLower(text), ok
	})
	return appendPlace(places, part{of: ofMethod}, Exactly(m.Methods...), Value.exact)
}

// placeOfStatus is that of a rule on replies of some statuses. Where none of them is a success few replies have them, so
// nothing else can keep such a rule out of the way as well.
func placeOfStatus(m *ResponseMatch) (p place, ok bool) {
	if m == nil || len(m.Status) == 0 {
		return place{}, false
	}
	p.part.of = ofStatus
	for _, code := range slices.Compact(slices.Sorted(slices.Values(m.Status))) { // else the rule would be decided twice
		if code/100 == 2 {
			return place{}, false
		}
		p.texts = append(p.texts, strconv.Itoa(code))
	}
	return p, true
}

// appendPathPlaces adds those of a path: by its first segments, the more telling ones first, or where these are not
// certain by its first bytes.
func appendPathPlaces(places []place, vs Values) []place {
	before := len(places)
	for depth := maxDepth; depth > 0; depth-- {
		places = appendPlace(places, part{of: ofPath, depth: depth}, vs, func(v Value) (string, bool) {
			text := segments(v.pattern(), depth)
			return text, !strings.Contains(text, "*")
		})
	}
	if len(places) > before {
		return places
	}
	for _, depth := range startDepths {
		places = appendPlace(places, part{of: ofPathStart, depth: depth}, vs, func(v Value) (string, bool) {
			return beginning(v.pattern(), depth)
		})
	}
	return places
}

// appendHeaderPlaces adds those of a header field: by its whole line, or where that is not certain by its first bytes.
func appendHeaderPlaces(places []place, name string, vs Values) []place {
	before := len(places)
	places = appendPlace(places, part{of: ofHeaderLine, name: name}, vs, Value.exact)
	if len(places) > before {
		return places
	}
	for _, depth := range startDepths {
		places = appendPlace(places, part{of: ofHeaderStart, depth: depth, name: name}, vs, func(v Value) (string, bool) {
			if line, ok := v.exact(); ok { // no pattern
				return line[:min(len(line), depth)], true
			}
			return beginning(v.pattern(), depth)
		})
	}
	return places
}

// appendPlace adds the place of a part, unless one of its conditions asks for no one text; text gives what each asks for.
func appendPlace(places []place, p part, vs Values, text func(Value) (string, bool)) []place {
	var texts []string
	seen := make(map[string]bool, len(vs))
	for _, v := range vs {
		one, ok := text(v)
		if !ok {
			return places
		}
		if !seen[one] {
			seen[one] = true
			texts = append(texts, one)
		}
	}
	if texts == nil {
		return places
	}
	return append(places, place{p, texts})
}

// exact gives the one text that a condition asks for.
func (v Value) exact() (text string, ok bool) {
	if v.Exact == nil {
		return "", false
	}
	return *v.Exact, true
}

// pattern gives a glob pattern that matches whatever the condition does, if not only that.
func (v Value) pattern() string {
	switch {
	case v.Exact != nil:
		return *v.Exact
	case v.Prefix != nil:
		return *v.Prefix + "*"
	case v.Regex != nil:
		return literalStart(*v.Regex) + "*"
	}
	return "*"
}

// literalStart gives the text that everything begins with in which an expression is found; "" if there is no such text.
func literalStart(expression string) string {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return ""
	}
	parsed = parsed.Simplify()
	if parsed.Op != syntax.OpConcat || len(parsed.Sub) < 2 || parsed.Sub[0].Op != syntax.OpBeginText {
		return ""
	}
	literal := parsed.Sub[1]
	if literal.Op != syntax.OpLiteral || literal.Flags&syntax.FoldCase != 0 || slices.Contains(literal.Rune, utf8.RuneError) {
		return "" // U+FFFD is found in whatever is not UTF-8
	}
	return string(literal.Rune)
}

// beginning gives the first bytes of what a glob pattern matches, if they are certain.
func beginning(pattern string, depth int) (text string, ok bool) {
	certain, _, wild := strings.Cut(pattern, "*")
	if len(certain) < depth {
		return certain, !wild
	}
	return certain[:depth], true
}

// segments gives the first segments of a path, with the slash before each: "/a/b" for "/a/b/c" and depth 2.
func segments(path string, depth int) string {
	end := 0
	for range depth {
		next := strings.IndexByte(path[min(end+1, len(path)):], '/')
		if next < 0 {
			return path
		}
		end += 1 + next
	}
	return path[:end]
}
