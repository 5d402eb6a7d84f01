package faults

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/squall-proxy/squall/internal/document"
)

// change says what becomes of a value of JSON, or of those below it. Of text, drop and the rest at most one is given.
type change struct {
	text  []byte // takes the value's place
	drop  bool   // takes it away
	below map[string]*change
	names []string // of below, in order
	items map[int]*change

	// fresh is what a missing member is added as. In a list it is put before the item. Where there is something below,
	// it also takes the place of what is no object (RFC 7396).
	fresh []byte
}

// under gives the change of the member or the item of that token.
func (c *change) under(token string) *change {
	if known := c.below[token]; known != nil {
		return known
	}
	below := &change{}
	c.put(token, below)
	return below
}

// put sets the change of the member or the item of that token.
func (c *change) put(token string, below *change) {
	if c.below == nil {
		c.below, c.items = make(map[string]*change), make(map[int]*change)
	}
	if c.below[token] == nil {
		c.names = append(c.names, token)
	}
	c.below[token] = below
	if at, ok := itemIndex(token); ok {
		c.items[at] = below
	}
}

// isLeaf reports whether the change is about the value itself.
func (c *change) isLeaf() bool { return c.drop || c.text != nil }

// changeAt is a change of what stands where pointers lead. Of two, one below the other, the upper one counts.
func changeAt(leaf change, pointers ...[]string) *change {
	root := &change{}
	for _, pointer := range pointers {
		at := root
		for _, token := range pointer {
			if at.isLeaf() {
				break
			}
			at = at.under(token)
		}
		if !at.isLeaf() {
			*at = leaf
		}
	}
	return root
}

// mergeOf is what a merge patch asks for (RFC 7396).
func mergeOf(patch *document.Node) *change {
	fresh, _ := document.Merge(nil, patch).MarshalJSON() // a parsed document always marshals
	if patch.Kind != document.Object {
		return &change{text: fresh, fresh: fresh}
	}
	c := &change{fresh: fresh}
	for _, m := range patch.Members {
		if m.Value.Kind == document.Null {
			c.put(m.Name, &change{drop: true})
		} else {
			c.put(m.Name, mergeOf(m.Value))
		}
	}
	return c
}

// itemIndex reads the token of an item: decimal digits without leading zeros.
func itemIndex(token string) (at int, ok bool) {
	if token == "" || token[0] < '0' || token[0] > '9' || token[0] == '0' && token != "0" {
		return 0, false
	}
	at, err := strconv.Atoi(token)
	return at, err == nil
}

// editor writes a JSON text anew, in one pass over it: values that no change is about are copied as they stand, in their
// order, numbers as they were written.
type editor struct {
	rest    []byte // valid JSON: the next value, and what follows it
	out     []byte
	found   bool // a place that the change is about
	changed bool // that place says something else now
	full    bool // the text is longer than [MaxDegradeBody]
}

// roomToGrow is how much longer than the text that came a new one may be without being moved, in bytes.
const roomToGrow = 4 << 10

// edit makes a change; what it writes goes into room, if there is enough.
func edit(text, room []byte, c *change) (*editor, error) {
	if cap(room) < len(text)+roomToGrow {
		room = make([]byte, 0, len(text)+2*roomToGrow)
	}
	e := &editor{rest: skip(text, ' '), out: room}
	e.value(c)
	return e, e.err()
}

// cutLists takes away what is more than so many items in a list.
func cutLists(text []byte, most int) (*editor, error) {
	e := &editor{rest: skip(text, ' '), out: make([]byte, 0, len(text))}
	e.cut(most)
	return e, e.err()
}

func (e *editor) err() error {
	if e.full {
		return errTooLong
	}
	return nil
}

// differs notes that something was changed.
func (e *editor) differs() { e.found, e.changed = true, true }

func (e *editor) write(text []byte) {
	if e.full = e.full || len(e.out)+len(text) > MaxDegradeBody; !e.full {
		e.out = append(e.out, text...)
	}
}

func (e *editor) writeByte(c byte) {
	if e.full = e.full || len(e.out) == MaxDegradeBody; !e.full {
		e.out = append(e.out, c)
	}
}

// writeName begins a member; the name is quoted.
func (e *editor) writeName(begin int, name []byte) {
	e.separate(begin)
	e.write(name)
	e.writeByte(':')
}

