package faults

import (
	"fmt"
	"strings"
	"time"
)

// Entry is one rule in force, with its counter.
type Entry struct {
	Rule    Rule
	Counter *Counter
	Expires time.Time // zero = never; a rule is silent from then on, even before it is taken away
}

// Config is what a Set is compiled from.
type Config struct {
	Seed    uint64
	Entries []Entry  // in the order in which they are decided
	Protect []string // path patterns that no fault touches
}

// Set is a compiled, immutable list of rules for one proxy. All methods may be called concurrently. The zero Set has
// no rules.
type Set struct {
	seed    uint64
	protect []test
	before  phaseRules
	after   phaseRules
}

// phaseRules are the rules of one phase in order. Those that ask for a literal first path segment are found by it; the
// others are looked at for every exchange.
type phaseRules struct {
	all       []*rule // every rule, for the record
	general   []*rule
	bySegment map[string][]*rule
}

// rule is a compiled Entry.
type rule struct {
	Rule
	position int
	idle     Why // why it can never act: disabled, or a percentage of 0
	match    *matcher
	except   *matcher
	key      keyFunc
	hash     uint64
	counter  *Counter
	expires  time.Time
}

// Compile prepares a list of rules for deciding. The rules must be valid.
func Compile(c Config) (*Set, error) {
	s := &Set{seed: c.Seed}
	for _, pattern := range c.Protect {
		s.protect = append(s.protect, glob(pattern))
	}
	for i, entry := range c.Entries {
		compiled, err := compileRule(i, entry)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", entry.Rule.Name, err)
		}
		if entry.Rule.Phase == After {
			s.after.add(compiled)
		} else {
			s.before.add(compiled)
		}
	}
	return s, nil
}

func compileRule(position int, entry Entry) (*rule, error) {
	r := entry.Rule
	key, err := parseKey(r.Key)
	if err != nil {
		return nil, err
	}
	compiled := &rule{
		Rule: r, position: position, key: key, hash: hashRule(r.Proxy, r.Name), counter: entry.Counter,
		match: r.Match.compile(), except: r.Except.compile(), expires: entry.Expires,
	}
	switch {
	case !r.Enabled:
		compiled.idle = WhyDisabled
	case r.Percent == 0:
		compiled.idle = WhyRoll
	}
	return compiled, nil
}

func (p *phaseRules) add(r *rule) {
	p.all = append(p.all, r)
	if r.idle != "" {
		return
	}
	segments := literalSegments(r.Match)
	if segments == nil {
		p.general = append(p.general, r)
		return
	}
	if p.bySegment == nil {
		p.bySegment = make(map[string][]*rule)
	}
	for _, segment := range segments {
		p.bySegment[segment] = append(p.bySegment[segment], r)
	}
}

// literalSegments gives the first path segments that a match can only be met with; nil if it can be met with any.
func literalSegments(m *Match) []string {
	if m == nil || m.Path == nil {
		return nil
	}
	seen := make(map[string]bool)
	var segments []string
	for _, value := range m.Path {
		if value.Exact == nil {
			return nil
		}
		segment := firstSegment(*value.Exact)
		if strings.Contains(segment, "*") {
			return nil
		}
		if !seen[segment] {
			seen[segment] = true
			segments = append(segments, segment)
		}
	}
	return segments
}

// firstSegment is "stock" for "/stock/7" and for "/stock".
func firstSegment(path string) string {
	path = strings.TrimPrefix(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return path
}

// protected reports whether no fault may touch a path.
func (s *Set) protected(path string) bool {
	for _, pattern := range s.protect {
		if pattern(path) {
			return true
		}
	}
	return false
}

// Empty reports that the set has no rule that could act.
func (s *Set) Empty() bool {
	return len(s.before.general)+len(s.before.bySegment)+len(s.after.general)+len(s.after.bySegment) == 0
}
