package faults

import (
	"fmt"
	"time"
)

// Entry is one rule in force, with its counter.
type Entry struct {
	Rule    Rule
	Counter *Counter    // nil = a new one of the Set's own
	Since   time.Time   // when the rule was set, for its ramp; zero = at the first exchange that the counter counts under it
	Expires time.Time   // zero = never; a rule is silent from then on, even before it is taken away
	Leases  []*Deadline // any of which ends it likewise
}

// Config is what a Set is compiled from.
type Config struct {
	Seed    uint64
	Entries []Entry  // in the order in which they are decided
	Protect []string // path patterns that no fault touches

	// Replies remembers for rules that give replies again; nil = those of the Set alone.
	Replies *Replies

	// Caller is what callers may ask for, ahead of the entries; nil = nothing.
	Caller *CallerEntry
}

// Set is a compiled, immutable list of rules for one proxy. All methods may be called concurrently. The zero Set has
// no rules.
type Set struct {
	seed      uint64
	protect   []test
	handshake phaseRules
	before    phaseRules
	after     phaseRules
	bodies    []*rule // those that look into the request's body, and can act
	recalling []*rule // those that give replies again, and can act
	links     []*rule // toxics, of both streams
}

// phaseRules are the rules of one phase, in order.
type phaseRules struct {
	all   []*rule // for the record
	index index   // of those that can act
}

// rule is a compiled Entry.
type rule struct {
	Rule
	kind    int // its place in kinds; NoKind = it is none of them
	place   int // in the list of its phase
	idle    Why // why it can never act: disabled, or a percentage of 0
	match   *matcher
	except  *matcher
	key     key
	hash    uint64
	gate    gate       // the attributes, if they are one
	only    particular // likewise
	bucket  key        // of the gate
	counter *Counter
	since   time.Time
	expires time.Time
	leases  []*Deadline
	caller  *asking // of a rule for callers; nil = it is none

	recalling recalling
}

// Compile prepares a list of rules for deciding. The rules must be valid (see [Rule.Validate]), but for their names,
// which may be any.
func Compile(c Config) (*Set, error) {
	s := &Set{seed: c.Seed}
	for _, pattern := range c.Protect {
		compiled, err := glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("protect: %w", err)
		}
		s.protect = append(s.protect, compiled)
	}
	for _, compiled := range c.Caller.compile() {
		s.before.add(compiled)
	}
	if c.Replies == nil {
		c.Replies = &Replies{}
	}
	weight := 0
	for _, entry := range c.Entries {
		if weight += entry.Rule.Match.weight() + entry.Rule.Except.weight(); weight > MaxWeight {
			return nil, fmt.Errorf("rule %q: match: the regular expressions, ** patterns and conditions on bodies of all "+
				"rules together are too large: at most %d instructions", entry.Rule.Name, MaxWeight)
		}
		compiled, err := compileRule(entry)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", entry.Rule.Name, err)
		}
		if compiled.idle == "" && compiled.needsBody() {
			s.bodies = append(s.bodies, compiled)
		}
		if entry.Rule.Stream != "" {
			s.links = append(s.links, compiled)
			continue
		}
		if d, is := entry.Rule.Attributes.(*Degrade); is && d.Stale != nil && compiled.idle == "" {
			if err := compiled.compileRecalling(c.Replies); err != nil {
				return nil, fmt.Errorf("rule %q: %w", entry.Rule.Name, err)
			}
			s.recalling = append(s.recalling, compiled)
		}
		s.phase(entry.Rule.Phase).add(compiled)
	}
	return s, nil
}

// phase gives the rules of a phase.
func (s *Set) phase(phase Phase) *phaseRules {
	switch phase {
	case Handshake:
		return &s.handshake
	case After:
		return &s.after
	}
	return &s.before
}

func compileRule(entry Entry) (*rule, error) {
	r := entry.Rule
	compiled := &rule{
		Rule: r, kind: KindPlace(r.Kind), hash: hashRule(r.Proxy, r.Name), counter: entry.Counter,
		since: entry.Since, expires: entry.Expires, leases: entry.Leases,
	}
	if r.Attributes == nil {
		return nil, fmt.Errorf("attributes: missing")
	}
	var err error
	if compiled.key, err = parseKey(r.Key); err != nil {
		return nil, err
	}
	compiled.only, _ = r.Attributes.(particular)
	if own, ok := r.Attributes.(gate); ok {
		compiled.gate = own
		if compiled.bucket, err = parseKey(own.bucketKey(r.Key)); err != nil {
			return nil, fmt.Errorf("attributes: %w", err)
		}
	}
	if compiled.match, err = r.Match.compile(); err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	if compiled.except, err = r.Except.compile(); err != nil {
		return nil, fmt.Errorf("except: %w", err)
	}
	if compiled.counter == nil {
		compiled.counter = NewCounter()
	}
	switch {
	case !r.Enabled:
		compiled.idle = WhyDisabled
	case r.Percent == 0:
		compiled.idle = WhyRoll
	}
	return compiled, nil
}

// over reports whether the rule's time, or a lease that it hangs on, has run out.
func (r *rule) over(now time.Time) bool {
	for _, lease := range r.leases {
		if lease.Over(now) {
			return true
		}
	}
	return !r.expires.IsZero() && !now.Before(r.expires)
}

func (p *phaseRules) add(r *rule) {
	r.place = len(p.all)
	p.all = append(p.all, r)
	if r.idle == "" {
		p.index.add(r)
	}
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

// NeedsBody reports whether a rule of either phase may look into the body of this request, so that the executor has to
// read that, up to [MaxMatchBody] bytes, before the plan begins. The view needs nothing of the reply. Of gRPC none does: its
// bodies are no JSON, and waiting for their end would stop a stream.
func (s *Set) NeedsBody(v *View) bool {
	if len(s.bodies) == 0 || v.isGRPC() {
		return false
	}
	for _, r := range s.bodies {
		if !r.over(v.Now) && (r.match == nil || r.match.matchHead(v)) {
			return !s.protected(v.Path)
		}
	}
	return false
}

// needsBody reports whether a rule has conditions on the request's body.
func (r *rule) needsBody() bool {
	return r.match != nil && r.match.body != nil || r.except != nil && r.except.body != nil
}

// Empty reports that the set has no rule that could act.
func (s *Set) Empty() bool {
	return len(s.handshake.index.all)+len(s.before.index.all)+len(s.after.index.all)+len(s.links) == 0
}
