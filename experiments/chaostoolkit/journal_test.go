package chaostoolkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/squall-proxy/squall/experiments/report"
	"github.com/squall-proxy/squall/experiments/runner"
)

// looked is a check that was made in a phase.
func looked(phase, seen, why string) runner.CheckResult {
	return runner.CheckResult{Check: "up", Phase: phase, Seen: seen, Why: why}
}

// What a run comes to in Chaos Toolkit's words, whatever ended it.
func TestTheJournalOfEveryEnd(t *testing.T) {
	good, during := looked("before", "200", ""), looked("during", "500", "want 200, got 500")
	stopped := func(v runner.Verdict, s runner.State, checks ...runner.CheckResult) report.Run {
		return report.Run{Verdict: v, State: s, Checks: checks, Steps: []report.Step{{StepResult: runner.StepResult{Name: "slow", Fault: "slow"}}}}
	}
	broken := stopped(runner.Inconclusive, runner.Failed, good)
	broken.Steps[0].Error = "refused"
	broken.Steps = append(broken.Steps, report.Step{StepResult: runner.StepResult{Name: "GET /"}, Rollback: true})
	killed := stopped(runner.Aborted, runner.Interrupted, good)
	killed.Steps[0].Cut = true
	for name, test := range map[string]struct {
		run  report.Run
		want string // status, deviated, steady states, steps, rollbacks
	}{
		"passed":             {stopped(runner.Passed, runner.Completed, good, looked("after", "200", "")), "completed false before true after true [succeeded] []"},
		"deviates behind":    {stopped(runner.Deviated, runner.Completed, good, looked("after", "500", "want 200, got 500")), "failed true before true after false [succeeded] []"},
		"deviates meanwhile": {stopped(runner.Deviated, runner.Completed, good, during, looked("after", "200", "")), "failed true before true after true [succeeded] []"},
		"unhealthy before":   {report.Run{Verdict: runner.Inconclusive, State: runner.Completed, Checks: []runner.CheckResult{looked("before", "", "refused")}}, "failed false before false [] []"},
		"hit nothing":        {stopped(runner.Inconclusive, runner.Completed, good, looked("after", "200", "")), "completed false before true after true [succeeded] []"},
		"aborted by a check": {stopped(runner.Aborted, runner.Completed, good, during), "failed true before true [succeeded] []"},
		"out of time":        {stopped(runner.Aborted, runner.Completed, good), "aborted false before true [succeeded] []"},
		"a signal":           {stopped(runner.Aborted, runner.Interrupted, good), "interrupted false before true [succeeded] []"},
		"the stop lever":     {stopped(runner.Aborted, runner.Halted, good), "interrupted false before true [succeeded] []"},
		"a step fails":       {broken, "aborted false before true [failed] [succeeded]"},
		"killed":             {killed, "interrupted false before true [aborted] []"},
		"nobody knows":       {stopped(runner.Inconclusive, runner.Completed, good, runner.CheckResult{Check: "up", Phase: "after", Unknown: "missed"}), "completed false before true after false [succeeded] []"},
	} {
		var b bytes.Buffer
		test.run.Began, test.run.Ended = time.Unix(0, 0), time.Unix(9, 0)
		if err := WriteJournal(&b, test.run, Host{}); err != nil {
			t.Fatal(err)
		}
		type outcomes []struct{ Status string }
		type state *struct {
			Met bool `json:"steady_state_met"`
		}
		var j struct {
			Status         string
			Deviated       bool
			States         struct{ Before, After state } `json:"steady_states"`
			Run, Rollbacks outcomes
		}
		if err := json.Unmarshal(b.Bytes(), &j); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(j.Status, " ", j.Deviated)
		if j.States.Before != nil {
			got += fmt.Sprint(" before ", j.States.Before.Met)
		}
		if j.States.After != nil {
			got += fmt.Sprint(" after ", j.States.After.Met)
		}
		for _, list := range []outcomes{j.Run, j.Rollbacks} {
			words := []string{}
			for _, o := range list {
				words = append(words, o.Status)
			}
			got += fmt.Sprint(" ", words)
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// A probe whose answer is not good has succeeded there, with its tolerance not met; one without an answer has failed.
func TestTheOutcomesOfProbes(t *testing.T) {
	for want, c := range map[string]runner.CheckResult{
		"succeeded true 200 []":                looked("during", "200", ""),
		"succeeded false want 200, got 500 []": looked("during", "500", "want 200, got 500"),
		"failed false <nil> [refused]":         looked("during", "", "refused"),
		"failed false 1 of 2 [missed]":         {Seen: "1 of 2", Unknown: "missed"},
	} {
		o := probed(activity{}, c)
		if got := fmt.Sprint(o.Status, " ", *o.Met, " ", o.Output, " ", o.Exception); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