// value writes the next value.
func (e *editor) value(c *change) {
	switch {
	case c == nil:
		e.write(e.take())
	case c.text != nil:
		e.found = true
		e.changed = !bytes.Equal(e.take(), c.text) || e.changed
		e.write(c.text)
	case e.rest[0] == '{':
		e.object(c)
	case c.fresh != nil:
		e.take()
		e.write(c.fresh)
		e.differs()
	case e.rest[0] == '[' && c.below != nil:
		e.list(c)
	default:
		e.write(e.take())
	}
}

// take passes the next value.
func (e *editor) take() (value []byte) {
	value, e.rest = cutValue(e.rest)
	return value
}

// more opens a container, or goes on to its next element, and reports whether there is one.
func (e *editor) more() bool {
	e.rest = skip(e.rest[1:], ' ')
	return e.rest[0] != '}' && e.rest[0] != ']'
}

// behind passes the white space behind an element, up to what [editor.more] begins with.
func (e *editor) behind() { e.rest = skip(e.rest, ' ') }

// separate writes the comma before every element but the first of a container that begins at a place of out.
func (e *editor) separate(begin int) {
	if !e.full && len(e.out) > begin {
		e.writeByte(',')
	}
}

// name passes the name of a member.
func (e *editor) name() []byte {
	name := e.take()
	e.rest = skip(e.rest, ':')
	return name
}

func (e *editor) object(c *change) {
	e.writeByte('{')
	begin := len(e.out)
	var seen []string
	for more := e.more(); more; more = e.rest[0] == ',' && e.more() {
		name := e.name()
		below, token := c.member(name)
		if below != nil {
			seen = append(seen, token)
		}
		if below != nil && below.drop {
			e.take()
			e.differs()
		} else {
			e.writeName(begin, name)
			e.value(below)
		}
		e.behind()
	}
	for _, name := range c.names {
		if fresh := c.below[name].fresh; fresh != nil && !slices.Contains(seen, name) {
			quoted, _ := json.Marshal(name) // a text always marshals
			e.writeName(begin, quoted)
			e.write(fresh)
			e.differs()
		}
	}
	e.writeByte('}')
	e.rest = e.rest[1:]
}

// member gives the change of a member, by its name as it is quoted; nil = none.
func (c *change) member(quoted []byte) (below *change, name string) {
	if plain := quoted[1 : len(quoted)-1]; bytes.IndexByte(plain, '\\') < 0 {
		if below = c.below[string(plain)]; below != nil { // looking takes no memory
			name = string(plain)
		}
		return below, name
	}
	var unquoted string
	if json.Unmarshal(quoted, &unquoted) != nil {
		return nil, ""
	}
	return c.below[unquoted], unquoted
}

func (e *editor) list(c *change) {
	e.writeByte('[')
	begin, at := len(e.out), 0
	for more := e.more(); more; more = e.rest[0] == ',' && e.more() {
		below := c.items[at]
		at++
		switch {
		case below != nil && below.drop:
			e.take()
			e.differs()
		case below != nil && below.fresh != nil:
			e.insert(begin, below)
			e.separate(begin)
			e.value(nil)
		default:
			e.separate(begin)
			e.value(below)
		}
		e.behind()
	}
	for _, token := range []string{strconv.Itoa(at), "-"} {
		if below := c.below[token]; below != nil && below.fresh != nil {
			e.insert(begin, below)
		}
	}
	e.writeByte(']')
	e.rest = e.rest[1:]
}

func (e *editor) insert(begin int, c *change) {
	e.separate(begin)
	e.write(c.fresh)
	e.differs()
}

// cut writes the next value with its lists cut.
func (e *editor) cut(most int) {
	opening := e.rest[0]
	if opening != '{' && opening != '[' {
		e.write(e.take())
		return
	}
	e.write(e.rest[:1])
	begin, at := len(e.out), 0
	for more := e.more(); more; more = e.rest[0] == ',' && e.more() {
		switch {
		case opening == '{':
			e.writeName(begin, e.name())
			e.cut(most)
		case at < most:
			e.separate(begin)
			e.cut(most)
		default:
			e.take()
		}
		at++
		e.behind()
	}
	if opening == '[' && at > most {
		e.differs()
	}
	e.write(e.rest[:1])
	e.rest = e.rest[1:]
}
