package faults

import (
	"fmt"
	"regexp"
	"strings"
)

// glob compiles a path pattern: * stands for any text within a segment, ** for any text across segments; either may
// be empty. The time that a test takes is linear in the length of the path, whatever the pattern, of at most
// [MaxPattern] bytes.
func glob(pattern string) (test, error) {
	if len(pattern) > MaxPattern {
		return nil, fmt.Errorf("pattern %q: at most %d bytes, got %d", clip(pattern), MaxPattern, len(pattern))
	}
	head, tail, across := strings.Cut(pattern, "**")
	switch {
	case across && tail != "":
		return globAcross(pattern)
	case !across && !strings.Contains(pattern, "*"):
		return equal(pattern)
	}
	literals := strings.Split(head, "*")
	return func(path string) bool { return matchStars(path, literals, across) }, nil
}

// matchStars reports whether path is made of the literals, the first at its beginning, with text without a slash
// between two. The last stands at the path's end, unless more may follow.
//
// It takes each literal where it first occurs. That loses nothing: within a segment a later place leaves less text for
// the rest, and a literal with a slash has only one place to be.
func matchStars(path string, literals []string, moreMayFollow bool) bool {
	path, found := strings.CutPrefix(path, literals[0])
	if !found {
		return false
	}
	last := len(literals) - 1
	for i, literal := range literals[1:] {
		at := strings.Index(path, literal)
		if i+1 == last && !moreMayFollow {
			at = len(path) - len(literal)
		}
		if at < 0 || strings.Contains(path[:at], "/") || !strings.HasPrefix(path[at:], literal) {
			return false
		}
		path = path[at+len(literal):]
	}
	return true
}

// globAcross compiles any path pattern, by way of RE2.
func globAcross(pattern string) (test, error) {
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
			end := strings.IndexByte(rest+"*", '*')
			expression.WriteString(regexp.QuoteMeta(rest[:end]))
			rest = rest[end:]
		}
	}
	expression.WriteString(`\z`)
	compiled, err := regexp.Compile(expression.String())
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", clip(pattern), err)
	}
	return compiled.MatchString, nil
}
