package faults

import (
	"slices"
	"sync/atomic"
)

// NoKind stands in for the place of a kind where there is none.
const NoKind = -1

// KindCount is how many kinds there are, see [Kinds].
const KindCount = len(kinds)

// Tally counts what was decided, by kind and by reason. The zero Tally is ready; all methods may be called concurrently, and
// adding takes a few atomic operations and no memory.
type Tally struct {
	hits, shadows [KindCount]atomic.Uint64
	skips         [len(tallied)]atomic.Uint64
}

// tallied are the reasons that a Tally counts: those against rules that the exchange was a matter of. What a rule does not
// match, or a rule that is switched off, would be counted for every exchange.
var tallied = [...]Why{WhyExcept, WhyExpired, WhySelection, WhyRoll, WhyLimit, WhyBody, WhyRoom, WhyProtected}

// TalliedReasons lists the reasons that a Tally counts.
func TalliedReasons() []Why { return slices.Clone(tallied[:]) }

// Add counts the decisions of one exchange, and gives the place in [Kinds] of the last fault that hit, which is the one that
// ended the exchange if one did; [NoKind] if none has hit.
func (t *Tally) Add(r Record) (last int) {
	last = NoKind
	if r.protected && !r.set.Empty() {
		t.skip(WhyProtected)
	}
	for i := range r.decided {
		d := &r.decided[i]
		last = t.add(d.rule.kind, d.outcome, d.why, last)
	}
	for i := range r.links {
		d := &r.links[i]
		last = t.add(KindPlace(d.Kind), d.Outcome, d.Why, last)
	}
	return last
}

// add counts one decision, and gives the place of the last kind that hit.
func (t *Tally) add(kind int, outcome Outcome, why Why, last int) int {
	switch {
	case outcome == Skip:
		t.skip(why)
	case kind == NoKind:
	case outcome == Shadow:
		t.shadows[kind].Add(1)
	default:
		t.hits[kind].Add(1)
		return kind
	}
	return last
}

func (t *Tally) skip(why Why) {
	if i := slices.Index(tallied[:], why); i >= 0 {
		t.skips[i].Add(1)
	}
}

// Hits is how often a kind has hit, by its place in [Kinds].
func (t *Tally) Hits(kind int) uint64 { return t.hits[kind].Load() }

// Shadows is how often a kind would have hit, were its rules no shadows, by its place in [Kinds].
func (t *Tally) Shadows(kind int) uint64 { return t.shadows[kind].Load() }

// Skips is how often a rule did not hit for a reason, by its place in [TalliedReasons].
func (t *Tally) Skips(reason int) uint64 { return t.skips[reason].Load() }

// KindPlace is the place of a kind in [Kinds]; [NoKind] if there is none of that name.
func KindPlace(name string) int {
	return slices.IndexFunc(kinds[:], func(k Kind) bool { return k.Name == name })
}
