package faults

import (
	"slices"
	"time"
)

// Link is one direction of a TCP connection, as its rules shape it. Its owner reads bytes, asks Next what goes when, waits,
// sends, and tells Sent. It asks anew when the set of rules has changed (Update), and ends the connection when Deadline has
// come. A Link has no clock and waits for nobody. It serves one goroutine at a time; Done must be called at its end.
//
// Whether a rule hits a link is drawn once. A rule whose percentage changes is held against the draw that the link has, and
// goes on with what it has counted there, so that a change of one rule never moves the chance of another. A rule that is
// set anew draws anew.
type Link struct {
	stream Stream
	view   View
	seed   uint64
	rules  []*linkRule
	last   time.Time  // when the last piece was to go: none goes before it
	gone   []Decision // of rules that were taken away after they had hit
	lost   bool       // data
}

// linkRule is a rule that a link matches.
type linkRule struct {
	rule  *rule
	n     uint64
	hash  uint64
	row   Why // of max_consecutive, which tells once
	hit   bool
	began bool // it was hit, at some time
	why   Why  // it is not hit
	state toxicState
	lost  *bool // whether the link has lost data
}

// Link opens a direction of a connection, of which the view has the numbers and the source.
func (s *Set) Link(v *View, stream Stream) *Link {
	l := &Link{stream: stream, view: *v}
	l.Update(s, v.Now)
	return l
}

// Update puts the rules of another set in force. What it gives, for the connection as a whole, comes at once: see leaves.
func (l *Link) Update(s *Set, now time.Time) LinkEnd {
	l.view.Now, l.seed = now, s.seed
	old, end := l.rules, LinkGoesOn
	l.rules = make([]*linkRule, 0, len(s.links))
	for _, r := range s.links {
		if r.Stream != l.stream || !r.about(&l.view) {
			continue
		}
		i := slices.IndexFunc(old, func(d *linkRule) bool { return d.rule.counter == r.counter })
		var d *linkRule
		switch {
		case i >= 0:
			d = old[i]
			old = slices.Delete(old, i, i+1)
		case r.idle != "":
			continue
		default:
			d = l.draw(r)
		}
		leaving := d.leaves()
		if d.judge(r, l); !d.hit || r.Shadow {
			end = max(end, leaving)
		}
		l.rules = append(l.rules, d)
	}
	for _, d := range old {
		end = max(end, d.leaves())
		if d.began {
			l.gone = append(l.gone, d.decision())
		}
		d.release()
	}
	return end
}

// leaves is what becomes of the connection when the rule does not act on it any more. A timeout closes those that it has hit,
// which Toxiproxy's clients wait for; and where a reset_peer has lost data, what came behind it would pass for the whole.
func (d *linkRule) leaves() LinkEnd {
	if !d.hit || d.rule.Shadow {
		return LinkGoesOn
	}
	switch d.rule.Attributes.(type) {
	case *Timeout:
		return LinkCloses
	case *ResetPeer:
		if *d.lost {
			return LinkResets
		}
	}
	return LinkGoesOn
}

// about reports whether a rule matches the connection.
func (r *rule) about(v *View) bool {
	return (r.match == nil || r.match.matchHead(v)) && (r.except == nil || !r.except.matchHead(v))
}

// draw numbers the link under a rule.
func (l *Link) draw(r *rule) *linkRule {
	d := &linkRule{lost: &l.lost}
	var why Why
	r.counter.matched.Add(1)
	if d.n, d.hash, why = r.choose(l.seed, &l.view); why == WhyLimit {
		d.row = why
	}
	return d
}

// judge holds a rule against what was drawn. A rule that is new to the link counts why it is not hit.
func (d *linkRule) judge(r *rule, l *Link) {
	first := d.rule == nil
	if !first && r.Ramp != nil && r.idle == "" {
		d.rule = r
		return // what it was when the link began holds
	}
	d.rule, d.why = r, r.idle
	if d.why == "" {
		d.why = r.chance(l.seed, d.hash, d.n, l.view.Now)
	}
	if d.why == "" {
		d.why = d.row
	}
	if d.why == "" && !d.hit && !r.counter.take(r.MaxTotal, r.MaxActive) {
		d.why = WhyLimit
	}
	switch {
	case d.why != "":
		d.release()
		if first {
			r.counter.missed(d.why)
		}
	case !d.hit:
		d.hit, d.began = true, true
		d.begin(l)
	}
}

