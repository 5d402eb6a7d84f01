// Package report draws what a run has told of: one page, JUnit's XML, Markdown. All of it comes from the events, so that the
// journal is enough to draw it again, also that of a run that was killed.
package report

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/squall-proxy/squall/experiments/load"
	"github.com/squall-proxy/squall/experiments/runner"
)

// Run is a run as far as it was told of.
type Run struct {
	ID          string
	Title       string
	Description string
	Source      json.RawMessage // the experiment's file; nil = the journal has none
	Began       time.Time
	Ended       time.Time // of a run that was killed: the last that is known of it
	Verdict     runner.Verdict
	State       runner.State
	Reasons     []string
	Stopped     string // by what, before its end; "" = by nothing
	Phases      []Phase
	Steps       []Step // by their begin
	Checks      []runner.CheckResult
	Loads       []Load
	Recovery    *runner.Recovery

	Expectations []runner.ExpectationResult
	Search       *runner.SearchResult // nil = the run was none
	Replays      []runner.Replay
}

// Phase is a part of a run.
type Phase struct {
	Name         string
	Began, Ended time.Time
}

// Step is a step of the method.
type Step struct {
	runner.StepResult
	Cut      bool       // it was under way when the run was killed
	Rollback bool       // it is one of the experiment's rollbacks
	Undone   *time.Time // of what docker did and has to be undone: when it was, zero = it was not; nil = of other steps
}

// breaks says that the step broke something on purpose.
func (s Step) breaks() bool { return s.Kind != "" || s.Fault != "" }

// Took is how long the step took.
func (s Step) Took() time.Duration { return s.Ended.Sub(s.Began) }

// Load is what became of a load.
type Load struct {
	Name    string
	Seconds []load.Second
	Phases  []load.Figures // none of a run that was killed
	Warning string
}

// killed is the reason of a run without an end.
const killed = "the runner was killed: its journal has no end"

// Of folds the events of a run, in order. Without an end the run counts as aborted and interrupted.
func Of(events []runner.Event) Run {
	f := fold{run: Run{Verdict: runner.Aborted, State: runner.Interrupted, Reasons: []string{killed}}}
	for _, e := range events {
		f.add(e)
	}
	return f.done()
}

// fold is a run while its events are read.
type fold struct {
	run   Run
	begun []runner.Event // steps that have no end yet
	owed  []owed         // what docker did
	back  bool           // the rollbacks have begun
	loads []*series
}

// series is a load while its seconds are read.
type series struct {
	name    string
	seconds map[int64]load.Second // by their Unix time: the last word counts
}

// owed is what docker did to a service, and when that was undone; zero = it was not.
type owed struct {
	runner.Owed
	began, undone time.Time
}

func (f *fold) add(e runner.Event) {
	r := &f.run
	if r.Began.IsZero() {
		r.Began = e.At
	}
	// What a later run has added says nothing of when this one ended.
	if later := e.What == "docker-undone" || e.What == "end" && e.Result == nil; !later {
		r.Ended = e.At
	}
	switch e.What {
	case "run":
		f.begin(e)
	case "phase":
		r.Phases = append(r.Phases, Phase{Name: e.Name, Began: e.At})
	case "step":
		f.begun = append(f.begun, e)
	case "step-end":
		f.endStep(e)
	case "docker", "docker-undone":
		f.addDocker(e)
	case "rollback":
		f.back = true
	case "check":
		if e.Check != nil {
			r.Checks = append(r.Checks, *e.Check)
		}
	case "load":
		f.addSeconds(e)
	case "expectation":
		if e.Expectation != nil {
			r.Expectations = append(r.Expectations, *e.Expectation)
		}
	case "trial":
		f.addTrial(e.Trial)
	case "stop":
		r.Stopped = e.Why
	case "end":
		f.end(e.Result)
	}
}

func (f *fold) begin(e runner.Event) {
	f.run.Title, f.run.ID, f.run.Source = e.Name, e.RunID, e.Experiment
	var file struct{ Description string }
	if json.Unmarshal(e.Experiment, &file) == nil {
		f.run.Description = file.Description
	}
}

