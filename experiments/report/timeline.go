package report

import (
	"fmt"
	"slices"

	"github.com/squall-proxy/squall/experiments/runner"
)

// timeline is what was done and what was found, over the time: a lane for the phases, one for each step or trial of a search, one
// for each check.
type timeline struct {
	Tall  float64
	Floor float64
	Lanes []lane
	X     []tick
}

// lane is one line of the timeline.
type lane struct {
	Y    float64
	Name string
	Bars []bar
}

// bar is a time in which something was so.
type bar struct {
	X, W  float64
	Class string // phase, fault, step, good, bad, unsure
	Text  string // inside
	Title string
}

// timeline draws the run.
func (r Run) timeline() timeline {
	a := axis{r.Began, r.Ended}
	t := timeline{X: a.ticks()}
	phases := lane{Name: "phase"}
	for _, p := range r.Phases {
		b := r.bar(a, "phase", p.Name, p)
		if b.W > 8*float64(len(p.Name)) {
			b.Text = p.Name
		}
		phases.Bars = append(phases.Bars, b)
	}
	t.add(phases)
	for _, trial := range r.trials() {
		t.add(r.trialLane(a, trial))
	}
	for _, s := range r.Steps {
		if r.isTrial(s) {
			continue // its lane has the value that was tried
		}
		class := "step"
		if s.breaks() {
			class = "fault"
		}
		t.add(lane{Name: s.Name, Bars: []bar{r.bar(a, class, s.Name, Phase{Began: s.Began, Ended: s.Ended})}})
	}
	for _, name := range r.checkNames() {
		t.add(lane{Name: name, Bars: r.checkBars(a, name)})
	}
	t.Floor = float64(len(t.Lanes)) * laneTall
	t.Tall = t.Floor + chartBelow
	return t
}

// trials are those of a search.
func (r Run) trials() []runner.Trial {
	if r.Search == nil {
		return nil
	}
	return r.Search.Trials
}

// isTrial says that a step is what a trial did.
func (r Run) isTrial(s Step) bool {
	return s.Fault != "" && slices.ContainsFunc(r.trials(), func(t runner.Trial) bool {
		return !s.Began.Before(t.Began) && !s.Ended.After(t.Ended)
	})
}

// trialLane has the value that a trial tried.
func (r Run) trialLane(a axis, t runner.Trial) lane {
	class, name := "fault", fmt.Sprintf("trial %d: %v", t.Number, t.Level)
	if t.Hits == nil {
		class = "step" // at this value there is no fault
	}
	b := r.bar(a, class, name, Phase{Began: t.Began, Ended: t.Ended})
	b.Title += ": " + trialSays(t)
	return lane{Name: name, Bars: []bar{b}}
}

func (t *timeline) add(l lane) {
	l.Y = float64(len(t.Lanes)) * laneTall
	t.Lanes = append(t.Lanes, l)
}

// bar draws a time, never so short that it cannot be seen.
func (r Run) bar(a axis, class, name string, of Phase) bar {
	from := a.x(of.Began)
	return bar{
		X: from, W: max(a.x(of.Ended)-from, 3), Class: class,
		Title: fmt.Sprintf("%s: %s to %s", name, r.since(of.Began), r.since(of.Ended)),
	}
}

// checkNames are those of the checks that were made, in the order in which they were first.
func (r Run) checkNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, c := range r.Checks {
		if !seen[c.Check] {
			seen[c.Check] = true
			names = append(names, c.Check)
		}
	}
	return names
}

// checkBars joins the checks of a name that came out alike, one after the other in one phase, to a bar each.
func (r Run) checkBars(a axis, name string) []bar {
	var bars []bar
	var row []runner.CheckResult
	end := func() {
		if len(row) == 0 {
			return
		}
		class, what := outcomeOf(row[0])
		b := r.bar(a, class, name, Phase{Began: row[0].At, Ended: row[len(row)-1].At})
		b.Title = fmt.Sprintf("%s: %s %d times, %s to %s", name, what, len(row), r.since(row[0].At), r.since(row[len(row)-1].At))
		if why := row[0].Why + row[0].Unknown; why != "" {
			b.Title += ": " + why
		}
		bars, row = append(bars, b), nil
	}
	for _, c := range r.Checks {
		if c.Check != name {
			continue
		}
		if len(row) > 0 {
			class, _ := outcomeOf(c)
			if before, _ := outcomeOf(row[0]); class != before || c.Phase != row[0].Phase {
				end()
			}
		}
		row = append(row, c)
	}
	end()
	return bars
}

// outcomeOf is how a check's bar looks, and what its title says.
func outcomeOf(c runner.CheckResult) (class, word string) {
	switch {
	case c.Why != "":
		return "bad", "failed"
	case c.Unknown != "":
		return "unsure", "unknown"
	}
	return "good", "passed"
}
