package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/load"
	"github.com/squall-proxy/squall/faults"
)

// Runner runs one experiment, once. Its fields are set before Run.
type Runner struct {
	Experiment *experiments.Experiment
	RunID      string
	Targets    map[string]Target // by the names of the experiment's targets; "" = the one where it names none
	Tell       func(Event)       // of all that happens, in order; called by one goroutine at a time; may be nil
	Journaled  func() error      // says whether all that Tell was told is on disk; nil = nobody keeps it, and docker steps are refused that have to be undone
	Transport  http.RoundTripper // of loads, checks and steps; nil = the network

	// SaveReplay keeps an experiment that repeats what made a check fail, and says where; nil = none is kept.
	SaveReplay func(check string, experiment []byte) (path string, err error)

	client  *http.Client
	compose compose // of docker steps
	loads   []*traffic
	watches map[string]*loadWatch    // of the checks of loads, by name
	ahead   map[string]time.Duration // the clocks of targets before ours, by name, where that matters

	mu         sync.Mutex // guards what follows
	result     Result
	leases     int         // that were asked for
	settled    bool        // why it was stopped is among the result's reasons
	broken     []broken    // what was done to proxies, in the order of its ends
	wholeSince time.Time   // since when the last of what was broken is whole again; zero = nothing was
	began      []time.Time // the steps of the method, each at its index
	acted      span        // of the method, up to the end of its last fault
	failing    []failing   // checks that made the run deviate or abort, each once
	stopWhy
}

// span is a time of the run.
type span struct{ from, to time.Time }

// stopWhy is why the run was stopped before its end; a nil error = it was not.
type stopWhy struct {
	stop    error
	state   State
	verdict Verdict
}

// traffic is a load: one that is made, or one that is watched.
type traffic struct {
	name      string
	load      experiments.Load
	recorder  load.Recorder
	series    load.Series
	watches   []*loadWatch
	generator *load.Generator // nil = it is watched

	missed sync.Once // tells once that exchanges were missed
	gaps   int       // how often they were; of the goroutine that watches
}

// due notes a request of the load that goes out.
func (t *traffic) due(at time.Time) {
	for _, w := range t.watches {
		w.send(at)
	}
}

// observe takes a sample of the load.
func (t *traffic) observe(s load.Sample) {
	t.recorder.Observe(s)
	t.series.Observe(s)
	for _, w := range t.watches {
		w.observe(s)
	}
}

// Event is something that happened in a run.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // run, phase, step, step-end, docker, docker-undone, check, load, stop, recovery, trial, expectation, end
	Name string    `json:"name,omitempty"`
	Why  string    `json:"why,omitempty"`  // of a check, a load, a step-end, a trial or an expectation: what is wrong, or unknown
	Hits *uint64   `json:"hits,omitempty"` // of a step-end

	RunID      string          `json:"run_id,omitempty"`     // of the run
	Experiment json.RawMessage `json:"experiment,omitempty"` // of the run: the file, its variables not filled in, its URLs redacted
	Docker     *Owed           `json:"docker,omitempty"`     // of a docker, before it is done, and a docker-undone
	Step       *StepResult     `json:"step,omitempty"`       // of a step and a step-end
	Check      *CheckResult    `json:"check,omitempty"`      // of a check
	Seconds    []load.Second   `json:"seconds,omitempty"`    // of a load: those that have changed since it was last told of

	Expectation *ExpectationResult `json:"expectation,omitempty"` // of an expectation
	Trial       *Trial             `json:"trial,omitempty"`       // of a trial
	Result      *Result            `json:"result,omitempty"`      // of the end
}

// Check refuses what this version cannot carry out, by the name of its field. Nothing is touched.
func Check(e *experiments.Experiment) error { return checkDocker(e) }

// tell tells of an event.
func (r *Runner) tell(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.At = time.Now(); r.Tell != nil {
		r.Tell(e)
	}
}

// target is the name by which a target is known that may be left out where there is only one.
func (r *Runner) target(name string) string {
	if r.Targets[name] == nil && name == "" {
		for only := range r.Targets {
			return only
		}
	}
	return name
}

// squall is the target of that name, or the only one.
func (r *Runner) squall(name string) squall { return squall{r.Targets[r.target(name)]} }

// prepare makes the loads and the watches on them.
func (r *Runner) prepare() {
	r.client = load.NewClient()
	if r.Transport != nil {
		r.client.Transport = r.Transport
	}
	r.watches = map[string]*loadWatch{}
	of := map[string][]*loadWatch{}
	for i := range r.Experiment.SteadyState.Checks {
		c := &r.Experiment.SteadyState.Checks[i]
		if c.Load != "" {
			w := &loadWatch{check: c}
			r.watches[c.Name], of[c.Load] = w, append(of[c.Load], w)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Experiment.Load)) {
		l := r.Experiment.Load[name]
		t := &traffic{name: name, load: l, watches: of[name]}
		if !l.External {
			sender := &load.Sender{
				Method: l.Method, URL: l.URL, Body: l.Body, Headers: l.Headers, Timeout: time.Duration(l.Timeout), Client: r.client,
			}
			t.series.Settle = time.Duration(l.Timeout)
			t.generator = &load.Generator{Rate: float64(l.Rate), Due: t.due, Send: sender.Send, Observe: t.observe}
		}
		r.loads = append(r.loads, t)
	}
}

// lease names a lease of the run's own.
func (r *Runner) lease() faults.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leases++
	return faults.Lease{ID: fmt.Sprintf("%s.%d", r.RunID, r.leases), For: r.Experiment.Safety.Lease}
}

// stopped stops what cancel ends, and notes why: what came first is the run's reason.
func (r *Runner) stopped(cancel context.CancelCauseFunc, why stopWhy) {
	r.mu.Lock()
	first := r.stop == nil
	if first {
		r.stopWhy = why
	}
	r.mu.Unlock()
	if first {
		r.tell(Event{What: "stop", Why: why.stop.Error()})
	}
	cancel(why.stop)
}

// why is what stopped the run, if anything did.
func (r *Runner) why() stopWhy {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopWhy
}
