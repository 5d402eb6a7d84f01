package faults

import "time"

// Plan walks through a Set's rules for one exchange and decides each when it is reached. A Plan serves one exchange and
// one goroutine; Done must be called at its end.
type Plan struct {
	set        *Set
	stage      Phase
	began      time.Time // the exchange
	body       []byte    // the request's, as JSON; nil = none, or not asked for
	protected  bool
	ended      bool
	reached    int // how many rules of the phase's list have been reached
	candidates candidates
	decided    decided
	released   int // how many of decided have given back what they held
	slots      []*slot
	asking     *CallerCounters // whose number of active exchanges this one is in; nil = none
}

// Begin makes p the plan of an exchange under s that begins at v.Now, ready for the rules of phase before. What the view
// has of the request does not change any more.
func (p *Plan) Begin(s *Set, v *View) {
	*p = Plan{set: s, began: v.Now, stage: Before, protected: s.protected(v.Path)}
	if s.NeedsBody(v) {
		p.body = readBody(v.Body)
	}
	p.enter(&s.before, v)
}

// BeginHandshake makes p the plan of a TLS handshake under s that begins at v.Now. The view has the client's SNI and source.
func (p *Plan) BeginHandshake(s *Set, v *View) {
	*p = Plan{set: s, began: v.Now, stage: Handshake}
	p.enter(&s.handshake, v)
}

// BeginAfter goes on with the rules of phase after, for which the view must carry the reply. After an action that ends
// the exchange it does nothing.
func (p *Plan) BeginAfter(v *View) {
	if p.ended {
		return
	}
	p.stage = After
	p.enter(&p.set.after, v)
}

func (p *Plan) enter(rules *phaseRules, v *View) {
	p.reached, p.candidates = 0, candidates{}
	if !p.protected {
		rules.index.candidates(&p.candidates, v)
	}
}

// phase is the list that the plan walks through.
func (p *Plan) phase() *phaseRules { return p.set.phase(p.stage) }

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
		acting := r
		if r.caller != nil {
			if acting = r.asked(v); acting == nil {
				continue
			}
		}
		d, said := p.decide(acting, v)
		if d.why == WhyMatch {
			continue
		}
		d.rule = r
		p.decided.add(d)
		if d.outcome != Hit {
			continue
		}
		action := acting.Attributes.(decider).decide(hit{
			hash: d.hash, seed: p.set.seed, n: d.n, phase: r.Phase, now: v.Now, since: v.Now.Sub(p.began), verdict: said,
		})
		p.ended = Ends(action)
		return action, d.spell()
	}
	return nil, Decision{}
}

// decide decides one rule: does it match, is the exchange selected, does the roll hit, is there room.
func (p *Plan) decide(r *rule, v *View) (d recorded, said verdict) {
	d = recorded{rule: r, outcome: Skip}
	switch {
	case r.match != nil && !r.match.match(v, p.body), r.only != nil && !r.only.concerns(v.Method, v.Header):
		d.why = WhyMatch
		return d, said
	case r.except != nil && r.except.match(v, p.body):
		d.why = WhyExcept
		return d, said
	case r.over(v.Now):
		d.why = WhyExpired
		return d, said
	}
	r.counter.matched.Add(1)
	d.n, d.hash, d.why = r.choose(p.set.seed, v)
	switch {
	case d.why == WhySelection:
		r.counter.selection.Add(1)
	case d.why == WhyRoll:
		r.counter.roll.Add(1)
	case r.gate != nil && d.why == "" && p.passes(r, v, &said):
		r.counter.room.Add(1)
		d.why = WhyRoom
	case r.recalling.shelf != nil && d.why == "" && !r.recalls(v, &said):
		r.counter.body.Add(1)
		d.why = WhyBody
	case d.why == WhyLimit, !p.admits(r), !r.counter.take(r.MaxTotal, r.MaxActive):
		r.counter.overLimit.Add(1)
		d.why = WhyLimit
	case r.Shadow:
		d.outcome = Shadow
	default:
		d.outcome = Hit
	}
	if said.slot != nil {
		p.occupy(said.slot, d.why == WhyLimit)
	}
	return d, said
}

// passes asks a gate.
func (p *Plan) passes(r *rule, v *View, said *verdict) bool {
	*said = r.gate.admit(arrival{counter: r.counter, key: r.bucket.hash(r.hash, v), now: v.Now, shadow: r.Shadow})
	return said.passed
}

// occupy keeps a place until Done, unless the exchange goes on without.
func (p *Plan) occupy(taken *slot, unwanted bool) {
	if unwanted {
		taken.giveBack()
		return
	}
	p.slots = append(p.slots, taken)
}

// Granted gives the channel that is closed when the exchange has the place that the last [Acquire] is about.
func (p *Plan) Granted() <-chan struct{} {
	if len(p.slots) == 0 {
		return nil
	}
	return p.slots[len(p.slots)-1].granted
}

// Withdraw takes back the last hit, of an action that could not be carried out or would change nothing: the rule did not hit
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

// WithdrawRepeat takes back every hit of a [Repeat] action: that none could be carried out is known only when rules behind
// it have been decided.
func (p *Plan) WithdrawRepeat() { withdrawAll[*Duplicate](p) }

// WithdrawSocket takes back every hit of a [Socket] action: whether there is a WebSocket is known only with the reply.
func (p *Plan) WithdrawSocket() { withdrawAll[*WebSocket](p) }

// withdrawAll takes back every hit of a kind.
func withdrawAll[A Attributes](p *Plan) {
	for i := range p.decided.count {
		d := p.decided.at(i)
		if _, is := d.rule.Attributes.(A); is && d.outcome == Hit {
			d.outcome, d.why = Skip, WhyBody
			d.rule.counter.withdraw()
		}
	}
}

// Done gives back the places that the exchange takes up (max_active, concurrency). It may be called more than once.
func (p *Plan) Done() {
	for ; p.released < p.decided.count; p.released++ {
		if d := p.decided.at(p.released); d.outcome != Skip {
			d.rule.counter.release()
		}
	}
	for _, taken := range p.slots {
		taken.giveBack()
	}
	p.slots = nil
	if p.asking != nil {
		p.asking.active.Add(^uint64(0))
		p.asking = nil
	}
}

// Record gives what was decided so far, to be kept after the plan is gone.
func (p *Plan) Record() Record {
	return Record{set: p.set, decided: p.decided.list(), stage: p.stage, reached: p.reached, protected: p.protected}
}
