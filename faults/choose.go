package faults

import "time"

// row is how many exchanges of a key were hit in a row up to now.
type row uint64

// spare counts one more decision, and turns a hit over most in a row into a miss.
func (r *row) spare(why Why, most uint64) Why {
	switch {
	case why != "":
		*r = 0
	case uint64(*r) >= most:
		*r = 0
		return WhyLimit
	default:
		*r++
	}
	return why
}

// choose numbers a matching exchange under its key, gives the hash that its draws start from, and why it is not hit: ""
// where it is, other limits permitting. The number tells, not the order in which exchanges come to be decided, so hits in
// a row are counted while the numbers are given out.
func (r *rule) choose(seed uint64, v *View) (n, hash uint64, why Why) {
	hash = r.key.hash(r.hash, v)
	c, most := r.counter, r.MaxConsecutive
	decide := func(n uint64, row *row) Why { return row.spare(r.chance(seed, hash, n, v.Now), most) }
	switch {
	case most > 0 && r.key.of == ofRule:
		c.rowMu.Lock()
		defer c.rowMu.Unlock()
		n = c.single.Add(1)
		return n, hash, decide(n, &c.row)
	case most > 0:
		n, why = c.keys.next(hash, decide)
		return n, hash, why
	case r.key.of == ofRule:
		n = c.single.Add(1)
	default:
		n, _ = c.keys.next(hash, nil)
	}
	return n, hash, r.chance(seed, hash, n, v.Now)
}

// chance decides on the nth matching exchange of a key by its number and by chance.
func (r *rule) chance(seed, hash, n uint64, now time.Time) Why {
	rank := r.rank(n)
	if rank == 0 {
		return WhySelection
	}
	percent := r.Percent
	if r.Ramp != nil {
		percent = r.Ramp.percent(now.Sub(r.begin(now)))
	}
	switch {
	case percent >= 100:
		return ""
	case r.Exact && exactly(int(percent), hash, seed, rank):
		return ""
	case !r.Exact && rollFrom(hash, seed, n, 0)*100 < percent:
		return ""
	}
	return WhyRoll
}

// begin is when the rule's ramp began.
func (r *rule) begin(now time.Time) time.Time {
	if !r.since.IsZero() {
		return r.since
	}
	if r.counter.began.Load() == nil {
		r.counter.began.CompareAndSwap(nil, new(now))
	}
	return *r.counter.began.Load()
}
