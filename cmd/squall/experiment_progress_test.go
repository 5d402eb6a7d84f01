package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/load"
	"github.com/squall-proxy/squall/experiments/runner"
)

// shownOf is what is shown of a run in which nothing happens for 25 seconds of its method, and then a check fails.
func shownOf(t *testing.T, terminal bool) string {
	t.Helper()
	e, err := experiments.Parse("x", []byte(`version: v1
title: a long one
load: {main: {url: "http://127.0.0.1:1/", rate: 10/s}}
steady_state: {checks: [{name: errors, load: main, max_error: 1%}]}
method: [{pause: 30s}]
`), experiments.Run{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	synctest.Test(t, func(*testing.T) {
		p := progress{out: &out, terminal: terminal, e: e, began: time.Now()}
		p.during(func() *runner.Result {
			at := func(e runner.Event) {
				e.At = time.Now()
				p.tell(e)
			}
			at(runner.Event{What: "run", Name: "a long one"})
			at(runner.Event{What: "phase", Name: "during"})
			time.Sleep(time.Second / 2) // between two looks
			for i := range 25 {
				second := load.Second{At: time.Now(), Requests: 9, Errors: 1}
				at(runner.Event{What: "load", Name: "main", Seconds: []load.Second{second}})
				second.Requests = 10 // a late one
				at(runner.Event{What: "load", Name: "main", Seconds: []load.Second{second}})
				if time.Sleep(time.Second); i == 3 {
					at(runner.Event{What: "step", Name: "slow"})
				}
			}
			at(runner.Event{What: "check", Name: "errors", Why: "25 of 250"})
			at(runner.Event{What: "end", Result: &runner.Result{Verdict: runner.Deviated, State: runner.Completed}})
			time.Sleep(time.Minute) // when all is said
			return nil
		})
	})
	return out.String()
}

// A log has a line when nothing was said for ten seconds.
func TestALogHasASignOfLife(t *testing.T) {
	const want = `    0.0s a long one
    0.0s — during
    4.5s   slow begins
   15.0s   during, 15s left, 150 requests, 15 failed
   25.0s   during, 5s left, 250 requests, 25 failed
   25.5s   ✗ errors: 25 of 250
deviated (completed)
`
	if diff := cmp.Diff(want, shownOf(t, false)); diff != "" {
		t.Error(diff)
	}
}

// A terminal has a line that is drawn again each second, and gone when there is something to say.
func TestATerminalHasASignOfLife(t *testing.T) {
	out := shownOf(t, true)
	for _, want := range []string{
		"    0.0s — during\n\r    1.0s   during, 29s left, 10 requests, 1 failed\x1b[K\r    2.0s   during, 28s left, ",
		"\r\x1b[K    4.5s   slow begins\n\r", "failed\x1b[K\r\x1b[K   25.5s   ✗ errors: 25 of 250\ndeviated (completed)\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
	if got := strings.Count(out, "left, "); got != 25 {
		t.Errorf("it was drawn %d times", got)
	}
}
