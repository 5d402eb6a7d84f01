package faults

import (
	"slices"
	"strconv"
)

// Why is the reason of a decision against a rule.
type Why string

// The reasons.
const (
	WhyDisabled  Why = "disabled"
	WhyMatch     Why = "match"
	WhyExcept    Why = "except"
	WhyProtected Why = "protected"
	WhySelection Why = "selection"
	WhyRoll      Why = "roll" // also of every exchange under a rule of percent 0
	WhyLimit     Why = "limit"
	WhyExpired   Why = "expired"
	WhyBody      Why = "body" // the message's body is none that the fault could change, cut, repeat or have trailers behind
	WhyRoom      Why = "room" // rate_limit, concurrency: it was let through
)

// Outcome is what was decided for one rule.
type Outcome string

// The outcomes.
const (
	Hit    Outcome = "hit"
	Shadow Outcome = "shadow" // would have been a hit
	Skip   Outcome = "skip"
)

// Decision is what was decided for one rule in one exchange, and why.
type Decision struct {
	Rule    string  `json:"rule"`
	Kind    string  `json:"kind"`
	Outcome Outcome `json:"decision"`
	Why     Why     `json:"why,omitempty"`
	N       uint64  `json:"n,omitempty"`   // the exchange's number under the rule's key, from 1; 0 = not counted
	Key     string  `json:"key,omitempty"` // of a rule with a key: tells the keys apart, and is none of their texts; see [Replay]
}

// Record is what was decided for one exchange: cheap to make and to keep, spelt out by Decisions. The zero Record is
// that of an exchange that no rule was asked about.
type Record struct {
	set       *Set
	decided   []recorded // in the order of the rules
	stage     Phase      // the last that was entered
	reached   int        // how many rules of the last phase were reached
	protected bool
	links     []Decision // of a TCP connection, behind the others
}

// With adds what was decided about the links of a TCP connection.
func (r Record) With(up, down []Decision) Record {
	r.links = slices.Concat(up, down)
	return r
}

// recorded is a decision that cannot be told from the set alone.
type recorded struct {
	rule    *rule
	outcome Outcome
	why     Why
	n       uint64
	hash    uint64 // of the rule and the exchange's key, for further draws
}

// Hit reports whether a rule hit, shadows left out.
func (r Record) Hit() bool {
	for _, d := range r.decided {
		if d.outcome == Hit {
			return true
		}
	}
	return slices.ContainsFunc(r.links, func(d Decision) bool { return d.Outcome == Hit })
}

// Decisions lists, in order, every rule that was reached, with the reason of each "no".
func (r Record) Decisions() []Decision {
	if r.set == nil {
		return nil
	}
	last := r.set.phase(r.stage).all
	reached := make([]*rule, 0, len(last))
	if r.stage == After {
		reached = append(reached, r.set.before.all...)
	}
	reached = append(reached, last[:r.reached]...)

	decisions, decided := make([]Decision, 0, len(reached)), r.decided
	for _, rule := range reached {
		if len(decided) > 0 && decided[0].rule == rule {
			decisions = append(decisions, decided[0].spell())
			decided = decided[1:]
			continue
		}
		decisions = append(decisions, recorded{rule: rule, outcome: Skip, why: r.whyUndecided(rule)}.spell())
	}
	return append(decisions, r.links...)
}

// whyUndecided is the reason against a rule that was reached without a decision.
func (r Record) whyUndecided(rule *rule) Why {
	switch {
	case rule.idle != "":
		return rule.idle
	case r.protected:
		return WhyProtected
	}
	return WhyMatch
}

func (d recorded) spell() Decision {
	key := ""
	if d.n > 0 && d.rule.key.of != ofRule {
		key = strconv.FormatUint(d.hash, 16)
	}
	return Decision{Rule: d.rule.Name, Kind: d.rule.Kind, Outcome: d.outcome, Why: d.why, N: d.n, Key: key}
}

// decided is a list of decisions that needs no memory of its own while it is short.
type decided struct {
	few   [4]recorded
	more  []recorded // from the fifth on
	count int
}

func (l *decided) add(d recorded) {
	if l.count < len(l.few) {
		l.few[l.count] = d
	} else {
		l.more = append(l.more, d)
	}
	l.count++
}

func (l *decided) at(i int) *recorded {
	if i < len(l.few) {
		return &l.few[i]
	}
	return &l.more[i-len(l.few)]
}

// list copies the decisions; nil for none.
func (l *decided) list() []recorded {
	if l.count == 0 {
		return nil
	}
	all := make([]recorded, 0, l.count)
	all = append(all, l.few[:min(l.count, len(l.few))]...)
	return append(all, l.more...)
}
