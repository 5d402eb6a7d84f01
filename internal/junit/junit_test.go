package junit_test

import (
	"bytes"
	"encoding/xml"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/internal/junit"
)

func TestSuitesAreCounted(t *testing.T) {
	var b bytes.Buffer
	err := junit.Write(&b,
		junit.Suite{Name: `one & "only"`, Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), Took: 1500 * time.Millisecond, Cases: []junit.Case{
			{Name: "passes", Class: "c", Took: time.Second, Out: "all's well"},
			{Name: "fails", Class: "c", Failure: &junit.Problem{Message: "<b>", Type: "deviated", Text: "at length"}},
			{Name: "cannot be told", Class: "c", Error: &junit.Problem{Message: "e", Type: "inconclusive"}},
		}},
		junit.Suite{Name: "two", Took: -time.Second, Cases: []junit.Case{{Name: "skipped", Class: "c", Skipped: &junit.Skipped{Message: "s"}}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	const want = xml.Header + `<testsuites tests="4" failures="1" errors="1" skipped="1">
  <testsuite name="one &amp; &#34;only&#34;" tests="3" failures="1" errors="1" skipped="0" time="1.500" timestamp="2026-01-02T02:04:05">
    <testcase name="passes" classname="c" time="1.000">
      <system-out>all&#39;s well</system-out>
    </testcase>
    <testcase name="fails" classname="c" time="0">
      <failure message="&lt;b&gt;" type="deviated">at length</failure>
    </testcase>
    <testcase name="cannot be told" classname="c" time="0">
      <error message="e" type="inconclusive"></error>
    </testcase>
  </testsuite>
  <testsuite name="two" tests="1" failures="0" errors="0" skipped="1" time="0.000">
    <testcase name="skipped" classname="c" time="0">
      <skipped message="s"></skipped>
    </testcase>
  </testsuite>
</testsuites>
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
