package verdict

import (
	"fmt"
	"time"
)

// MaxEvidence bounds the exchanges that one finding names.
const MaxEvidence = 20

// Grade is what a detector found. A report's is the worst of its findings.
type Grade string

// The grades, from the mildest to the worst.
const (
	Inconclusive Grade = "INCONCLUSIVE" // the records do not tell; the finding says why
	Pass         Grade = "PASS"
	Warn         Grade = "WARN"
	Fail         Grade = "FAIL"
)

// Grades lists the grades, from the mildest to the worst.
func Grades() []Grade { return []Grade{Inconclusive, Pass, Warn, Fail} }

// rank orders grades; an unknown one is the mildest.
func (g Grade) rank() int {
	for i, known := range Grades() {
		if g == known {
			return i
		}
	}
	return 0
}

// worse gives the worse of two grades.
func (g Grade) worse(other Grade) Grade {
	if other.rank() > g.rank() {
		return other
	}
	return g
}

// AtLeast reports whether g is as bad as other, or worse.
func (g Grade) AtLeast(other Grade) bool { return g.rank() >= other.rank() }

// Finding is what one detector says.
type Finding struct {
	ID      string `json:"id"`   // D1 to D30
	Name    string `json:"name"` // of the misbehaviour
	Verdict Grade  `json:"verdict"`
	// Required says that somebody wants this to be told: see [Finding.Unjudged].
	Required bool `json:"required,omitempty"`
	// Says is one sentence: what the client did, or why nobody can tell.
	Says       string      `json:"says"`
	Figures    []Figure    `json:"figures,omitempty"`
	Thresholds []Threshold `json:"thresholds,omitempty"` // that were held against the figures

	Evidence []uint64 `json:"evidence,omitempty"`          // ids of exchanges, the first MaxEvidence of them
	LeftOut  int      `json:"evidence_left_out,omitempty"` // how many more there are

	Mend []Mend `json:"mend,omitempty"` // what mends it, by library; of WARN and FAIL only
}

// Figure is one number that was measured.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
}

// Mend is the setting of a library that mends a misbehaviour.
type Mend struct {
	Library string `json:"library"`
	Setting string `json:"setting"`
}

// finding is a Finding in the making. What ends a detector's work (fail, warn, pass, inconclusive) sets its verdict.
type finding struct {
	Finding
	limits limits
}

// part begins a finding on a part of what the detector looks at.
func (f *finding) part() *finding { return &finding{Finding{ID: f.ID, Name: f.Name}, f.limits} }

// worseThan orders the parts of what a detector looks at: of which nobody can tell is worse than what went well.
func (f *finding) worseThan(other *finding) bool {
	if f.Verdict.AtLeast(Warn) {
		return f.Verdict.rank() > other.Verdict.rank()
	}
	return f.Verdict == Inconclusive && other.Verdict == Pass
}

// limit gives one of the detector's own thresholds.
func (f *finding) limit(name string) float64 { return f.limits.of(f.ID, name) }

// span gives one of the detector's own thresholds that is a time in seconds.
func (f *finding) span(name string) time.Duration { return seconds(f.limit(name)) }

// enough reports whether a count reaches the detector's threshold of that name; none is never enough.
func (f *finding) enough(count int, name string) bool {
	return count > 0 && float64(count) >= f.limit(name)
}

func (f *finding) figure(name string, value float64, unit string) {
	f.Figures = append(f.Figures, Figure{name, value, unit})
}

// measured is a figure that is a time.
func (f *finding) measured(name string, d time.Duration) { f.figure(name, d.Seconds(), "s") }

// show adds an exchange to the evidence.
func (f *finding) show(attempts ...*attempt) {
	for _, a := range attempts {
		if len(f.Evidence) == MaxEvidence {
			f.LeftOut++
			continue
		}
		f.Evidence = append(f.Evidence, a.ID)
	}
}

// showOnly makes exchanges the evidence in place of what was it before: what they show is worse.
func (f *finding) showOnly(attempts []*attempt) {
	f.Evidence, f.LeftOut = nil, 0
	f.show(attempts...)
}

func (f *finding) end(grade Grade, format string, args ...any) {
	f.Verdict, f.Says = grade, fmt.Sprintf(format, args...)
}

func (f *finding) fail(format string, args ...any)         { f.end(Fail, format, args...) }
func (f *finding) warn(format string, args ...any)         { f.end(Warn, format, args...) }
func (f *finding) pass(format string, args ...any)         { f.end(Pass, format, args...) }
func (f *finding) inconclusive(format string, args ...any) { f.end(Inconclusive, format, args...) }

// above grades a figure that is the worse the greater it is, by the thresholds "fail" and "warn".
func (f *finding) above(value float64) Grade {
	switch {
	case value > f.limit("fail"):
		return Fail
	case value > f.limit("warn"):
		return Warn
	}
	return Pass
}
