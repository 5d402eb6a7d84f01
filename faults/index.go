package faults

import "slices"

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

const (
	maxTables = 8
	// tableCost is what a look into one more table costs, in rules looked at. Few rules need no table.
	tableCost = 3
)

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
