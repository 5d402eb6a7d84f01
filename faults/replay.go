package faults

import (
	"fmt"
	"strconv"
)

// Replay decides recorded exchanges again, by what a record tells: the rule's n and key, and of the request its method, host,
// path and client. It takes the record's word for the rest: conditions on other parts of an exchange, protected paths, limits
// in time and at once, and what rate limits and concurrency let through. A Replay serves one goroutine.
type Replay struct {
	set   *Set
	rules map[string]*rule // nil = two of that name, which a record does not tell apart
	rows  map[rowKey]*rowSoFar
}

// rowKey names a row of hits, and rowSoFar is how far it has been counted.
type rowKey struct {
	rule *rule
	hash uint64
}

type rowSoFar struct {
	n   uint64
	row row
}

// maxRowSteps bounds how far one row is counted: replaying takes a step for each exchange of the key up to the recorded one.
const maxRowSteps = 10_000_000

// NewReplay replays exchanges of a proxy under a set of rules.
func NewReplay(s *Set) *Replay {
	r := &Replay{set: s, rules: make(map[string]*rule), rows: make(map[rowKey]*rowSoFar)}
	for _, rules := range [][]*rule{s.handshake.all, s.before.all, s.after.all, s.links} {
		for _, one := range rules {
			if _, twice := r.rules[one.Name]; twice {
				r.rules[one.Name] = nil
			} else {
				r.rules[one.Name] = one
			}
		}
	}
	return r
}

// Decide decides again what was decided for one rule. v has what the record tells of the request, and nil for its header.
// difference says what comes out otherwise, "" = nothing; known is false where the record does not tell enough to decide.
func (r *Replay) Decide(v *View, d Decision) (difference string, known bool) {
	one, ok := r.rules[d.Rule]
	switch {
	case !ok:
		return "there is no such rule", true
	case one == nil, one.caller != nil: // its settings came with the request
		return "", false
	case one.Kind != d.Kind:
		return "the rule is a " + one.Kind, true
	}
	if d.N == 0 {
		return r.uncounted(one, v, d)
	}
	if matches, told := one.matchesRecorded(v); told && !matches {
		return "the rule does not match the request", true
	}
	hash, ok := one.recordedHash(d)
	if !ok || one.Ramp != nil || d.N > maxRowSteps && one.MaxConsecutive > 0 {
		return "", false
	}
	return r.compare(one, d, r.chance(one, hash, d.N)), true
}

// uncounted decides again what took no number.
func (r *Replay) uncounted(one *rule, v *View, d Decision) (difference string, known bool) {
	if (d.Why == WhyDisabled || d.Why == WhyRoll) != (one.idle != "") || one.idle != "" && d.Why != one.idle {
		return fmt.Sprintf("skip (%s), but the rule is enabled %t, of percent %v", d.Why, one.Enabled, one.Percent), true
	}
	if d.Why != WhyMatch {
		return "", one.idle != ""
	}
	matches, told := one.matchesRecorded(v)
	if told && matches {
		return "the rule matches the request", true
	}
	return "", told
}

// compare holds what chance says now against what was recorded.
func (r *Replay) compare(one *rule, d Decision, why Why) string {
	again := Decision{Outcome: Skip, Why: why}
	if why == "" {
		again.Outcome = Hit
		if one.Shadow {
			again.Outcome = Shadow
		}
		switch d.Why { // what was selected, and then did not hit
		case WhyRoom, WhyBody, WhyLimit:
			again.Outcome, again.Why = d.Outcome, d.Why
		}
	}
	if again.Outcome == d.Outcome && again.Why == d.Why {
		return ""
	}
	if again.Why == "" {
		return string(again.Outcome)
	}
	return fmt.Sprintf("%s (%s)", again.Outcome, again.Why)
}

// chance decides the nth exchange of a key again. With a limit on hits in a row all before it are, too.
func (r *Replay) chance(one *rule, hash, n uint64) Why {
	decide := func(n uint64) Why { return one.chance(r.set.seed, hash, n, one.since) }
	if one.MaxConsecutive == 0 {
		return decide(n)
	}
	key := rowKey{one, hash}
	so := r.rows[key]
	if so == nil || so.n >= n {
		so = &rowSoFar{}
		r.rows[key] = so
	}
	var why Why
	for so.n < n {
		so.n++
		why = so.row.spare(decide(so.n), one.MaxConsecutive)
	}
	return why
}

// recordedHash is the hash that the draws of a recorded decision started from.
func (r *rule) recordedHash(d Decision) (hash uint64, ok bool) {
	if r.key.of == ofRule {
		return addEnd(r.hash), true
	}
	hash, err := strconv.ParseUint(d.Key, 16, 64)
	return hash, err == nil
}

// matchesRecorded reports whether a rule is about a request of which method, host, path and client are known; told is
// false where that does not tell.
func (r *rule) matchesRecorded(v *View) (matches, told bool) {
	m := r.match
	switch {
	case m == nil:
		return true, true
	case m.methods != nil && !(&matcher{methods: m.methods}).matchHead(v), m.path != nil && !m.path.match(v.Path),
		m.host != nil && !m.host.match(v.hostName()), m.source != nil && !m.source.match(v.source()):
		return false, true
	}
	return true, len(m.headers)+len(m.query)+len(m.response)+len(m.status) == 0 && m.service == nil && m.method == nil && m.body == nil && m.sni == nil &&
		m.nth == 0 && m.first == ""
}
