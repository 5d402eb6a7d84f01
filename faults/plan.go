package faults

// Why is the reason of a decision against a rule.
type Why string

// The reasons.
const (
	WhyDisabled  Why = "disabled"
	WhyMatch     Why = "match"
	WhyExcept    Why = "except"
	WhyProtected Why = "protected"
	WhySelection Why = "selection"
	WhyRoll      Why = "roll"
	WhyLimit     Why = "limit"
	WhyExpired   Why = "expired"
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
	N       uint64  `json:"n,omitempty"` // the exchange's number under the rule's key, from 1; 0 = not counted
}

// Plan walks through a Set's rules for one exchange and decides each when it is reached. A Plan serves one exchange and
// one goroutine; Done must be called at its end.
type Plan struct {
	set       *Set
	rules     *phaseRules
	segment   []*rule // candidates by path, then by place in general
	general   []*rule
	phase     Phase
	protected bool
	ended     bool

	recorded     []recorded
	recordedRoom [4]recorded
	held         []*Counter
	heldRoom     [4]*Counter
}

// recorded is a decision that cannot be told from the set alone.
type recorded struct {
	rule    *rule
	outcome Outcome
	why     Why
	n       uint64
	hash    uint64 // of the rule and the exchange's key, for further draws
}

// Begin makes p the plan of an exchange under s, ready for the rules of phase before.
func (p *Plan) Begin(s *Set, v *View) {
	*p = Plan{set: s, phase: Before, protected: s.protected(v.Path)}
	p.recorded, p.held = p.recordedRoom[:0], p.heldRoom[:0]
	p.enter(&s.before, v)
}

// BeginAfter goes on with the rules of phase after, for which the view must carry the reply.
func (p *Plan) BeginAfter(v *View) {
	p.phase = After
	p.enter(&p.set.after, v)
}

func (p *Plan) enter(rules *phaseRules, v *View) {
	p.rules, p.general, p.segment = rules, rules.general, nil
	if rules.bySegment != nil {
		p.segment = rules.bySegment[firstSegment(v.Path)]
	}
}

// Next decides rules until one hits, and gives what has to be done; nil when the phase has no more. After an action
// that ends the exchange (see [Ends]) it gives nil.
func (p *Plan) Next(v *View) (Action, Decision) {
	for !p.ended && !p.protected {
		r := p.nextRule()
		if r == nil {
			break
		}
		d := p.decide(r, v)
		if d.why == WhyMatch {
			continue
		}
		p.recorded = append(p.recorded, d)
		if d.outcome != Hit {
			continue
		}
		action := r.Attributes.decide(hit{hash: d.hash, seed: p.set.seed, n: d.n, phase: p.phase})
		p.ended = Ends(action)
		return action, d.decision()
	}
	return nil, Decision{}
}

// nextRule merges the two lists of candidates in the order of the rules.
func (p *Plan) nextRule() *rule {
	from := &p.general
	if len(p.segment) > 0 && (len(p.general) == 0 || p.segment[0].position < p.general[0].position) {
		from = &p.segment
	}
	if len(*from) == 0 {
		return nil
	}
	r := (*from)[0]
	*from = (*from)[1:]
	return r
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
	case !r.expires.IsZero() && !v.Now.Before(r.expires):
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
	default:
		p.held = append(p.held, r.counter)
		d.outcome = Hit
		if r.Shadow {
			d.outcome = Shadow
		}
	}
	return d
}

// count numbers a matching exchange under its key, and gives the hash that its draws start from.
func (r *rule) count(v *View) (n, hash uint64) {
	if r.key == nil {
		return r.counter.next(), hashKey(r.hash, "")
	}
	key := r.key(v)
	return r.counter.nextOf(key), hashKey(r.hash, key)
}

// Done gives back the places that hits under way take up (max_active). It may be called more than once.
func (p *Plan) Done() {
	for _, c := range p.held {
		c.release()
	}
	p.held = p.held[:0]
}

// Record gives what was decided, to be kept after the plan is gone.
func (p *Plan) Record() Record {
	r := Record{set: p.set, protected: p.protected, ended: p.ended, after: p.phase == After}
	if len(p.recorded) > 0 {
		r.recorded = append(r.recorded, p.recorded...)
	}
	return r
}

// Record is what was decided for one exchange: cheap to make and to keep, spelt out by Decisions.
type Record struct {
	set                     *Set
	recorded                []recorded
	protected, ended, after bool
}

// Hit reports whether a rule hit, shadows left out.
func (r Record) Hit() bool {
	for _, d := range r.recorded {
		if d.outcome == Hit {
			return true
		}
	}
	return false
}

// Decisions lists, in order, every rule that was reached, with the reason of each "no".
func (r Record) Decisions() []Decision {
	if r.set == nil {
		return nil
	}
	decisions := r.spell(nil, r.set.before.all)
	if r.after {
		decisions = r.spell(decisions, r.set.after.all)
	}
	return decisions
}

// spell adds the decisions of one phase, up to the rule that ended the exchange.
func (r Record) spell(decisions []Decision, rules []*rule) []Decision {
	for _, rule := range rules {
		decision, ends := r.of(rule)
		decisions = append(decisions, decision)
		if ends {
			break
		}
	}
	return decisions
}

// of gives the decision for one rule, and whether the exchange ended with it.
func (r Record) of(rule *rule) (decision Decision, ends bool) {
	for i, d := range r.recorded {
		if d.rule == rule {
			return d.decision(), r.ended && i == len(r.recorded)-1
		}
	}
	why := rule.idle
	switch {
	case why != "":
	case r.protected:
		why = WhyProtected
	default:
		why = WhyMatch
	}
	return recorded{rule: rule, outcome: Skip, why: why}.decision(), false
}

func (d recorded) decision() Decision {
	return Decision{Rule: d.rule.Name, Kind: d.rule.Kind, Outcome: d.outcome, Why: d.why, N: d.n}
}
