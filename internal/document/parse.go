package document

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how many lists and objects may stand inside each other.
const MaxDepth = 64

// MaxValues is how many values a document that somebody sends may have, lists and objects included. Each costs more than
// a hundred bytes of memory, however few it takes to write. A rule has about ten.
const MaxValues = 100_000

// ParseJSON reads data, which must be one JSON value (RFC 8259) in valid UTF-8 with nothing but white space around it, at
// most [MaxDepth] deep, no name twice in an object, no half of a surrogate pair. Every error is an [*Error] with its place.
//
// It is for what squall wrote itself; see [ParseJSONWithin] for what somebody sends.
func ParseJSON(data []byte) (*Node, error) { return ParseJSONWithin(data, math.MaxInt) }

// ParseJSONWithin is [ParseJSON] for a document with at most so many values.
func ParseJSONWithin(data []byte, maxValues int) (*Node, error) {
	p := &parser{text: string(data), line: 1, column: 1, maxValues: maxValues}
	n, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.next(); p.pos < len(p.text) {
		return nil, p.fail("want the end of the document, got %s", p.got())
	}
	return n, nil
}

// parser reads text by recursive descent.
type parser struct {
	text  string
	pos   int // of the next byte to read
	depth int // lists and objects that are open

	values, maxValues int

	counted      int // bytes of text that line and column have passed
	line, column int
}

// place is the line and column of p.pos. Each byte is passed once, so p.pos must not have gone back before the last place
// that was asked for.
func (p *parser) place() (line, column int) {
	for ; p.counted < p.pos; p.counted++ {
		switch c := p.text[p.counted]; {
		case c == '\n':
			p.line, p.column = p.line+1, 1
		case utf8.RuneStart(c):
			p.column++
		}
	}
	return p.line, p.column
}

// fail refuses what stands at p.pos.
func (p *parser) fail(format string, args ...any) error {
	line, column := p.place()
	return &Error{Reason: fmt.Sprintf(format, args...), Line: line, Column: column}
}

// got describes what stands at p.pos.
func (p *parser) got() string {
	r, size := utf8.DecodeRuneInString(p.text[p.pos:])
	switch {
	case size == 0:
		return "the end of the document"
	case r == utf8.RuneError && size == 1:
		return "a byte that is not UTF-8"
	}
	return fmt.Sprintf("%q", r)
}

// next passes white space and returns the byte that follows, 0 at the end.
func (p *parser) next() byte {
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (p *parser) value() (*Node, error) {
	first := p.next()
	if p.values == p.maxValues {
		return nil, p.fail("the document has more than %d values", p.maxValues)
	}
	p.values++
	n := &Node{}
	n.Line, n.Column = p.place()
	var err error
	switch first {
	case '{':
		n.Kind = Object
		n.Members, err = p.members()
	case '[':
		n.Kind = List
		n.Items, err = p.items()
	case '"':
		n.Kind = String
		n.Text, err = p.quoted()
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		n.Kind = Number
		n.Text, err = p.number()
	default:
		err = p.word(n)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// word reads null, true or false into n.
func (p *parser) word(n *Node) error {
	rest := p.text[p.pos:]
	switch {
	case strings.HasPrefix(rest, "null"):
		p.pos += len("null")
	case strings.HasPrefix(rest, "true"):
		p.pos += len("true")
		n.Kind, n.Bool = Bool, true
	case strings.HasPrefix(rest, "false"):
		p.pos += len("false")
		n.Kind = Bool
	default:
		return p.fail("want a value, got %s", p.got())
	}
	return nil
}

func (p *parser) items() ([]*Node, error) {
	var items []*Node
	err := p.sequence(']', func() error {
		item, err := p.value()
		if err != nil {
			return prefix(err, index(len(items)))
		}
		items = append(items, item)
		return nil
	})
	return items, err
}

func (p *parser) members() ([]Member, error) {
	var members []Member
	seen := map[string]bool{}
	err := p.sequence('}', func() error {
		m, err := p.member(seen)
		if err != nil {
			return err
		}
		members = append(members, m)
		return nil
	})
	return members, err
}

// member reads a name and its value; seen holds the names of the object so far.
func (p *parser) member(seen map[string]bool) (Member, error) {
	if p.next() != '"' {
		return Member{}, p.fail("want a name in double quotes, got %s", p.got())
	}
	var m Member
	var err error
	m.Line, m.Column = p.place()
	if m.Name, err = p.quoted(); err != nil {
		return Member{}, err
	}
	if seen[m.Name] {
		return Member{}, &Error{Field: key(m.Name), Reason: "given twice", Line: m.Line, Column: m.Column}
	}
	seen[m.Name] = true
	if p.next() != ':' {
		return Member{}, prefix(p.fail("want ':' after the name, got %s", p.got()), key(m.Name))
	}
	p.pos++
	if m.Value, err = p.value(); err != nil {
		return Member{}, prefix(err, key(m.Name))
	}
	return m, nil
}

// sequence reads a list or an object from its opening to its closing bracket; element reads what stands between commas.
func (p *parser) sequence(closing byte, element func() error) error {
	if p.depth == MaxDepth {
		return p.fail("nested more than %d levels deep", MaxDepth)
	}
	p.depth++
	p.pos++
	if p.next() != closing {
		if err := p.elements(closing, element); err != nil {
			return err
		}
	}
	p.pos++
	p.depth--
	return nil
}

// elements reads one element or more, up to the closing bracket.
func (p *parser) elements(closing byte, element func() error) error {
	for {
		if err := element(); err != nil {
			return err
		}
		switch p.next() {
		case closing:
			return nil
		case ',':
			p.pos++
		default:
			return p.fail("want ',' or %q, got %s", closing, p.got())
		}
	}
}
