package report

import (
	"fmt"

	"github.com/squall-proxy/squall/experiments/runner"
)

// timeline is what was done and what was found, over the time: a lane for the phases, one for each step, one for each check.
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
	Class string // phase, fault, step, good, bad
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
	for _, s := range r.Steps {
		class := "step"
		if s.Fault != "" {
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
		class, what := "good", "passed"
		if row[0].Why != "" {
			class, what = "bad", "failed"
		}
		b := r.bar(a, class, name, Phase{Began: row[0].At, Ended: row[len(row)-1].At})
		b.Title = fmt.Sprintf("%s: %s %d times, %s to %s", name, what, len(row), r.since(row[0].At), r.since(row[len(row)-1].At))
		if row[0].Why != "" {
			b.Title += ": " + row[0].Why
		}
		bars, row = append(bars, b), nil
	}
	for _, c := range r.Checks {
		if c.Check != name {
			continue
		}
		if len(row) > 0 && ((c.Why == "") != (row[0].Why == "") || c.Phase != row[0].Phase) {
			end()
		}
		row = append(row, c)
	}
	end()
	return bars
}
