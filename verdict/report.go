package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report is what [Judge] says. Its JSON is stable: fields are only added.
type Report struct {
	Verdict Grade     `json:"verdict"` // the worst of the findings
	Begin   time.Time `json:"begin"`   // of the first record
	End     time.Time `json:"end"`
	Records Records   `json:"records"`
	// Linked says how many attempts were found to be repetitions, by rule.
	Linked map[Rule]int `json:"linked"`
	// Demand is the calls a second that rates are held against; 0 = it is not known, and Why says why.
	Demand float64 `json:"demand"`
	Why    string  `json:"demand_unknown,omitempty"`

	Phases   []Phase   `json:"phases"`
	Derived  bool      `json:"phases_derived"` // nobody gave them: they were told from the exchanges that faults touched
	Findings []Finding `json:"findings"`       // of every detector, in the order of their numbers
}

// Records counts what the report was made of.
type Records struct {
	Attempts    int `json:"attempts"` // exchanges of the client
	Calls       int `json:"calls"`    // logical calls of them
	Unsure      int `json:"unsure"`   // calls of which nobody can tell where they end
	Caller      int `json:"caller"`   // exchanges of its callers
	Connections int `json:"connections"`
	LeftOut     int `json:"left_out"` // records beyond the bounds
	// Overrun says that exchanges which were asked for may be forgotten already. [Judge] does not know; who remembers says it.
	Overrun bool `json:"overrun,omitempty"`
}

// report begins the report on a scene.
func (s *scene) report() Report {
	r := Report{Verdict: Inconclusive, End: s.now, Linked: map[Rule]int{}, Derived: s.derived, Phases: []Phase{}}
	r.Records = Records{
		Attempts: len(s.attempts), Calls: len(s.calls), Caller: len(s.caller), Connections: len(s.conns), LeftOut: s.leftOut,
	}
	for _, c := range s.calls {
		if c.unsure {
			r.Records.Unsure++
		}
	}
	for _, a := range s.attempts {
		if a.joined != "" {
			r.Linked[a.joined]++
		}
	}
	if len(s.attempts) > 0 {
		r.Begin = s.attempts[0].begin
	}
	for _, t := range s.stretches {
		r.Phases = append(r.Phases, t.Phase)
	}
	r.Demand, r.Why = s.steady()
	return r
}

// Count says how many findings have a grade.
func (r Report) Count(grade Grade) int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == grade {
			n++
		}
	}
	return n
}

// ForLibraries leaves of what mends findings that of some libraries, by a part of their names in any case; all, if none is given.
// A name that is part of none is refused, with those that there are.
func (r Report) ForLibraries(names ...string) (Report, error) {
	known := Libraries()
	for _, name := range names {
		if !slices.ContainsFunc(known, isNamedBy(name)) {
			return r, fmt.Errorf("unknown library %q: want a part of %s", name, strings.Join(known, ", "))
		}
	}
	if len(names) == 0 {
		return r, nil
	}
	r.Findings = slices.Clone(r.Findings)
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Mend = slices.DeleteFunc(slices.Clone(f.Mend), func(m Mend) bool {
			return !slices.ContainsFunc(names, func(name string) bool { return isNamedBy(name)(m.Library) })
		})
	}
	return r, nil
}

// Libraries lists those of which it is known what mends a finding.
func Libraries() []string {
	all := map[string]bool{}
	for _, d := range detectors() {
		for _, m := range d.mend {
			all[m.Library] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// isNamedBy finds libraries by a part of their names.
func isNamedBy(part string) func(string) bool {
	return func(library string) bool {
		return part != "" && strings.Contains(strings.ToLower(library), strings.ToLower(part))
	}
}

// Find gives the finding of a detector.
func (r Report) Find(id string) (Finding, bool) {
	for _, f := range r.Findings {
		if f.ID == id {
			return f, true
		}
	}
	return Finding{}, false
}
