package runner

import (
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/load"
	"github.com/squall-proxy/squall/verdict"
)

// Verdict is what a run says of the system.
type Verdict string

// The verdicts.
const (
	Passed       Verdict = "passed"
	Deviated     Verdict = "deviated"     // a check failed, or an expectation was not met
	Aborted      Verdict = "aborted"      // it was stopped before its end: by a check, somebody, or the time
	Inconclusive Verdict = "inconclusive" // nothing was shown: unhealthy before, or a fault that hit nothing
	Invalid      Verdict = "invalid"      // a squall refuses what the experiment asks for; nothing was touched
)

// State is how a run ended.
type State string

// The states.
const (
	Completed   State = "completed"
	Failed      State = "failed"      // something that is not the system under test did not work
	Interrupted State = "interrupted" // by a signal
	Halted      State = "halted"      // by the stop lever or the stop file
)

// Result is what came of a run.
type Result struct {
	RunID    string        `json:"run_id"`
	Title    string        `json:"title"`
	Verdict  Verdict       `json:"verdict"`
	State    State         `json:"state"`
	Reasons  []string      `json:"reasons,omitempty"` // why it is not passed, the one that decided first
	Began    time.Time     `json:"began"`
	Flowing  time.Time     `json:"flowing,omitzero"` // since when the loads flowed; zero = they never did
	Ended    time.Time     `json:"ended"`
	Steps    []StepResult  `json:"steps"`
	Checks   []CheckResult `json:"checks"` // every one that was made, in order
	Loads    []LoadResult  `json:"loads,omitempty"`
	Recovery *Recovery     `json:"recovery,omitempty"` // from the last fault; nil = nothing was broken

	Expectations []ExpectationResult `json:"expectations,omitempty"` // in the file's order; none of a run that was stopped
	Search       *SearchResult       `json:"search,omitempty"`
	Replays      []Replay            `json:"replays,omitempty"`
}

// ExpectationResult is what the proxies' records show of an expectation.
type ExpectationResult struct {
	Name     string           `json:"name"`    // "timeout of stock: 350ms at most"
	Outcome  Verdict          `json:"outcome"` // passed, deviated, or inconclusive
	Says     string           `json:"says"`    // what was seen, or why nobody can tell
	Figures  []verdict.Figure `json:"figures,omitempty"`
	Evidence []uint64         `json:"evidence,omitempty"` // ids of exchanges, at most [verdict.MaxEvidence]
}

// SearchResult is the breaking point that a search found.
type SearchResult struct {
	Vary     string             `json:"vary"`
	LastGood *experiments.Level `json:"last_good,omitempty"` // nil = there is none
	FirstBad *experiments.Level `json:"first_bad,omitempty"`
	Trials   []Trial            `json:"trials"` // in order
}

// Trial is one value that a search tried.
type Trial struct {
	Number    int               `json:"number"` // from 1
	Level     experiments.Level `json:"level"`
	Good      bool              `json:"good"`
	Check     string            `json:"check,omitempty"` // the first that failed
	Why       string            `json:"why,omitempty"`
	Began     time.Time         `json:"began"`
	Ended     time.Time         `json:"ended"`
	Hits      *uint64           `json:"hits,omitempty"`      // nil = at this value there is no fault
	Recovered *time.Duration    `json:"recovered,omitempty"` // nanoseconds; nil = never
}

// Replay is a file that repeats what made a check fail.
type Replay struct {
	Check string `json:"check"`
	Path  string `json:"path,omitempty"`
	Error string `json:"error,omitempty"` // why it could not be written; "" = it was
}

// StepResult is one step that was begun.
type StepResult struct {
	Name    string    `json:"name"` // "fault slow", "mode failure on flaky", "pause 2s" …
	Fault   string    `json:"fault,omitempty"`
	Kind    string    `json:"kind,omitempty"`   // of what breaks something, in words: "delay", "mode failure", "docker stop"
	Proxy   string    `json:"proxy,omitempty"`  // of a fault; "" = all
	Target  string    `json:"target,omitempty"` // of a fault: the squall, by its name
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended"`
	Hits    *uint64   `json:"hits,omitempty"`    // of a fault, a toxic or a mode
	Limited uint64    `json:"limited,omitempty"` // exchanges that a limit of the rule spared
	Error   string    `json:"error,omitempty"`
}

// CheckResult is one check that was made.
type CheckResult struct {
	Check string    `json:"check"`
	Phase string    `json:"phase"` // before, during, recovery, after
	At    time.Time `json:"at"`
	Seen  string    `json:"seen,omitempty"` // "3 of 200", a status, a number; "" = there was no answer
	Why   string    `json:"why,omitempty"`  // "" = it passed, or nobody knows
	// Unknown says why nobody knows whether it passed; "" = it is known.
	Unknown string `json:"unknown,omitempty"`
}

// LoadResult is what a load measured.
type LoadResult struct {
	Load    string         `json:"load"`
	Phases  []load.Figures `json:"phases"`
	Effort  load.Effort    `json:"effort"`
	Warning string         `json:"warning,omitempty"`
}

// Recovery says when the system was healthy again.
type Recovery struct {
	FaultEnded time.Time      `json:"fault_ended"`
	Took       *time.Duration `json:"took,omitempty"`       // nanoseconds, to the first of the checks that went on passing; nil = never
	Metastable bool           `json:"metastable,omitempty"` // it stayed broken though nothing was being done to it any more
}

// ExitCode is the one of squall experiment run.
func (r *Result) ExitCode() int {
	switch {
	case r.State == Failed && r.Verdict != Invalid:
		return 5
	case r.Verdict == Deviated:
		return 1
	case r.Verdict == Aborted:
		return 2
	case r.Verdict == Inconclusive:
		return 3
	case r.Verdict == Invalid:
		return 4
	}
	return 0
}
