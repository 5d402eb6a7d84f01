package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/squall-proxy/squall/experiments/runner"
	"github.com/squall-proxy/squall/internal/junit"
)

// WriteJUnit writes the run as JUnit's XML.
func (r Run) WriteJUnit(w io.Writer) error { return junit.Write(w, r.Suite()) }

// Suite is the run as a suite of JUnit: a test for the verdict, and one for each check, each fault, each expectation, the search
// and the recovery. What is no verdict on the system (inconclusive, invalid, a run that failed) is an error; a deviation and an
// abort are failures.
func (r Run) Suite() junit.Suite {
	s := junit.Suite{Name: r.Title, Began: r.Began, Took: r.Ended.Sub(r.Began)}
	s.Cases = append(s.Cases, r.verdictCase())
	for _, sum := range r.Sums() {
		if sum.Phase != "recovery" { // in which checks fail until it is over
			s.Cases = append(s.Cases, r.checkCase(sum))
		}
	}
	for _, step := range r.Steps {
		if step.Fault != "" && !r.isTrial(step) { // a trial of 0 % hits nothing
			s.Cases = append(s.Cases, r.faultCase(step))
		}
	}
	for _, x := range r.Expectations {
		s.Cases = append(s.Cases, expectationCase(x))
	}
	if r.Search != nil {
		s.Cases = append(s.Cases, r.searchCase())
	}
	if r.Recovery != nil {
		s.Cases = append(s.Cases, r.recoveryCase())
	}
	return s
}

// expectationCase is skipped where nobody can tell.
func expectationCase(x runner.ExpectationResult) junit.Case {
	c := junit.Case{Name: x.Name, Class: "squall.experiment.expect"}
	switch x.Outcome {
	case runner.Passed:
		c.Out = x.Says
	case runner.Deviated:
		c.Failure = &junit.Problem{Message: x.Says, Type: string(x.Outcome), Text: figuresSay(x)}
	default:
		c.Skipped = &junit.Skipped{Message: x.Says}
	}
	return c
}

// searchCase is skipped where there is no breaking point: that is no verdict on the system.
func (r Run) searchCase() junit.Case {
	c := junit.Case{Name: "search " + r.Search.Vary, Class: "squall.experiment"}
	if r.Search.LastGood == nil || r.Search.FirstBad == nil {
		c.Skipped = &junit.Skipped{Message: r.searchSays()}
	} else {
		c.Out = r.searchSays()
	}
	return c
}

func (r Run) verdictCase() junit.Case {
	c := junit.Case{Name: "verdict", Class: "squall.experiment", Took: r.Ended.Sub(r.Began), Out: r.Summary()}
	if r.Verdict == runner.Passed {
		return c
	}
	problem := &junit.Problem{Message: r.Summary(), Type: string(r.Verdict), Text: strings.Join(r.Reasons, "\n")}
	if (r.Verdict == runner.Deviated || r.Verdict == runner.Aborted) && r.State != runner.Failed {
		c.Failure = problem
	} else {
		c.Error = problem
	}
	c.Out = ""
	return c
}

func (r Run) checkCase(s CheckSum) junit.Case {
	c := junit.Case{Name: s.Check + " " + s.Phase, Class: "squall.experiment.check"}
	if s.Failed == 0 && s.Unknown > 0 {
		c.Skipped = &junit.Skipped{Message: s.remark()}
		return c
	}
	if s.Failed == 0 {
		c.Out = fmt.Sprintf("made %d times, seen last: %s", s.Made, s.Seen)
		return c
	}
	problem := &junit.Problem{
		Message: s.Why, Type: string(runner.Deviated),
		Text: fmt.Sprintf("%d of %d failed, the first at %s: %s", s.Failed, s.Made, r.since(s.First), s.Why),
	}
	if s.Phase == "before" {
		problem.Type = string(runner.Inconclusive)
		c.Error = problem
	} else {
		c.Failure = problem
	}
	return c
}

// faultCase is an error where the fault did not act: then nothing was shown.
func (r Run) faultCase(s Step) junit.Case {
	c := junit.Case{Name: s.Name, Class: "squall.experiment.fault", Took: s.Took()}
	switch {
	case r.stepRemark(s) != "":
		c.Error = &junit.Problem{Message: r.stepRemark(s), Type: string(runner.Inconclusive)}
	case s.Hits == nil || *s.Hits == 0:
		c.Error = &junit.Problem{Message: "it hit nothing", Type: string(runner.Inconclusive)}
	default:
		c.Out = s.hits() + " hits"
	}
	return c
}

func (r Run) recoveryCase() junit.Case {
	c := junit.Case{Name: "recovery", Class: "squall.experiment"}
	switch {
	case r.Recovery.Took != nil:
		c.Took, c.Out = *r.Recovery.Took, r.recoverySays()
	case r.Recovery.Metastable:
		c.Failure = &junit.Problem{Message: r.recoverySays(), Type: string(runner.Deviated)}
	default:
		c.Skipped = &junit.Skipped{Message: r.recoverySays()}
	}
	return c
}
