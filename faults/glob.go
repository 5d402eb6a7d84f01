package faults

import (
	"fmt"
	"strings"
)

// glob compiles a path pattern: * stands for any text within a segment, ** for any text across segments; either may
// be empty. The time that a test takes is linear in the length of the path, whatever the pattern, of at most
// [MaxPattern] bytes: see [automaton] for the worst of it.
func glob(pattern string) (test, error) {
	if len(pattern) > MaxPattern {
		return nil, fmt.Errorf("pattern %q: at most %d bytes, got %d", clip(pattern), MaxPattern, len(pattern))
	}
	head, tail, across := strings.Cut(pattern, "**")
	switch {
	case across && tail != "":
		return globAcross(pattern), nil
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

// globAcross compiles any path pattern.
func globAcross(pattern string) test {
	first, last := strings.IndexByte(pattern, '*'), strings.LastIndexByte(pattern, '*')
	head, tail := pattern[:first], pattern[last+1:]
	ends := func(path string) bool {
		return len(path) >= len(head)+len(tail) && strings.HasPrefix(path, head) && strings.HasSuffix(path, tail)
	}
	if strings.Trim(pattern[first:last+1], "*") == "" {
		return ends
	}
	a := newAutomaton(pattern)
	return func(path string) bool { return ends(path) && a.match(path) }
}

// automaton tests a pattern on all of its ways at once, by the Shift-And method (Baeza-Yates and Gonnet, 1992): state i
// means that the first i literal bytes are found. A star is a state that holds on while bytes pass. Each byte of a text
// costs the same, about 2 ns for each 64 bytes of the pattern, whatever the text: a backtracking test, and an RE2 with
// many threads, can be made to take a thousand times that.
type automaton struct {
	row     [256]uint8          // of each byte, in steps
	steps   [][maxWords]uint64  // which states a byte leads to; row 0 is that of bytes not in the pattern
	holdsOn [2][maxWords]uint64 // states that any byte leaves as they are: a slash, another one
	words   int                 // of 64 states each
	final   int                 // the state of a match
}

// maxWords is how many words the states of a pattern take.
const maxWords = MaxPattern/64 + 1

func newAutomaton(pattern string) *automaton {
	a := &automaton{steps: make([][maxWords]uint64, 1)}
	for rest := pattern; rest != ""; rest = rest[1:] {
		word, bit := a.final/64, uint64(1)<<(a.final%64)
		switch {
		case strings.HasPrefix(rest, "**"):
			a.holdsOn[0][word] |= bit
			fallthrough
		case rest[0] == '*':
			a.holdsOn[1][word] |= bit
			continue
		}
		row := &a.row[rest[0]]
		if *row == 0 {
			*row = uint8(len(a.steps))
			a.steps = append(a.steps, [maxWords]uint64{})
		}
		a.final++
		a.steps[*row][a.final/64] |= 1 << (a.final % 64)
	}
	a.words = a.final/64 + 1
	return a
}

// match reports whether the pattern matches a path as a whole.
func (a *automaton) match(path string) bool {
	var states [maxWords]uint64
	states[0] = 1
	for i := range len(path) {
		step, holdsOn := &a.steps[a.row[path[i]]], &a.holdsOn[1]
		if path[i] == '/' {
			holdsOn = &a.holdsOn[0]
		}
		carry := uint64(0)
		for word := range a.words {
			old := states[word]
			states[word] = (old<<1|carry)&step[word] | old&holdsOn[word]
			carry = old >> 63
		}
	}
	return states[a.final/64]>>(a.final%64)&1 == 1
}
