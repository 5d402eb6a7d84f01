package faults

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/squall-proxy/squall/internal/document"
)

// What follows looks for values in the text of a JSON document, without a copy or a tree of it. All of it takes valid
// JSON only (see [json.Valid]).

// cutValue splits off the value that text begins with.
func cutValue(text []byte) (value, rest []byte) {
	i, depth := 0, 0
	for i < len(text) {
		switch text[i] {
		case '"':
			i = endOfString(text, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			if depth == 0 { // a number, true, false, null
				end := endOfWord(text)
				return text[:end], text[end:]
			}
			i++
		}
		if depth == 0 {
			break
		}
	}
	return text[:i], text[i:]
}

// endOfString gives the place behind the string that begins at i.
func endOfString(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func endOfWord(text []byte) int {
	for i, c := range text {
		if c <= ' ' || c == ',' || c == ']' || c == '}' {
			return i
		}
	}
	return len(text)
}

// skip passes white space, and one sort of separator.
func skip(text []byte, separator byte) []byte {
	for i, c := range text {
		if c > ' ' && c != separator {
			return text[i:]
		}
	}
	return nil
}

// elements walks through those of a list or an object.
type elements struct {
	rest  []byte
	named bool
}

func elementsOf(container []byte) elements { return elements{container[1:], container[0] == '{'} }

// next gives the next element; of an object with its name, quoted as it is.
func (e *elements) next() (name, value []byte, ok bool) {
	if name, ok = e.open(); ok {
		value, e.rest = cutValue(e.rest)
	}
	return name, value, ok
}

// open goes to the value of the next element, which the caller passes. At the end rest begins with the closing bracket.
func (e *elements) open() (name []byte, ok bool) {
	e.rest = skip(e.rest, ',')
	if e.rest[0] == ']' || e.rest[0] == '}' {
		return nil, false
	}
	if e.named {
		name, e.rest = cutValue(e.rest)
		e.rest = skip(e.rest, ':')
	}
	return name, true
}

// find gives the value that a JSON pointer leads to; of members of one name the last counts. It is one pass.
func find(text []byte, pointer []string) (found []byte, ok bool) {
	found, _, ok = seek(skip(text, ' '), pointer)
	return found, ok
}

// seek is find in a text that begins with the value, and also gives what follows that.
func seek(text []byte, pointer []string) (found, rest []byte, ok bool) {
	if len(pointer) == 0 {
		found, rest = cutValue(text)
		return found, rest, true
	}
	if text[0] != '{' && text[0] != '[' {
		_, rest = cutValue(text)
		return nil, rest, false
	}
	e, at := elementsOf(text), 0
	index, isIndex := itemIndex(pointer[0])
	for name, more := e.open(); more; name, more = e.open() {
		here := isIndex && at == index
		if e.named {
			here = equalText(name, pointer[0])
		}
		if here {
			found, e.rest, ok = seek(e.rest, pointer[1:])
		} else {
			_, e.rest = cutValue(e.rest)
		}
		at++
	}
	return found, e.rest[1:], ok
}

// equalText reports whether a quoted string of JSON means a text.
func equalText(quoted []byte, text string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == text
	}
	var plain string
	return json.Unmarshal(quoted, &plain) == nil && plain == text
}

// equalJSON reports whether a value is what is wanted.
func equalJSON(value []byte, want *document.Node) bool {
	switch want.Kind {
	case document.Null:
		return string(value) == "null"
	case document.Bool:
		return string(value) == strconv.FormatBool(want.Bool)
	case document.Number:
		return equalNumbers(value, want.Text)
	case document.String:
		return value[0] == '"' && equalText(value, want.Text)
	case document.List:
		return value[0] == '[' && equalItems(value, want.Items)
	}
	return value[0] == '{' && equalMembers(value, want)
}

func equalItems(list []byte, want []*document.Node) bool {
	elements, i := elementsOf(list), 0
	for _, item, more := elements.next(); more; _, item, more = elements.next() {
		if i == len(want) || !equalJSON(item, want[i]) {
			return false
		}
		i++
	}
	return i == len(want)
}

func equalMembers(object []byte, want *document.Node) bool {
	elements := elementsOf(object)
	for name, _, more := elements.next(); more; name, _, more = elements.next() {
		if !slices.ContainsFunc(want.Members, func(m document.Member) bool { return equalText(name, m.Name) }) {
			return false
		}
	}
	for _, m := range want.Members {
		value, found := find(object, []string{m.Name})
		if !found || !equalJSON(value, m.Value) {
			return false
		}
	}
	return true
}

// equalNumbers compares two numbers by what they are worth, however they are written.
func equalNumbers(a []byte, b string) bool {
	if c := a[0]; c != '-' && (c < '0' || c > '9') {
		return false
	}
	if string(a) == b {
		return true
	}
	var room [2][64]byte
	x, xPower, xNegative, xOK := decimal(room[0][:0], a)
	y, yPower, yNegative, yOK := decimal(room[1][:0], b)
	return xOK && yOK && xNegative == yNegative && xPower == yPower && bytes.Equal(x, y)
}

// decimal takes a number of JSON apart: its digits without zeros at either end, put into room, and the power of ten that
// they are multiplied by; of zero no digits. ok is false for a power beyond all measure.
func decimal[T string | []byte](room []byte, number T) (digits []byte, power int, negative, ok bool) {
	end := len(number)
	for i := range len(number) {
		if number[i]|0x20 == 'e' {
			end = i
			break
		}
	}
	digits, point := room, false
	for i := range end {
		switch c := number[i]; c {
		case '-':
			negative = true
		case '.':
			point = true
		default:
			digits = append(digits, c)
			if point {
				power--
			}
		}
	}
	exponent, ok := wholeNumber(number[min(end+1, len(number)):])
	digits = bytes.TrimLeft(digits, "0")
	trimmed := bytes.TrimRight(digits, "0")
	if len(trimmed) == 0 {
		return nil, 0, false, ok
	}
	return trimmed, power + exponent + len(digits) - len(trimmed), negative, ok
}

// wholeNumber reads the power of ten that a number ends with, of up to nine digits; none is 0.
func wholeNumber[T string | []byte](text T) (n int, ok bool) {
	sign := 1
	for i := range len(text) {
		switch c := text[i]; {
		case c == '-':
			sign = -1
		case c == '+':
		case n >= 1e8:
			return 0, false
		default:
			n = n*10 + int(c-'0')
		}
	}
	return sign * n, true
}
