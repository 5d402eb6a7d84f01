package experiments

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Step is one line of a method. What it does is one of [*Fault], [*Mode], [*Toxic], [*Docker], [*Pause], [*Parallel], [*Call]
// and [*Command].
type Step struct{ Do Action }

// Action is what a step does.
type Action interface {
	// check reports the first field out of bounds.
	check() error
}

// Fault puts a rule in force for a time.
type Fault struct {
	Name   string          `json:"fault"`
	For    faults.Duration `json:"for"`
	Ramp   []float64       `json:"ramp,omitempty"` // percentages, each for an equal part of the time
	Rule   faults.Rule     `json:"rule"`
	Target string          `json:"target,omitempty"`
}

// Mode puts one proxy, or all, in a mode for a time.
type Mode struct {
	Mode   string          `json:"mode"`
	Proxy  string          `json:"proxy,omitempty"` // "" = all
	For    faults.Duration `json:"for"`
	Target string          `json:"target,omitempty"`
}

// Docker does something to a service of a compose file, and undoes it after a time. The runner does it, not the proxy.
type Docker struct {
	Do      string          `json:"docker"` // pause, stop, kill, or restart, which needs no undoing
	Service string          `json:"service"`
	For     faults.Duration `json:"for"`
	File    string          `json:"file,omitempty"` // of compose; "" = the one that docker compose finds
}

// Pause waits.
type Pause struct {
	For faults.Duration `json:"pause"`
}

// Parallel does steps side by side, and ends with the last of them.
type Parallel struct {
	Steps []Step `json:"parallel"`
}

// Call sends a request. It fails the run unless the answer is within the tolerance; without one every reply is.
type Call struct {
	Request   Request    `json:"http"`
	Tolerance *Tolerance `json:"tolerance,omitempty"`
}

// Command runs a program. It fails the run unless the answer is within the tolerance; without one the exit code must be 0.
type Command struct {
	Process   Process    `json:"process"`
	Tolerance *Tolerance `json:"tolerance,omitempty"`
}

// action makes the action of a step that has a member of that name; nil = it is no action's.
func action(key string) Action {
	switch key {
	case "fault":
		return new(Fault)
	case "mode":
		return new(Mode)
	case "toxic":
		return new(Toxic)
	case "docker":
		return new(Docker)
	case "pause":
		return new(Pause)
	case "parallel":
		return new(Parallel)
	case "http":
		return new(Call)
	case "process":
		return new(Command)
	}
	return nil
}

// actionKeys lists the members that say what a step does.
const actionKeys = "fault, mode, toxic, docker, pause, parallel, http or process"

// DecodeDocument reads a step by the member that says what it does.
func (s *Step) DecodeDocument(n *document.Node) error {
	if n.Kind != document.Object {
		return document.Errorf("", "want an object with one of %s, got %s", actionKeys, n.Kind)
	}
	for _, m := range n.Members {
		if s.Do = action(m.Name); s.Do == nil {
			continue
		}
		if err := document.Decode(n, s.Do); err != nil {
			return err
		}
		return s.Do.check()
	}
	known := strings.FieldsFunc(actionKeys, func(r rune) bool { return r == ' ' || r == ',' })
	refusal := document.Errorf("", "a step needs one of %s", actionKeys)
	for _, m := range n.Members {
		if refusal.DidYouMean = document.Nearest(m.Name, known); refusal.DidYouMean != "" {
			break
		}
	}
	return refusal
}

// MarshalJSON writes the step's action.
func (s Step) MarshalJSON() ([]byte, error) { return json.Marshal(s.Do) }

// checkFor wants a time, of more than nothing.
func checkFor(d faults.Duration) error {
	if d == 0 {
		return document.Errorf("for", `missing: want how long it lasts, such as "30s"`)
	}
	return checkSpan("for", d, faults.Duration(time.Millisecond), faults.MaxDuration)
}

func (f *Fault) check() error {
	if err := faults.CheckName(f.Name); err != nil {
		return document.At(err, "fault")
	}
	if err := checkFor(f.For); err != nil {
		return err
	}
	if f.Rule.Kind == "" {
		return document.Errorf("rule", "missing: want a rule such as {proxy: stock, delay: 300ms}")
	}
	if f.Rule.Name != "" && f.Rule.Name != f.Name {
		return document.Errorf("rule.name", "the fault is named %q already: leave the rule's name out", f.Name)
	}
	f.Rule.Name = f.Name
	if err := checkOwn(&f.Rule); err != nil {
		return document.At(err, "rule")
	}
	return f.checkRamp()
}

// checkOwn refuses what is the runner's to set, or would keep the rule from being a fault.
func checkOwn(r *faults.Rule) error {
	switch {
	case r.Lease != nil:
		return document.Errorf("lease", "the runner leases every fault: say how long by for")
	case r.TTL != 0:
		return document.Errorf("ttl", "the runner takes every fault away: say when by for")
	case r.Owner != "":
		return document.Errorf("owner", "the run is the owner")
	case !r.Enabled:
		return document.Errorf("enabled", "a rule that is off is no fault")
	}
	return nil
}

func (f *Fault) checkRamp() error {
	if f.Ramp == nil {
		return nil
	}
	if len(f.Ramp) < 2 || len(f.Ramp) > 1000 {
		return document.Errorf("ramp", "want 2 to 1000 percentages")
	}
	if f.Rule.Percent != 100 || f.Rule.Ramp != nil || f.Rule.Exact {
		return document.Errorf("ramp", "not beside the rule's own percent, ramp or exact")
	}
	for i, percent := range f.Ramp {
		rule := f.Rule
		rule.Percent = percent
		if err := rule.Validate(); err != nil {
			return document.At(document.Errorf(index(i), "want a percentage of 0 to 100 with up to four decimals, got %v", percent), "ramp")
		}
	}
	return nil
}

func (m *Mode) check() error {
	if err := faults.CheckName(m.Mode); err != nil {
		return document.At(err, "mode")
	}
	return checkFor(m.For)
}

func (d *Docker) check() error {
	if known := []string{"pause", "stop", "kill", "restart"}; !slices.Contains(known, d.Do) {
		refusal := document.Errorf("docker", "want pause, stop, kill or restart, got %q", d.Do)
		refusal.DidYouMean = document.Nearest(d.Do, known)
		return refusal
	}
	if d.Service == "" || d.Service[0] == '-' {
		return document.Errorf("service", "want the name of a service in the compose file")
	}
	return checkFor(d.For)
}

func (p *Pause) check() error {
	return checkSpan("pause", p.For, faults.Duration(time.Millisecond), faults.MaxDuration)
}

func (p *Parallel) check() error {
	if len(p.Steps) < 2 {
		return document.Errorf("parallel", "want two steps or more")
	}
	for i, s := range p.Steps {
		switch s.Do.(type) {
		case *Parallel, *Pause:
			return document.At(document.Errorf(index(i), "pause and parallel cannot stand in a parallel"), "parallel")
		}
	}
	return nil
}

func (c *Call) check() error { return document.At(c.Request.complete(), "http") }

func (c *Command) check() error { return nil }