func (f *fold) endStep(e runner.Event) {
	i := slices.IndexFunc(f.begun, func(b runner.Event) bool { return b.Name == e.Name })
	if i < 0 || e.Step == nil {
		return
	}
	f.begun = slices.Delete(f.begun, i, i+1)
	f.run.Steps = append(f.run.Steps, Step{StepResult: *e.Step, Rollback: f.back})
}

// addDocker adds what docker does, or that it is undone, which a later run may have seen to.
func (f *fold) addDocker(e runner.Event) {
	if e.Docker == nil {
		return
	}
	if e.What == "docker" {
		f.owed = append(f.owed, owed{Owed: *e.Docker, began: e.At})
		return
	}
	for i := range f.owed {
		if o := &f.owed[i]; o.undone.IsZero() && o.Owed == *e.Docker {
			o.undone = e.At
			return
		}
	}
}

// settle tells the steps of docker whether they were undone: each has the first that was done after its begin.
func (f *fold) settle(steps []Step) {
	for _, o := range f.owed {
		for i := range steps {
			s := &steps[i]
			if s.Name == "docker "+o.Do+" "+o.Service && s.Undone == nil && !o.began.Before(s.Began) {
				s.Undone = &o.undone
				break
			}
		}
	}
}

func (f *fold) addSeconds(e runner.Event) {
	of := f.series(e.Name)
	for _, s := range e.Seconds {
		of.seconds[s.At.Unix()] = s
	}
}

// addTrial adds a trial of a search, of which only the end knows what it has found.
func (f *fold) addTrial(t *runner.Trial) {
	if t == nil {
		return
	}
	if f.run.Search == nil {
		f.run.Search = &runner.SearchResult{}
	}
	f.run.Search.Trials = append(f.run.Search.Trials, *t)
}

// series is that of a load, which is new where it was not heard of.
func (f *fold) series(name string) *series {
	for _, s := range f.loads {
		if s.name == name {
			return s
		}
	}
	s := &series{name, map[int64]load.Second{}}
	f.loads = append(f.loads, s)
	return s
}

// end takes over what only the end knows; nil = the run was killed.
func (f *fold) end(result *runner.Result) {
	if result == nil {
		return
	}
	r := &f.run
	r.ID, r.Title = result.RunID, result.Title
	r.Verdict, r.State, r.Reasons, r.Recovery = result.Verdict, result.State, result.Reasons, result.Recovery
	r.Expectations, r.Search, r.Replays = result.Expectations, result.Search, result.Replays
	for _, l := range result.Loads {
		f.series(l.Load)
		r.Loads = append(r.Loads, Load{Name: l.Load, Phases: l.Phases, Warning: l.Warning})
	}
}

// done closes what is still open.
func (f *fold) done() Run {
	r := f.run
	for i := range r.Phases {
		r.Phases[i].Ended = r.Ended
		if i+1 < len(r.Phases) {
			r.Phases[i].Ended = r.Phases[i+1].Began
		}
	}
	for _, b := range f.begun {
		s := Step{StepResult: runner.StepResult{Name: b.Name, Began: b.At}, Cut: true, Rollback: f.back}
		if b.Step != nil {
			s.StepResult = *b.Step
		}
		s.Ended = r.Ended
		r.Steps = append(r.Steps, s)
	}
	slices.SortStableFunc(r.Steps, func(a, b Step) int { return a.Began.Compare(b.Began) })
	f.settle(r.Steps)
	for _, s := range f.loads {
		i := slices.IndexFunc(r.Loads, func(l Load) bool { return l.Name == s.name })
		if i < 0 {
			i, r.Loads = len(r.Loads), append(r.Loads, Load{Name: s.name})
		}
		for _, second := range s.seconds {
			r.Loads[i].Seconds = append(r.Loads[i].Seconds, second)
		}
		slices.SortFunc(r.Loads[i].Seconds, func(a, b load.Second) int { return a.At.Compare(b.At) })
	}
	return r
}

// Interrupted says that the run was killed, or ended by a signal.
func (r Run) Interrupted() bool { return r.State == runner.Interrupted }
