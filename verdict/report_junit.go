package verdict

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The elements of JUnit's XML that CI systems read.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		junitCounts
		Suite junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr,omitempty"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
		Skipped *junitSkipped `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// WriteJUnit writes the report as JUnit's XML: a test for each finding, failed from failOn on (Warn or Fail), skipped where
// nobody can tell.
func (r Report) WriteJUnit(w io.Writer, failOn Grade) error {
	suite := junitSuite{Name: "squall verdict", Time: fmt.Sprintf("%.3f", max(0, r.End.Sub(r.Begin).Seconds()))}
	if r.Begin.IsZero() {
		suite.Time = "0.000"
	} else {
		suite.Timestamp = r.Begin.UTC().Format("2006-01-02T15:04:05")
	}
	for _, f := range r.Findings {
		suite.add(f, failOn)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{junitCounts: suite.junitCounts, Suite: suite}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add makes a test of a finding.
func (s *junitSuite) add(f Finding, failOn Grade) {
	var b strings.Builder
	f.text(&b)
	c := junitCase{Name: f.ID + " " + f.Name, Class: "squall.verdict", Time: "0"}
	switch {
	case f.Verdict == Inconclusive:
		c.Skipped = &junitSkipped{f.Says}
		s.Skipped++
	case f.Verdict.AtLeast(failOn):
		c.Failure = &junitFailure{f.Says, string(f.Verdict), b.String()}
		s.Failures++
	default:
		c.Out = b.String()
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}
