package control

import (
	"slices"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// Hold says how long something stays in force. The zero Hold is for ever.
type Hold struct {
	TTL   faults.Duration // as asked
	Until time.Time       // when it ends; in memory on the monotonic clock
	Lease *Lease          // or when nobody renews this; nil = none
}

// Timed reports whether the hold ends by itself.
func (h Hold) Timed() bool { return !h.Until.IsZero() || h.Lease != nil }

// end is when the hold ends unless its lease is renewed; zero = never.
func (h Hold) end() time.Time {
	if h.Lease == nil {
		return h.Until
	}
	if lease := h.Lease.deadline.At(); h.Until.IsZero() || lease.Before(h.Until) {
		return lease
	}
	return h.Until
}

// over reports whether the hold has ended.
func (h Hold) over(now time.Time) bool {
	return !h.Until.IsZero() && !now.Before(h.Until) || h.Lease != nil && h.Lease.over(now)
}

// sooner is the one of two holds that ends first.
func (h Hold) sooner(other Hold) Hold {
	if !h.Timed() || other.Timed() && other.end().Before(h.end()) {
		return other
	}
	return h
}

// holdFor starts a hold of a time to live, zero = for ever, and of a lease if one is given.
func (s *State) holdFor(ttl faults.Duration, lease *faults.Lease, now time.Time) (Hold, error) {
	h := ttlHold(ttl, now)
	var err error
	h.Lease, err = s.lease(lease, now)
	return h, err
}

// ttlHold starts a hold of a time to live, zero = for ever.
func ttlHold(ttl faults.Duration, now time.Time) Hold {
	if ttl == 0 {
		return Hold{}
	}
	return Hold{TTL: ttl, Until: now.Add(time.Duration(ttl))}
}

// expire puts back what has run out, and names it.
func (s *State) expire(now time.Time) (ended []string) {
	ended = s.revert(func(h Hold) bool { return h.over(now) })
	s.dropLeases(now)
	return ended
}

// revert puts back what is held by a hold that is over, and names it.
func (s *State) revert(over func(Hold) bool) (ended []string) {
	if over(s.Mode.Hold) {
		s.Mode = *s.Mode.BackTo
		ended = append(ended, "mode")
	}
	for _, name := range sortedKeys(s.Modes) {
		mode := s.Modes[name]
		if !over(mode.Hold) {
			continue
		}
		s.setOwnMode(name, *mode.BackTo)
		ended = append(ended, "modes."+name)
	}
	if s.TimedRules != nil && over(s.TimedRules.Hold) {
		s.Rules, s.TimedRules = s.TimedRules.BackTo, nil
		ended = append(ended, "rules")
	}
	for _, list := range s.lists() {
		var names []string
		*list, names = revertRules(*list, over)
		ended = append(ended, names...)
	}
	slices.Sort(ended)
	return slices.Compact(ended) // a rule may stand in both lists
}

func revertRules(list []Rule, over func(Hold) bool) (kept []Rule, ended []string) {
	kept = make([]Rule, 0, len(list))
	for _, r := range list {
		if !over(r.Hold) {
			kept = append(kept, r)
			continue
		}
		ended = append(ended, "rules."+r.Name)
		if back := r.BackTo; back != nil && vacant(back.key(), r.key(), kept, list) {
			kept = append(kept, *back)
		}
	}
	return kept, ended
}

// vacant reports whether a rule can go back to another key that it had before: none may have taken it meanwhile.
func vacant(back, now ruleKey, kept, list []Rule) bool {
	return indexOf(kept, back) < 0 && (back == now || indexOf(list, back) < 0)
}

// nextEnd is when the next thing runs out; zero = nothing does.
func (s *State) nextEnd() time.Time {
	var next Hold
	next = next.sooner(s.Mode.Hold)
	for _, mode := range s.Modes {
		next = next.sooner(mode.Hold)
	}
	if s.TimedRules != nil {
		next = next.sooner(s.TimedRules.Hold)
	}
	for _, list := range s.lists() {
		for _, r := range *list {
			next = next.sooner(r.Hold)
		}
	}
	return next.end()
}
