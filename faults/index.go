package faults

import (
	"net/textproto"
	"slices"
	"strings"
)

// index finds the rules that an exchange could match without looking at the others: a rule that asks for one text
// exactly, say a method or a header's value, stands in a table under that text.
type index struct {
	all    []*rule // in order
	others []*rule // those that are in no table
	tables []table // at most maxTables
}

// table finds rules by what they ask of one part of an exchange.
type table struct {
	part  part
	rules map[string][]*rule
}

// part is something of an exchange that a rule can ask for.
type part struct {
	of     partKind
	depth  int    // of ofPath: how many segments
	header string // of ofHeaderLine: the field's name
}

type partKind int

const (
	ofPath partKind = iota
	ofHeaderLine
	ofHost
	ofMethod
)

const (
	maxTables = 6
	maxDepth  = 3 // of ofPath
	// tableCost is what a look into one more table costs, in rules looked at. Few rules need no table.
	tableCost = 8
)

// place is where a rule could stand: in the table of a part, under each of some texts.
type place struct {
	part  part
	texts []string
}

// add puts a rule where the fewest others stand. The first few stay outside the tables.
func (x *index) add(r *rule) {
	x.all = append(x.all, r)
	places := placesOf(r.Match)
	best, least := -1, len(x.others)
	if least >= tableCost {
		least = len(x.all)
	}
	for i, p := range places {
		if cost := x.cost(p); cost < least {
			best, least = i, cost
		}
	}
	if best < 0 {
		x.others = append(x.others, r)
		return
	}
	p := places[best]
	t := x.find(p.part)
	if t == nil {
		x.tables = append(x.tables, table{p.part, make(map[string][]*rule)})
		t = &x.tables[len(x.tables)-1]
	}
	for _, text := range p.texts {
		t.rules[text] = append(t.rules[text], r)
	}
}

// cost is how many rules an exchange looks at for one more at a place.
func (x *index) cost(p place) int {
	t := x.find(p.part)
	switch {
	case t != nil:
		most := 0
		for _, text := range p.texts {
			most = max(most, len(t.rules[text]))
		}
		return most
	case len(x.tables) == maxTables:
		return len(x.all)
	}
	return tableCost
}

func (x *index) find(p part) *table {
	if i := slices.IndexFunc(x.tables, func(t table) bool { return t.part == p }); i >= 0 {
		return &x.tables[i]
	}
	return nil
}

// candidates are the lists that hold, each in order and no rule twice, every rule that an exchange could match.
type candidates [1 + maxTables][]*rule

// candidates looks up an exchange.
func (x *index) candidates(c *candidates, v *View) {
	c[0] = x.others
	for i, t := range x.tables {
		text, single := t.part.text(v)
		if !single {
			*c = candidates{x.all}
			return
		}
		c[i+1] = t.rules[text]
	}
}

// next takes the next rule in order from the lists; nil when there is none.
func (c *candidates) next() *rule {
	first := -1
	for i, list := range c {
		if len(list) > 0 && (first < 0 || list[0].place < c[first][0].place) {
			first = i
		}
	}
	if first < 0 {
		return nil
	}
	r := c[first][0]
	c[first] = c[first][1:]
	return r
}

// text gives what an exchange has for a part; single is false if that is more than one text, none of them the one.
func (p part) text(v *View) (text string, single bool) {
	switch p.of {
	case ofPath:
		return segments(v.Path, p.depth), true
	case ofHost:
		return v.hostName(), true
	case ofMethod:
		return v.Method, true
	}
	switch lines := fieldLines(v.Header, p.header); len(lines) {
	case 0:
		return "", true
	case 1:
		return lines[0], true
	}
	return "", false
}

// placesOf lists where a rule with these conditions could stand.
func placesOf(m *Match) []place {
	if m == nil {
		return nil
	}
	var places []place
	for depth := 1; depth <= maxDepth; depth++ {
		places = appendPlace(places, part{of: ofPath, depth: depth}, m.Path, func(pattern string) (string, bool) {
			text := segments(pattern, depth)
			return text, !strings.Contains(text, "*")
		})
	}
	asIs := func(text string) (string, bool) { return text, true }
	for _, name := range sortedNames(m.Headers) {
		header := textproto.CanonicalMIMEHeaderKey(name)
		places = appendPlace(places, part{of: ofHeaderLine, header: header}, m.Headers[name], asIs)
	}
	places = appendPlace(places, part{of: ofHost}, m.Host, func(text string) (string, bool) { return strings.ToLower(text), true })
	return appendPlace(places, part{of: ofMethod}, Exactly(m.Methods...), asIs)
}

// appendPlace adds the place of a part, if its conditions are nothing but exact ones; text gives what each asks for.
func appendPlace(places []place, p part, vs Values, text func(exact string) (string, bool)) []place {
	var texts []string
	seen := make(map[string]bool, len(vs))
	for _, v := range vs {
		if v.Exact == nil {
			return places
		}
		one, ok := text(*v.Exact)
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
