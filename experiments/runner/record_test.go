package runner

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/load"
)

// told runs an experiment and gives all that it told of.
func told(ctx context.Context, t *testing.T, l *lab, more string) (*Result, []Event) {
	t.Helper()
	var events []Event
	r := Runner{
		Experiment: experiment(t, more), RunID: "run", Targets: map[string]Target{"": l}, Transport: l,
		Tell: func(e Event) { events = append(events, e) },
	}
	return r.Run(ctx), events
}

// secondsOf is the last word on each second of a load.
func secondsOf(events []Event) map[time.Time]load.Second {
	last := map[time.Time]load.Second{}
	for _, e := range events {
		for _, s := range e.Seconds {
			last[s.At] = s
		}
	}
	return last
}

// From the events alone the result can be had: each step and check as it is in it, and a load's seconds.
func TestARunTellsAllThatItsResultHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		r, events := told(t.Context(), t, l, abort+"\nsafety: {abort_on: [errors]}")
		var steps []StepResult
		var checks []CheckResult
		for _, e := range events {
			if e.What == "step-end" {
				steps = append(steps, *e.Step)
			}
			if e.Check != nil {
				checks = append(checks, *e.Check)
			}
		}
		if diff := cmp.Diff(r.Steps, steps); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(r.Checks, checks); diff != "" {
			t.Error(diff)
		}
		passed := slices.IndexFunc(checks, func(c CheckResult) bool {
			return c.Why == "" && c.Phase == "recovery" && strings.HasPrefix(c.Seen, "0 of ")
		})
		failed := slices.IndexFunc(checks, func(c CheckResult) bool { return c.Why != "" && c.Phase == "during" && c.Seen == "12 of 12" })
		if passed < 0 || failed < 0 {
			t.Errorf("no check tells what it saw: %+v", checks)
		}
		var requests, errors int64
		for _, s := range secondsOf(events) {
			requests, errors = requests+s.Requests, errors+s.Errors
		}
		var figures load.Figures
		for _, f := range r.Loads[0].Phases {
			figures.Requests, figures.Errors = figures.Requests+f.Requests, figures.Errors+f.Errors
		}
		// The very first request may be over before the first phase has begun.
		if more := requests - figures.Requests; more != 0 && more != 1 || errors != figures.Errors || errors != 12 {
			t.Errorf("the seconds have %d requests and %d errors, the phases %d and %d", requests, errors, figures.Requests, figures.Errors)
		}
		if events[0].RunID != "run" || !strings.Contains(string(events[0].Experiment), `"abort_on"`) {
			t.Errorf("the run is %q of %s", events[0].RunID, events[0].Experiment)
		}
	})
}

// A run that is killed has told of each second when the next one is over.
func TestSecondsAreToldWhileARunGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, events := told(t.Context(), t, newLab(), slow)
		start := events[0].At
		for cut := 2 * time.Second; cut < 15*time.Second; cut += time.Second {
			until := slices.IndexFunc(events, func(e Event) bool { return e.At.Sub(start) > cut })
			// Its own second, and the one before it, of which requests are under way.
			if got, want := len(secondsOf(events[:until])), int(cut/time.Second)-1; got < want {
				t.Errorf("after %v there are %d seconds, want %d", cut, got, want)
			}
		}
	})
}

// What the environment says may be a secret, and does not come into the journal.
func TestTheEnvironmentIsNotJournalled(t *testing.T) {
	e, err := experiments.Parse("x.yaml", []byte(`{version: v1, title: x, configuration: {token: {type: env, key: TOKEN}},
		load: {main: {url: "http://127.0.0.1:1/", rate: 1/s, headers: {Authorization: "Bearer ${token}"}}},
		steady_state: {checks: [{name: errors, load: main, max_error: 1%}]}, method: [{pause: 1s}]}`),
		experiments.Run{ID: "run", Getenv: func(string) string { return "hunter2" }})
	if err != nil || e.Load["main"].Headers["Authorization"] != "Bearer hunter2" {
		t.Fatal(e, err)
	}
	l := newLab()
	l.halted = true // so that it ends at once
	var first Event
	r := Runner{Experiment: e, RunID: "run", Targets: map[string]Target{"": l}, Tell: func(e Event) {
		if first.What == "" {
			first = e
		}
	}}
	r.Run(t.Context())
	if text := string(first.Experiment); !strings.Contains(text, "${token}") || strings.Contains(text, "hunter2") {
		t.Error(text)
	}
}

// Nothing that a run tells has what a URL may hold of secrets: not the file, not a step, and not what is wrong with a request.
func TestSecretsOfURLsAreNotTold(t *testing.T) {
	e, err := experiments.Parse("x.yaml", []byte(`{version: v1, title: x, configuration: {token: {type: env, key: TOKEN}},
		steady_state: {checks: [{name: up, http: {url: "http://me:hunter2@127.0.0.1:1/?a=${token}&b=hunter2"}, tolerance: 200, mode: after},
			{name: now, process: {path: "true"}, tolerance: 0, mode: before}]},
		method: [{http: {url: "http://me:${token}@127.0.0.1:1/?a=${token}"}}], rollbacks: [{http: {url: "http://127.0.0.1:1/?b=hunter2"}}]}`),
		experiments.Run{ID: "run", Getenv: func(string) string { return "hunter2" }})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"", "without the method"} {
		if step != "" {
			e.Method = []experiments.Step{{Do: &experiments.Pause{For: 1}}}
		}
		var all []byte
		r := Runner{Experiment: e, RunID: "run", Targets: map[string]Target{"": newLab()}, Tell: func(e Event) {
			line, err := json.Marshal(e)
			if err != nil {
				t.Error(err)
			}
			all = append(append(all, line...), '\n')
		}}
		r.Run(t.Context())
		if text := string(all); strings.Contains(text, "hunter2") || !strings.Contains(text, "GET http://***@127.0.0.1:1/?a=***") && step == "" || !strings.Contains(text, "refused") {
			t.Error(text)
		}
	}
}
