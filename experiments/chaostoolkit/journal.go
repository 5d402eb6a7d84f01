package chaostoolkit

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/experiments/report"
	"github.com/squall-proxy/squall/experiments/runner"
)

// journal is Chaos Toolkit's journal (chaostoolkit.org/reference/api/journal), with what chaoslib adds to it.
type journal struct {
	Lib          string       `json:"chaoslib-version"`
	Platform     string       `json:"platform"`
	Node         string       `json:"node"`
	Experiment   experiment   `json:"experiment"`
	Start        string       `json:"start"`
	Status       string       `json:"status"` // completed, failed, aborted, interrupted
	Deviated     bool         `json:"deviated"`
	SteadyStates steadyStates `json:"steady_states"`
	Run          []outcome    `json:"run"`
	Rollbacks    []outcome    `json:"rollbacks"`
	End          string       `json:"end"`
	Duration     float64      `json:"duration"` // seconds
}

// experiment is the experiment in Chaos Toolkit's words. What it has no provider for (loads, faults, queries) is a python
// provider of a module named squall, with our own words as arguments.
type experiment struct {
	Version     string     `json:"version"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Tags        []string   `json:"tags"`
	Hypothesis  hypothesis `json:"steady-state-hypothesis"`
	Method      []activity `json:"method"`
	Rollbacks   []activity `json:"rollbacks"`
}

type hypothesis struct {
	Title  string     `json:"title"`
	Probes []activity `json:"probes"`
}

type activity struct {
	Type      string          `json:"type"`
	Name      string          `json:"name"`
	Tolerance json.RawMessage `json:"tolerance,omitempty"`
	Provider  any             `json:"provider"`
}

// steadyStates are null where the hypothesis was not looked at.
type steadyStates struct {
	Before *steadyState  `json:"before"`
	After  *steadyState  `json:"after"`
	During []steadyState `json:"during"`
}

type steadyState struct {
	Met    bool      `json:"steady_state_met"`
	Probes []outcome `json:"probes"`
}

// outcome is what came of an activity.
type outcome struct {
	Activity  activity `json:"activity"`
	Output    any      `json:"output"`
	Status    string   `json:"status"` // succeeded, failed, aborted
	Start     string   `json:"start"`
	End       string   `json:"end"`
	Duration  float64  `json:"duration"`
	Met       *bool    `json:"tolerance_met,omitempty"`
	Exception []string `json:"exception,omitempty"`
}

// Host is where the run took place.
type Host struct{ Version, Platform, Node string }

// WriteJournal writes a run as Chaos Toolkit's journal.json.
func WriteJournal(w io.Writer, run report.Run, host Host) error {
	probes, tags := activities(run)
	j := journal{
		Lib: "squall " + host.Version, Platform: host.Platform, Node: host.Node,
		Experiment: experiment{
			Version: "1.0.0", Title: run.Title, Description: run.Description, Tags: tags,
			Hypothesis: hypothesis{Title: run.Title, Probes: []activity{}}, Method: []activity{}, Rollbacks: []activity{},
		},
		Start: moment(run.Began), End: moment(run.Ended), Duration: run.Ended.Sub(run.Began).Seconds(),
		Status: status(run), Deviated: deviated(run),
		SteadyStates: states(run, probes), Run: []outcome{}, Rollbacks: []outcome{},
	}
	j.Experiment.Hypothesis.Probes = append(j.Experiment.Hypothesis.Probes, probes...)
	for _, s := range run.Steps {
		did := stepOutcome(s)
		if s.Rollback {
			j.Rollbacks, j.Experiment.Rollbacks = append(j.Rollbacks, did), append(j.Experiment.Rollbacks, did.Activity)
		} else {
			j.Run, j.Experiment.Method = append(j.Run, did), append(j.Experiment.Method, did.Activity)
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(j)
}

// moment is a time as the journal has it (RFC 3339, UTC).
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// status is how the run ended, in Chaos Toolkit's words: failed is a hypothesis that was not met, before or behind the method as
// well as during it, aborted what broke for another reason, and interrupted what somebody stopped.
func status(run report.Run) string {
	switch {
	case run.State == runner.Interrupted, run.State == runner.Halted:
		return "interrupted"
	case run.State == runner.Failed:
		return "aborted"
	case deviated(run), failed(run, "before"):
		return "failed"
	case run.Verdict == runner.Aborted:
		return "aborted"
	}
	return "completed"
}

// deviated says that the hypothesis was met, and then was not any more. A check that ends a run does so, too.
func deviated(run report.Run) bool {
	return run.Verdict == runner.Deviated || run.Verdict == runner.Aborted && failed(run, "during")
}

// failed says that a check failed in a phase.
func failed(run report.Run, phase string) bool {
	return slices.ContainsFunc(run.Checks, func(c runner.CheckResult) bool { return c.Phase == phase && c.Why != "" })
}

// python stands for what Chaos Toolkit has no provider for.
func python(function string, arguments any) any {
	return map[string]any{"type": "python", "module": "squall", "func": function, "arguments": arguments}
}

// activities are the checks of the experiment's file as probes. Its variables are not filled in.
func activities(run report.Run) (probes []activity, tags []string) {
	var file struct {
		Tags   []string
		Steady struct {
			Checks []map[string]json.RawMessage
		} `json:"steady_state"`
	}
	if json.Unmarshal(run.Source, &file) != nil {
		return nil, []string{} // a run of which the journal has no file
	}
	for _, c := range file.Steady.Checks {
		var name string
		if json.Unmarshal(c["name"], &name) != nil {
			continue
		}
		a := activity{Type: "probe", Name: name, Tolerance: c["tolerance"]}
		switch {
		case c["http"] != nil:
			a.Provider = httpProvider(c["http"])
		case c["process"] != nil:
			a.Provider = processProvider(c["process"])
		default:
			delete(c, "name")
			delete(c, "tolerance")
			a.Provider = python("check", c)
		}
		if a.Tolerance == nil {
			a.Tolerance = json.RawMessage("true")
		}
		probes = append(probes, a)
	}
	return probes, append([]string{}, file.Tags...)
}

func httpProvider(written json.RawMessage) any {
	p := map[string]any{}
	if json.Unmarshal(written, &p) != nil {
		return python("http", written) // not reached: it was read before
	}
	p["type"] = "http"
	inSeconds(p)
	if body, found := p["body"]; found {
		p["arguments"] = body
		delete(p, "body")
	}
	return p
}

func processProvider(written json.RawMessage) any {
	p := map[string]any{}
	if json.Unmarshal(written, &p) != nil {
		return python("process", written) // not reached: it was read before
	}
	p["type"] = "process"
	inSeconds(p)
	if args, found := p["args"]; found {
		p["arguments"] = args
		delete(p, "args")
	}
	return p
}

// inSeconds turns a provider's timeout into the number that it is there.
func inSeconds(provider map[string]any) {
	written, _ := provider["timeout"].(string)
	if d, err := time.ParseDuration(written); err == nil {
		provider["timeout"] = d.Seconds()
	} else {
		delete(provider, "timeout")
	}
}

// states are the outcomes of the hypothesis.
func states(run report.Run, probes []activity) steadyStates {
	byName := map[string]activity{}
	for _, p := range probes {
		byName[p.Name] = p
	}
	s := steadyStates{During: []steadyState{}}
	for _, c := range run.Checks {
		a, known := byName[c.Check]
		if !known {
			a = activity{Type: "probe", Name: c.Check, Tolerance: json.RawMessage("true"), Provider: python("check", map[string]any{})}
		}
		did := probed(a, c)
		switch c.Phase {
		case "before":
			s.Before = s.Before.with(did)
		case "after":
			s.After = s.After.with(did)
		case "during":
			s.During = append(s.During, *(*steadyState)(nil).with(did))
		}
	}
	return s
}

// probed is the outcome of a check. One without an answer has failed there, and one whose answer is not good has not.
func probed(a activity, c runner.CheckResult) outcome {
	met := c.Why == "" && c.Unknown == ""
	did := outcome{Activity: a, Output: output(c.Seen), Status: "succeeded", Start: moment(c.At), End: moment(c.At), Met: &met}
	switch {
	case c.Unknown != "":
		did.Status, did.Exception = "failed", []string{c.Unknown}
	case c.Why != "" && c.Seen == "":
		did.Status, did.Exception = "failed", []string{c.Why}
	case c.Why != "":
		did.Output = c.Why
	}
	return did
}

// with is the state with an outcome more; it may be called on nil.
func (s *steadyState) with(did outcome) *steadyState {
	if s == nil {
		s = &steadyState{Met: true}
	}
	s.Met, s.Probes = s.Met && *did.Met, append(s.Probes, did)
	return s
}

// output is null where there was none.
func output(seen string) any {
	if seen == "" {
		return nil
	}
	return seen
}

func stepOutcome(s report.Step) outcome {
	function, _, _ := strings.Cut(s.Name, " ")
	if s.Fault != "" {
		function = "fault"
	}
	o := outcome{
		Activity: activity{Type: "action", Name: s.Name, Provider: python(strings.ToLower(function), map[string]any{"name": s.Name})},
		Status:   "succeeded", Start: moment(s.Began), End: moment(s.Ended), Duration: s.Took().Seconds(),
	}
	if s.Hits != nil {
		o.Output = fmt.Sprintf("%d hits", *s.Hits)
	}
	switch {
	case s.Cut:
		o.Status, o.Exception = "aborted", []string{"under way when the runner was killed"}
	case s.Error != "":
		o.Status, o.Exception = "failed", []string{s.Error}
	}
	return o
}
