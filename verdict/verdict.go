// Package verdict says what a client did under failure, from the exchanges that proxies saw of it.
//
// [Judge] is pure: records in, a [Report] out, without a clock, I/O or a goroutine. Exchanges are grouped into logical
// calls (calls.go, which says by which rule), and each detector, one row of a table (detectors.go), grades the client:
// PASS, WARN, FAIL, or INCONCLUSIVE with the reason. A detector never guesses: too few samples, requests of which nobody
// can tell whether they are repetitions, or no steady demand where a rate is compared, are INCONCLUSIVE.
//
// It costs O(n log n) in the number of records, of which the latest [MaxRecords] of each kind are looked at.
package verdict

import (
	"fmt"
	"math"
	"time"

	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// MaxRecords bounds the exchanges and the connections of one tap that are looked at: the latest. The report says how many
// were left out.
const MaxRecords = 200_000

// MaxWeight bounds the weight of a backend.
const MaxWeight = 1000

// MaxPhases bounds an Input's phases.
const MaxPhases = 1000

// Input is all that a verdict is made of. Nothing of it is changed or kept.
type Input struct {
	Client Tap  // of the proxies that the client calls: its attempts
	Caller *Tap // of the proxy through which the client's own callers call it; nil = there is none

	// Phases are the parts of a course, in the order of time, if somebody leads the client through one. Without them the
	// faults' begins are told from the exchanges that were touched; what needs to know when a fault ended is inconclusive.
	Phases []Phase

	// Demand is at how many calls a second the client is driven, all the time, whether it answers or not; 0 = unknown.
	Demand float64
	// Distinct says that no two calls have the same method and target, so that an equal one is another attempt.
	Distinct bool

	// Weights are those by which the client is to spread its exchanges over backends, by the name of the proxy before each: none, or
	// two or more of 1 to [MaxWeight].
	Weights map[string]int

	Now time.Time // when the records were taken; zero = at the end of the last one

	// Thresholds are those that differ from their defaults, by "ID.name"; see [Thresholds].
	Thresholds map[string]float64
	// Require are ids of detectors that have to tell, or [All]: where one is INCONCLUSIVE its finding is [Finding.Unjudged].
	Require []string
}

// Tap is what proxies have recorded, in any order.
type Tap struct {
	Exchanges   []proxy.Exchange
	Connections []proxy.Connection // open and closed
}

// Stage says which part of a course a phase is.
type Stage string

// The stages.
const (
	Baseline Stage = "baseline" // without a fault, before one
	Fault    Stage = "fault"
	Recovery Stage = "recovery" // without a fault, after one
)

// Phase is one part of a course.
type Phase struct {
	Stage Stage     `json:"stage"`
	Fault string    `json:"fault,omitempty"` // what was injected, in words: "abort 503"
	Share float64   `json:"share,omitempty"` // of the exchanges that it hits, 0 to 1; 0 = unknown
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
}

// Judge says what the records show of the client.
func Judge(in Input) (Report, error) {
	limits, err := limitsWith(in.Thresholds)
	if err != nil {
		return Report{}, err
	}
	if err := checkInput(in); err != nil {
		return Report{}, err
	}
	required, err := requiredOf(in.Require)
	if err != nil {
		return Report{}, err
	}
	s := newScene(in, limits)
	report := s.report()
	for _, d := range detectors() {
		f := d.judge(s)
		f.Required = required[d.id]
		report.Findings = append(report.Findings, f)
		report.Verdict = report.Verdict.worse(f.Verdict)
	}
	return report, nil
}

// checkInput refuses what no course has.
func checkInput(in Input) error {
	if in.Demand < 0 || in.Demand > 1e6 || math.IsNaN(in.Demand) {
		return document.Errorf("demand", "want 0 to 1000000 calls a second, got %v", in.Demand)
	}
	if len(in.Phases) > MaxPhases {
		return document.Errorf("phases", "want at most %d, got %d", MaxPhases, len(in.Phases))
	}
	if err := checkWeights(in.Weights); err != nil {
		return err
	}
	for i, p := range in.Phases {
		if err := p.check(); err != nil {
			return document.At(document.At(err, fmt.Sprintf("[%d]", i)), "phases")
		}
		if i > 0 && p.Begin.Before(in.Phases[i-1].End) {
			return document.Errorf(fmt.Sprintf("phases[%d].begin", i), "it is before the end of the phase before it")
		}
	}
	return nil
}

func (p Phase) check() error {
	switch {
	case p.Stage != Baseline && p.Stage != Fault && p.Stage != Recovery:
		return document.Errorf("stage", "want baseline, fault or recovery, got %q", p.Stage)
	case p.End.Before(p.Begin):
		return document.Errorf("end", "it is before its begin")
	case p.Share < 0 || p.Share > 1 || math.IsNaN(p.Share):
		return document.Errorf("share", "want 0 to 1, got %v", p.Share)
	}
	return nil
}
