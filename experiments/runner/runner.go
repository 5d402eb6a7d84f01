package runner

import (
	"context"
	"encoding/json"
	"errors"
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

	client  *http.Client
	compose compose // of docker steps
	loads   []*traffic
	watches map[string]*loadWatch // of the checks of loads, by name

	mu     sync.Mutex // guards what follows
	result Result
	leases int // that were asked for
	stopWhy
}

// stopWhy is why the method was stopped before its end; a nil error = it was not.
type stopWhy struct {
	stop    error
	state   State
	verdict Verdict
}

// traffic is a load that is made.
type traffic struct {
	name      string
	load      experiments.Load
	generator load.Generator
	recorder  load.Recorder
	series    load.Series
}

// Event is something that happened in a run.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // run, phase, step, step-end, docker, docker-undone, check, load, stop, rollback, recovery, end
	Name string    `json:"name,omitempty"`
	Why  string    `json:"why,omitempty"`  // of a check or a step-end: what is wrong
	Hits *uint64   `json:"hits,omitempty"` // of a step-end

	RunID      string          `json:"run_id,omitempty"`     // of the run
	Experiment json.RawMessage `json:"experiment,omitempty"` // of the run: the file, its variables not filled in
	Docker     *Owed           `json:"docker,omitempty"`     // of a docker, before it is done, and a docker-undone
	Step       *StepResult     `json:"step,omitempty"`       // of a step and a step-end
	Check      *CheckResult    `json:"check,omitempty"`      // of a check
	Seconds    []load.Second   `json:"seconds,omitempty"`    // of a load: those that have changed since it was last told of
	Result     *Result         `json:"result,omitempty"`     // of the end
}

// Check refuses what this version cannot carry out, by the name of its field. Nothing is touched.
func Check(e *experiments.Experiment) error {
	const later = "not available in this version"
	for i, x := range e.Expect {
		if x.Hits == nil {
			return fmt.Errorf("expect[%d]: only hits is judged: %s", i, later)
		}
	}
	for name, l := range e.Load {
		if l.External {
			return fmt.Errorf("load.%s.external: %s", name, later)
		}
	}
	if err := checkDocker(e); err != nil {
		return err
	}
	switch {
	case e.Search != nil:
		return errors.New("search: " + later)
	}
	return nil
}

// tell tells of an event.
func (r *Runner) tell(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.At = time.Now(); r.Tell != nil {
		r.Tell(e)
	}
}

// squall is the target of that name, or the only one.
func (r *Runner) squall(name string) squall {
	if target := r.Targets[name]; name != "" || target != nil {
		return squall{target}
	}
	for _, only := range r.Targets {
		return squall{only}
	}
	return squall{}
}

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
		sender := &load.Sender{
			Method: l.Method, URL: l.URL, Body: l.Body, Headers: l.Headers, Timeout: time.Duration(l.Timeout), Client: r.client,
		}
		t := &traffic{name: name, load: l}
		t.generator = load.Generator{Rate: float64(l.Rate), Send: sender.Send, Observe: tee{t, of[name]}.observe}
		t.series.Settle = time.Duration(l.Timeout)
		r.loads = append(r.loads, t)
	}
}

// tee hands a load's samples to its figures and to the checks of it.
type tee struct {
	to      *traffic
	watches []*loadWatch
}

func (t tee) observe(s load.Sample) {
	t.to.recorder.Observe(s)
	t.to.series.Observe(s)
	for _, w := range t.watches {
		w.observe(s)
	}
}

// lease names a lease of the run's own.
func (r *Runner) lease() faults.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leases++
	return faults.Lease{ID: fmt.Sprintf("%s.%d", r.RunID, r.leases), For: r.Experiment.Safety.Lease}
}

// stopped stops the method, once: what comes first is the reason.
func (r *Runner) stopped(cancel context.CancelCauseFunc, why stopWhy) {
	r.mu.Lock()
	first := r.stop == nil
	if first {
		r.stopWhy = why
	}
	r.mu.Unlock()
	if first {
		r.tell(Event{What: "stop", Why: why.stop.Error()})
		cancel(why.stop)
	}
}

// why is what stopped the method, if anything did.
func (r *Runner) why() stopWhy {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopWhy
}
