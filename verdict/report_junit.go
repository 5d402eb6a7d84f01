package verdict

import (
	"io"
	"strings"

	"github.com/squall-proxy/squall/internal/junit"
)

// WriteJUnit writes the report as JUnit's XML: a test for each finding, failed from failOn on (Warn or Fail), and where nobody can
// tell skipped, or failed if it was required.
func (r Report) WriteJUnit(w io.Writer, failOn Grade) error {
	suite := junit.Suite{Name: "squall verdict", Began: r.Begin}
	if !r.Begin.IsZero() {
		suite.Took = r.End.Sub(r.Begin)
	}
	for _, f := range r.Findings {
		suite.Cases = append(suite.Cases, f.test(failOn))
	}
	return junit.Write(w, suite)
}

// test makes a test of a finding.
func (f Finding) test(failOn Grade) junit.Case {
	var b strings.Builder
	f.text(&b)
	c := junit.Case{Name: f.ID + " " + f.Name, Class: "squall.verdict"}
	switch {
	case f.Unjudged():
		c.Failure = &junit.Problem{Message: "required, and not judged: " + f.Says, Type: string(f.Verdict), Text: b.String()}
	case f.Verdict == Inconclusive:
		c.Skipped = &junit.Skipped{Message: f.Says}
	case f.Verdict.AtLeast(failOn):
		c.Failure = &junit.Problem{Message: f.Says, Type: string(f.Verdict), Text: b.String()}
	default:
		c.Out = b.String()
	}
	return c
}