// missed counts why a link is not hit.
func (c *Counter) missed(why Why) {
	switch why {
	case WhySelection:
		c.selection.Add(1)
	case WhyRoll:
		c.roll.Add(1)
	case WhyLimit:
		c.overLimit.Add(1)
	}
}

// begin is the moment of the hit.
func (d *linkRule) begin(l *Link) {
	bucket := &d.rule.counter.down
	if l.stream == Upstream {
		bucket = &d.rule.counter.up
	}
	d.state = toxicState{
		hit:   hit{hash: d.hash, seed: l.seed, n: d.n, now: l.view.Now},
		since: l.view.Now, bucket: bucket, bytes: d.state.bytes,
	}
}

// release gives the place of a hit back.
func (d *linkRule) release() {
	if d.hit {
		d.hit = false
		d.rule.counter.release()
	}
}

// acts reports whether the rule does something now. One that would end the connection by leaving it acts up to that end.
func (d *linkRule) acts(now time.Time) bool {
	return d.hit && !d.rule.Shadow && (!d.rule.over(now) || d.leaves() != LinkGoesOn)
}

// Free reports that nothing shapes the link: its bytes may take the short way until the rules change.
func (l *Link) Free(now time.Time) bool {
	return !slices.ContainsFunc(l.rules, func(d *linkRule) bool { return d.acts(now) })
}

// Next gives what goes next of the head, and when. It may be asked again, as long as nothing was sent, and is to be asked when
// that time has come: what links share is given to those whose turn it is.
func (l *Link) Next(h Head, now time.Time) Piece {
	p := Piece{Head: h, Bytes: h.Bytes, At: h.Arrived, now: now}
	for _, d := range l.rules {
		if own, ok := d.rule.Attributes.(limiter); ok && h.Bytes > 0 && d.acts(now) {
			p.Bytes = own.limit(&d.state, p.Bytes)
		}
	}
	for _, d := range l.rules {
		if own, ok := d.rule.Attributes.(shaper); ok && d.acts(now) {
			own.shape(&d.state, &p)
		}
	}
	p.At = latest(p.At, l.last)
	return p
}

// Sent notes that a piece went, or was dropped, now.
func (l *Link) Sent(p Piece, now time.Time) {
	l.last = latest(l.last, p.At)
	l.lost = l.lost || p.Drop && p.Bytes > 0
	for _, d := range l.rules {
		if own, ok := d.rule.Attributes.(counting); ok && d.acts(now) {
			own.sent(&d.state, p, now)
		}
	}
}

// Deadline gives when the connection is to end, with traffic or without, and how; false = not by itself.
func (l *Link) Deadline(now time.Time) (at time.Time, how LinkEnd, ends bool) {
	sooner := func(due time.Time, end LinkEnd) {
		if !ends || due.Before(at) {
			at, how, ends = due, end, true
		}
	}
	for _, d := range l.rules {
		if !d.acts(now) {
			continue
		}
		if own, ok := d.rule.Attributes.(ending); ok {
			if after, end, ok := own.deadline(); ok {
				sooner(d.state.since.Add(after), end)
			}
		}
		switch end := d.leaves(); {
		case end == LinkGoesOn:
		case d.rule.over(now):
			sooner(now, end)
		case !d.rule.expires.IsZero():
			sooner(d.rule.expires, end)
		}
	}
	return at, how, ends
}

// Decisions lists what was decided for each rule that the link matches, in their order, behind those that have hit and were
// taken away.
func (l *Link) Decisions() []Decision {
	all := slices.Clone(l.gone)
	for _, d := range l.rules {
		all = append(all, d.decision())
	}
	return all
}

// decision is what stands in the record: a rule that has hit the link has, also if it was switched off later.
func (d *linkRule) decision() Decision {
	outcome, why := Skip, d.why
	switch {
	case d.began && d.rule.Shadow:
		outcome, why = Shadow, ""
	case d.began:
		outcome, why = Hit, ""
	}
	return recorded{rule: d.rule, outcome: outcome, why: why, n: d.n, hash: d.hash}.spell()
}

// Lost reports that data of the stream was lost.
func (l *Link) Lost() bool {
	return l.lost
}

// Done gives back the places that the link takes up.
func (l *Link) Done() {
	for _, d := range l.rules {
		d.release()
	}
	l.rules = nil
}
