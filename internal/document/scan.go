package document

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// number reads a number and keeps it as it is written.
func (p *parser) number() (string, error) {
	length := numberLength(p.text[p.pos:])
	if length == 0 {
		return "", p.fail("not a number: a digit is missing")
	}
	// A copy: a part of p.text would keep the whole document in memory for as long as the number is used.
	text := strings.Clone(p.text[p.pos : p.pos+length])
	p.pos += length
	return text, nil
}

// isNumber says that text is a JSON number and nothing else.
func isNumber(text string) bool { return text != "" && numberLength(text) == len(text) }

// numberLength is the length of the JSON number that s starts with, 0 if it starts with none (RFC 8259, section 6).
func numberLength(s string) int {
	rest := strings.TrimPrefix(s, "-")
	whole := digits(rest)
	if whole == 0 {
		return 0
	}
	if rest[0] == '0' {
		whole = 1
	}
	rest = rest[whole:]
	if fraction, ok := strings.CutPrefix(rest, "."); ok {
		if digits(fraction) == 0 {
			return 0
		}
		rest = fraction[digits(fraction):]
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		exponent := rest[1:]
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if digits(exponent) == 0 {
			return 0
		}
		rest = exponent[digits(exponent):]
	}
	return len(s) - len(rest)
}

// digits counts the decimal digits that s starts with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// quoted reads a string; p.pos is at its opening quote.
func (p *parser) quoted() (string, error) {
	p.pos++
	var b strings.Builder
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		case c < ' ':
			return "", p.fail("a string holds the control character %q, which must be escaped", c)
		default:
			r, size := utf8.DecodeRuneInString(p.text[p.pos:])
			if r == utf8.RuneError && size == 1 {
				return "", p.fail("a string holds a byte that is not UTF-8")
			}
			b.WriteString(p.text[p.pos : p.pos+size])
			p.pos += size
		}
	}
	return "", p.fail("the document ends inside a string")
}

// escape reads what a backslash introduces; p.pos is at the backslash, and stays there when it is refused.
func (p *parser) escape() (rune, error) {
	const letters, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	rest := p.text[p.pos:]
	if len(rest) > 1 {
		if i := strings.IndexByte(letters, rest[1]); i >= 0 {
			p.pos += 2
			return rune(meanings[i]), nil
		}
	}
	unit, ok := codeUnit(rest)
	if !ok {
		return 0, p.fail(`a string holds a backslash that starts no escape (such as \n, \", \\ or \u00e9)`)
	}
	if !utf16.IsSurrogate(unit) {
		p.pos += codeUnitLength
		return unit, nil
	}
	low, _ := codeUnit(rest[codeUnitLength:])
	r := utf16.DecodeRune(unit, low)
	if r == utf8.RuneError {
		return 0, p.fail("a string holds half of a surrogate pair, %s", rest[:codeUnitLength])
	}
	p.pos += 2 * codeUnitLength
	return r, nil
}

const codeUnitLength = len(`\u0000`)

// codeUnit reads the UTF-16 code unit that s starts with, written as \u and four hexadecimal digits.
func codeUnit(s string) (rune, bool) {
	if len(s) < codeUnitLength || !strings.HasPrefix(s, `\u`) {
		return 0, false
	}
	// ParseUint with a base takes hexadecimal digits only: no sign, no prefix, no underscore.
	unit, err := strconv.ParseUint(s[2:codeUnitLength], 16, 16)
	return rune(unit), err == nil
}
