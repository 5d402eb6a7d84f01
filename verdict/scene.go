package verdict

import (
	"cmp"
	"slices"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// scene is an Input as detectors look at it.
type scene struct {
	limits   limits
	attempts []*attempt // of the client, in the order of their begins
	calls    []*call    // likewise
	conns    []proxy.Connection

	tapped  bool               // there is a caller's side
	caller  []*attempt         // what callers asked of the client
	waiting []time.Time        // since when callers wait who still do, in order
	owners  map[*call]*attempt // the exchange of a caller in which a call was made, where it is known

	stretches []stretch
	derived   bool    // nobody gave the phases: they are told from the exchanges
	demand    float64 // calls a second as given; 0 = unknown
	weights   map[string]int
	now       time.Time
	leftOut   int // records beyond the bounds
}

// stretch is a phase with what happened in it.
type stretch struct {
	Phase
	span
	attempts []*attempt // that began in it
	caller   []*attempt
	bad      float64 // share of the attempts that failed or were waited for in vain
}

func newScene(in Input, l limits) *scene {
	s := &scene{limits: l, demand: in.Demand, weights: in.Weights, now: in.Now}
	s.attempts, s.leftOut = attemptsOf(in.Client.Exchanges)
	s.calls = callsOf(s.attempts, in.Distinct, l)
	s.conns = s.connections(in.Client.Connections)
	if in.Caller != nil {
		s.tapped = true
		caller, leftOut := attemptsOf(in.Caller.Exchanges)
		s.caller, s.leftOut = caller, s.leftOut+leftOut
		for _, c := range s.connections(in.Caller.Connections) {
			if c.Busy && c.Closed.IsZero() {
				s.waiting = append(s.waiting, c.Since)
			}
		}
		slices.SortFunc(s.waiting, time.Time.Compare)
		s.owners = ownersOf(s.calls, s.caller)
	}
	if s.now.IsZero() {
		s.now = s.end()
	}
	phases := in.Phases
	if len(phases) == 0 {
		s.derived, phases = true, derive(s.attempts, s.now)
	}
	for _, p := range phases {
		within := span{p.Begin, p.End}
		t := stretch{Phase: p, span: within, attempts: begunIn(s.attempts, within), caller: begunIn(s.caller, within)}
		t.bad = badShare(t.attempts)
		s.stretches = append(s.stretches, t)
	}
	return s
}

// connections gives the latest, in the order of their begins.
func (s *scene) connections(all []proxy.Connection) []proxy.Connection {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b proxy.Connection) int {
		return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
	})
	leftOut := max(0, len(all)-MaxRecords)
	s.leftOut += leftOut
	return all[leftOut:]
}

// end is the last moment of any record.
func (s *scene) end() time.Time {
	var last time.Time
	for _, a := range slices.Concat(s.attempts, s.caller) {
		if a.end.After(last) {
			last = a.end
		}
	}
	return last
}

// derivedAfter and derivedLength are how many untouched exchanges, over how long, show that a fault is over.
const (
	derivedAfter  = 20
	derivedLength = 5 * time.Second
)

// derive tells phases from which exchanges a fault touched: faults from the first touched one to the last before many that
// were not, and what lies between them. It is not exact: a fault may have been on, and hit nobody.
func derive(attempts []*attempt, now time.Time) []Phase {
	var faults []span
	untouched := 0
	for _, a := range attempts {
		if !a.touched() {
			untouched++
			continue
		}
		last := len(faults) - 1
		if last < 0 || untouched >= derivedAfter && a.begin.Sub(faults[last].end) >= derivedLength {
			faults = append(faults, span{a.begin, a.begin})
			last++
		}
		faults[last].end, untouched = a.begin.Add(1), 0 // the end of a span is not in it
	}
	return between(faults, attempts, now)
}

// between puts baseline and recoveries around faults, as many as an Input may have.
func between(faults []span, attempts []*attempt, now time.Time) []Phase {
	if len(attempts) == 0 {
		return nil
	}
	if len(faults) > MaxPhases/2-1 {
		faults = faults[len(faults)-MaxPhases/2+1:]
	}
	phases, stage, from := []Phase{}, Baseline, attempts[0].begin
	for _, f := range faults {
		if f.begin.After(from) {
			phases = append(phases, Phase{Stage: stage, Begin: from, End: f.begin})
		}
		phases = append(phases, Phase{Stage: Fault, Begin: f.begin, End: f.end})
		stage, from = Recovery, f.end
	}
	if now.After(from) {
		phases = append(phases, Phase{Stage: stage, Begin: from, End: now})
	}
	return phases
}

// bad reports whether the attempt failed, or the client waited for it in vain.
func (a *attempt) bad() bool { return a.failed() || a.left() }

// badShare is the share of attempts that failed or were waited for in vain.
func badShare(attempts []*attempt) float64 {
	bad := 0
	for _, a := range attempts {
		if a.bad() {
			bad++
		}
	}
	return share(bad, len(attempts))
}

// faults gives the stretches with a fault.
func (s *scene) faults() []stretch {
	var all []stretch
	for _, t := range s.stretches {
		if t.Stage == Fault {
			all = append(all, t)
		}
	}
	return all
}

// stretchAt gives the stretch that a moment lies in; nil if it lies in none.
func (s *scene) stretchAt(t time.Time) *stretch {
	i, found := slices.BinarySearchFunc(s.stretches, t, func(s stretch, t time.Time) int { return s.begin.Compare(t) })
	if !found {
		i--
	}
	if i < 0 || !s.stretches[i].has(t) {
		return nil
	}
	return &s.stretches[i]
}

// outageShare is the share of failures from which on a fault is an outage, so that one reply that slipped through before
// the fault held does not hide it.
const outageShare = 0.9

// outages gives the stretches in which hardly anything succeeded, of at least a length.
func (s *scene) outages(length time.Duration) []stretch {
	var all []stretch
	for _, t := range s.faults() {
		if t.outage() && t.length() >= length {
			all = append(all, t)
		}
	}
	return all
}

// outage reports whether hardly anything succeeded in the stretch.
func (t stretch) outage() bool {
	return t.Stage == Fault && len(t.attempts) > 0 && t.bad >= outageShare
}

// baseline gives the attempts of the baselines, and how long these were.
func (s *scene) baseline() (attempts []*attempt, length time.Duration) {
	for _, t := range s.stretches {
		if t.Stage == Baseline {
			attempts = append(attempts, t.attempts...)
			length += t.length()
		}
	}
	return attempts, length
}
