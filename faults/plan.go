package faults

// Plan walks through a Set's rules for one exchange and decides each when it is reached. A Plan serves one exchange and
// one goroutine; Done must be called at its end.
type Plan struct {
	set        *Set
	after      bool // which phase
	protected  bool
	ended      bool
	reached    int // how many rules of the phase's list have been reached
	candidates candidates
	decided    decided
	released   int // how many of decided have given back what they held
}

// Begin makes p the plan of an exchange under s, ready for the rules of phase before.
func (p *Plan) Begin(s *Set, v *View) {
	*p = Plan{set: s, protected: s.protected(v.Path)}
	p.enter(&s.before, v)
}

// BeginAfter goes on with the rules of phase after, for which the view must carry the reply. After an action that ends
// the exchange it does nothing.
func (p *Plan) BeginAfter(v *View) {
	if p.ended {
		return
	}
	p.after = true
	p.enter(&p.set.after, v)
}

func (p *Plan) enter(rules *phaseRules, v *View) {
	p.reached, p.candidates = 0, candidates{}
	if !p.protected {
		rules.index.candidates(&p.candidates, v)
	}
}

// phase is the list that the plan walks through.
func (p *Plan) phase() *phaseRules {
	if p.after {
		return &p.set.after
	}
	return &p.set.before
}

// Next decides rules until one hits, and gives what has to be done; nil when the phase has no more. After an action
// that ends the exchange (see [Ends]) it gives nil.
func (p *Plan) Next(v *View) (Action, Decision) {
	for !p.ended {
		r := p.candidates.next()
		if r == nil {
			p.reached = len(p.phase().all)
			break
		}
		p.reached = r.place + 1
		d := p.decide(r, v)
		if d.why == WhyMatch {
			continue
		}
		p.decided.add(d)
		if d.outcome != Hit {
			continue
		}
		action := r.Attributes.decide(hit{hash: d.hash, seed: p.set.seed, n: d.n, phase: r.Phase})
		p.ended = Ends(action)
		return action, d.spell()
	}
	return nil, Decision{}
}

// decide decides one rule: does it match, is the exchange selected, does the roll hit, is there room.
func (p *Plan) decide(r *rule, v *View) recorded {
	d := recorded{rule: r, outcome: Skip}
	switch {
	case r.match != nil && !r.match.match(v):
		d.why = WhyMatch
		return d
	case r.except != nil && r.except.match(v):
		d.why = WhyExcept
		return d
	case r.over(v.Now):
		d.why = WhyExpired
		return d
	}
	r.counter.matched.Add(1)
	d.n, d.hash = r.count(v)
	switch {
	case !r.selected(d.n):
		r.counter.selection.Add(1)
		d.why = WhySelection
	case r.Percent < 100 && rollFrom(d.hash, p.set.seed, d.n, 0)*100 >= r.Percent:
		r.counter.roll.Add(1)
		d.why = WhyRoll
	case !r.counter.take(r.MaxTotal, r.MaxActive):
		r.counter.overLimit.Add(1)
		d.why = WhyLimit
	case r.Shadow:
		d.outcome = Shadow
	default:
		d.outcome = Hit
	}
	return d
}

// count numbers a matching exchange under its key, and gives the hash that its draws start from.
func (r *rule) count(v *View) (n, hash uint64) {
	hash = r.key.hash(r.hash, v)
	if r.key.of == ofRule {
		return r.counter.single.Add(1), hash
	}
	return r.counter.keys.next(hash), hash
}

// Withdraw takes back the last hit, of a [Body] action or an [End] that could not be carried out: the rule did not hit
// after all, and the plan goes on with those behind it.
func (p *Plan) Withdraw() {
	if p.decided.count == 0 {
		return
	}
	if d := p.decided.at(p.decided.count - 1); d.outcome == Hit {
		d.outcome, d.why = Skip, WhyBody
		d.rule.counter.withdraw()
		p.ended = false
	}
}

// Done gives back the places that hits under way take up (max_active). It may be called more than once.
func (p *Plan) Done() {
	for ; p.released < p.decided.count; p.released++ {
		if d := p.decided.at(p.released); d.outcome != Skip {
			d.rule.counter.release()
		}
	}
}

// Record gives what was decided so far, to be kept after the plan is gone.
func (p *Plan) Record() Record {
	return Record{set: p.set, decided: p.decided.list(), after: p.after, reached: p.reached, protected: p.protected}
}
