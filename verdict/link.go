package verdict

import "time"

// kindOf is what a client's requests have in common of which it is asked whether equal ones are of one call.
type kindOf struct{ client, proxy, method, host string }

// likeness is what an equal request is equal in.
type likeness struct {
	kindOf
	target, body uint64
	length       int64
}

// habit is what is known of one kind of requests from those that succeeded untouched: does an equal one come again though
// there is nothing to repeat, and how soon?
type habit struct {
	succeeded int
	again     bool
	soonest   time.Duration // from a success to the next equal request
}

// linker makes calls of attempts. Its memory is linear in their number.
type linker struct {
	limits limits
	// distinct holds for all: no two calls are alike.
	distinct bool

	byTarget, byBody map[kindOf]*habit // equal in target; in target and body

	named  map[idOf]*call
	latest map[likeness]*call
	calls  []*call
}

// callsOf groups attempts, in the order of their begins, into logical calls.
func callsOf(attempts []*attempt, distinct bool, l limits) []*call {
	k := &linker{
		limits: l, distinct: distinct,
		byTarget: habits(attempts, false), byBody: habits(attempts, true),
		named: map[idOf]*call{}, latest: map[likeness]*call{},
	}
	for _, a := range attempts {
		k.link(a)
	}
	return k.calls
}

// oftenEqual is how many equal requests must have succeeded, of which none began behind the end of another, before they are
// taken for calls that are alike and not for hedges of one.
const oftenEqual = 4

// habits looks at what the attempts that nobody touched do after a success.
func habits(attempts []*attempt, body bool) map[kindOf]*habit {
	all, last, equal := map[kindOf]*habit{}, map[likeness]*attempt{}, map[likeness]int{}
	for _, a := range attempts {
		like := likenessOf(a, body)
		h := all[like.kindOf]
		if h == nil {
			h = &habit{}
			all[like.kindOf] = h
		}
		if before := last[like]; before != nil && before.ok() && !before.touched() && !sameID(before, a) {
			h.seeAgain(a.begin.Sub(before.end), equal[like])
		}
		last[like] = a
		if a.ok() && !a.touched() {
			h.succeeded++
			equal[like]++
		}
	}
	return all
}

// seeAgain notes a request that came a pause behind an equal one that succeeded, or before that one's end, and how many had.
func (h *habit) seeAgain(pause time.Duration, equal int) {
	if pause < 0 && equal < oftenEqual {
		return
	}
	pause = max(0, pause)
	if !h.again || pause < h.soonest {
		h.soonest = pause
	}
	h.again = true
}

// sameID reports whether two attempts name the same call.
func sameID(a, b *attempt) bool {
	one, ok := named(a.Exchange)
	other, _ := named(b.Exchange)
	return ok && one == other
}

func likenessOf(a *attempt, body bool) likeness {
	like := likeness{kindOf: kindOf{a.client, a.Proxy, a.Method, a.Host}, target: a.Attempt.Target}
	if body {
		like.body, like.length = a.Attempt.Body, a.RequestBytes
	}
	return like
}

// link finds the attempt's call, or begins one.
func (k *linker) link(a *attempt) {
	id, hasID := named(a.Exchange)
	like := k.likeness(a)
	c, by := k.named[id], ByID
	if !hasID || c == nil || c.last().ok() && inherited(a.Attempt.CallBy) && !a.begin.Before(c.until) {
		c, by = k.alike(a, k.latest[like])
	}
	if c == nil || by == "" {
		started := &call{unsure: c != nil}
		if c != nil {
			c.unsure = true
		}
		k.calls = append(k.calls, started)
		c = started
	}
	c.add(a, by)
	if hasID {
		k.named[id] = c
	}
	k.latest[like] = c
}

// alike says whether an attempt is a part of c, the latest call that is equal to it, and by which rule. Without a call the
// attempt begins one; with a call and no rule nobody can tell.
func (k *linker) alike(a *attempt, c *call) (*call, Rule) {
	if c == nil || keyed(a) || keyed(c.last()) {
		return nil, ""
	}
	before := c.last()
	if a.Attempt.Number > 0 || before.Attempt.Number > 0 {
		if a.Attempt.Number > 1 && a.Attempt.Number == before.Attempt.Number+1 {
			return c, ByNumber
		}
		return nil, ""
	}
	pause := a.begin.Sub(before.end)
	if before.ok() && pause >= 0 || pause > seconds(k.limits.of(linking, "window")) {
		return nil, ""
	}
	h := k.habit(a)
	if k.parted(h) || h.again && pause >= 0 && pause < h.soonest/2 {
		return c, ByHeuristic
	}
	return c, ""
}

// parted reports whether calls differ from each other: so it was said, or so it was seen.
func (k *linker) parted(h *habit) bool {
	return k.distinct || !h.again && float64(h.succeeded) >= k.limits.of(linking, "distinct")
}

// likeness is what the attempt's repetitions are equal to it in: where calls differ in their targets that is enough, so
// that a repetition with another body is seen.
func (k *linker) likeness(a *attempt) likeness {
	like := likenessOf(a, false)
	if k.parted(k.byTarget[like.kindOf]) {
		return like
	}
	return likenessOf(a, true)
}

// habit is what is known of requests like the attempt.
func (k *linker) habit(a *attempt) *habit {
	like := likenessOf(a, false)
	if h := k.byTarget[like.kindOf]; k.parted(h) {
		return h
	}
	return k.byBody[like.kindOf]
}
