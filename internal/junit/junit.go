// Package junit writes test results as JUnit's XML, in the part of it that CI systems agree on.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"
)

// Suite is a run of tests.
type Suite struct {
	Name  string
	Began time.Time // zero = it is not known, and left out
	Took  time.Duration
	Cases []Case
}

// Case is one test. At most one of Failure, Error and Skipped is set; none = it passed.
type Case struct {
	Name, Class string
	Took        time.Duration // 0 = it is not known
	Failure     *Problem      // what was tested is not as it should be
	Error       *Problem      // it could not be tested
	Skipped     *Skipped
	Out         string // what it has to say beside that
}

// Problem is why a test did not pass.
type Problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// Skipped is why a test says nothing.
type Skipped struct {
	Message string `xml:"message,attr"`
}

// The elements of the file.
type (
	suites struct {
		XMLName xml.Name `xml:"testsuites"`
		counts
		Suites []suite `xml:"testsuite"`
	}
	suite struct {
		Name string `xml:"name,attr"`
		counts
		Time      string  `xml:"time,attr"`
		Timestamp string  `xml:"timestamp,attr,omitempty"`
		Cases     []tcase `xml:"testcase"`
	}
	counts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	tcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    string   `xml:"time,attr"`
		Failure *Problem `xml:"failure"`
		Error   *Problem `xml:"error"`
		Skipped *Skipped `xml:"skipped"`
		Out     string   `xml:"system-out,omitempty"`
	}
)

// Write writes suites as one file.
func Write(w io.Writer, all ...Suite) error {
	file := suites{}
	for _, s := range all {
		file.add(s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(file); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add adds a suite and what it counts.
func (f *suites) add(s Suite) {
	written := suite{Name: s.Name, Time: seconds(s.Took)}
	if !s.Began.IsZero() {
		written.Timestamp = s.Began.UTC().Format("2006-01-02T15:04:05")
	}
	for _, c := range s.Cases {
		written.add(c)
	}
	f.Suites = append(f.Suites, written)
	f.Tests, f.Failures = f.Tests+written.Tests, f.Failures+written.Failures
	f.Errors, f.Skipped = f.Errors+written.Errors, f.Skipped+written.Skipped
}

func (s *suite) add(c Case) {
	written := tcase{Name: c.Name, Class: c.Class, Time: "0", Failure: c.Failure, Error: c.Error, Skipped: c.Skipped, Out: c.Out}
	if c.Took > 0 {
		written.Time = seconds(c.Took)
	}
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.counts.Skipped++
	}
	s.Cases = append(s.Cases, written)
}

// seconds is a time as the file has it; 0 below nothing.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", max(0, d.Seconds())) }
