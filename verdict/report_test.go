package verdict

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/proxy"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sampleInput are the records of a client that finds every call's failure out four times.
func sampleInput() Input {
	in := Input{Demand: 20, Distinct: true, Thresholds: map[string]float64{"D2.attempts": 20}}
	for i := range 200 {
		at := time.Duration(i) * 50 * time.Millisecond
		in.Client.Exchanges = append(in.Client.Exchanges, made(at, uint64(1000+i), 200))
	}
	fault := 10 * time.Second
	for i := range 400 {
		at := fault + time.Duration(i)*50*time.Millisecond
		for n := range 4 {
			in.Client.Exchanges = append(in.Client.Exchanges, made(at+time.Duration(n)*300*time.Millisecond, uint64(5000+i), 503))
		}
	}
	numbered(in.Client.Exchanges...)
	in.Client.Connections = []proxy.Connection{{ID: 1, Opened: start}}
	end := start.Add(fault + 20*time.Second)
	in.Now = end.Add(10 * time.Second)
	in.Phases = []Phase{
		{Stage: Baseline, Begin: start, End: start.Add(fault)},
		{Stage: Fault, Fault: `abort 503 on "/<script>alert(1)</script>"`, Share: 1, Begin: start.Add(fault), End: end},
		{Stage: Recovery, Begin: end, End: in.Now},
	}
	return in
}

// sample is a report with a finding of every grade.
func sample(t *testing.T) Report {
	t.Helper()
	report, err := Judge(sampleInput())
	if err != nil {
		t.Fatal(err)
	}
	for _, grade := range Grades() {
		if report.Count(grade) == 0 {
			t.Fatalf("no finding is %s", grade)
		}
	}
	return report
}

func TestReports(t *testing.T) {
	report := sample(t)
	for _, test := range []struct {
		file  string
		write func(*bytes.Buffer) error
	}{
		{"report.txt", func(b *bytes.Buffer) error { return report.WriteText(b) }},
		{"report.json", func(b *bytes.Buffer) error { return report.WriteJSON(b) }},
		{"report.xml", func(b *bytes.Buffer) error { return report.WriteJUnit(b, Fail) }},
		{"report.html", func(b *bytes.Buffer) error { return report.WriteHTML(b) }},
	} {
		var got bytes.Buffer
		if err := test.write(&got); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", test.file)
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s is another one (-update writes it anew):\n%s", golden, diff)
		}
	}
}

// What a fault is called comes from a user, and must not become part of the page. Nothing is fetched.
func TestPageIsSelfContained(t *testing.T) {
	var b bytes.Buffer
	if err := sample(t).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script", "http://", "https://", "url(", "@import", " src="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, wanted := range []string{`lang="en"`, "prefers-color-scheme: dark", "&lt;script&gt;", "<caption>", `scope="col"`} {
		if !strings.Contains(page, wanted) {
			t.Errorf("the page has no %q", wanted)
		}
	}
}

// A report is read back as what was written, so that a command can show one that it was sent.
func TestReportReadsBack(t *testing.T) {
	want := sample(t)
	var b bytes.Buffer
	if err := want.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJUnitFailsFromTheGradeOn(t *testing.T) {
	report := sample(t)
	for failOn, want := range map[Grade]int{Fail: report.Count(Fail), Warn: report.Count(Fail) + report.Count(Warn)} {
		var b bytes.Buffer
		if err := report.WriteJUnit(&b, failOn); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Skipped  int `xml:"skipped,attr"`
			Cases    []struct {
				Failure *struct{} `xml:"failure"`
			} `xml:"testsuite>testcase"`
		}
		if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, c := range got.Cases {
			if c.Failure != nil {
				failed++
			}
		}
		if failed != want || got.Failures != want || got.Tests != len(report.Findings) || got.Skipped != report.Count(Inconclusive) {
			t.Errorf("from %s on: got %d failed, %+v, want %d", failOn, failed, got, want)
		}
	}
}

// What mends a finding in other libraries than one's own is left out, of the page as well; the findings stay.
func TestReportForLibraries(t *testing.T) {
	report := sample(t)
	all := 0
	for _, f := range report.Findings {
		all += len(f.Mend)
	}
	less, err := report.ForLibraries("RetryableHTTP", "urllib3")
	if err != nil || len(less.Findings) != len(report.Findings) {
		t.Fatalf("got %d findings, %v", len(less.Findings), err)
	}
	left, seen := 0, map[string]bool{}
	for i, f := range less.Findings {
		left += len(f.Mend)
		for _, m := range f.Mend {
			seen[m.Library] = true
		}
		if f.Verdict != report.Findings[i].Verdict {
			t.Errorf("%s is %s now", f.ID, f.Verdict)
		}
	}
	if diff := cmp.Diff(map[string]bool{retryable: true, urllib3: true}, seen); diff != "" || left >= all {
		t.Errorf("%d of %d settings are left: %s", left, all, diff)
	}
	again := 0
	for _, f := range report.Findings {
		again += len(f.Mend)
	}
	if again != all {
		t.Errorf("the report itself has %d settings, and had %d", again, all)
	}
	if _, err := report.ForLibraries("curl"); err == nil || !strings.Contains(err.Error(), "failsafe-go") {
		t.Errorf("of a library that nobody knows: %v", err)
	}
	if _, err := report.ForLibraries(""); err == nil {
		t.Error("a library without a name is taken")
	}
}
