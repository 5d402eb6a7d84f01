package verdicttest

import (
	"testing"

	"github.com/squall-proxy/squall/verdict"
)

// Expect holds the findings of a report against those that are wanted, by detector: exactly these grades.
func Expect(t testing.TB, report verdict.Report, want map[string]verdict.Grade) {
	t.Helper()
	for _, f := range report.Findings {
		if grade, ok := want[f.ID]; ok && f.Verdict != grade {
			t.Errorf("%s %s: got %s, want %s: %s %v", f.ID, f.Name, f.Verdict, grade, f.Says, f.Figures)
		}
	}
	for id := range want {
		if _, ok := report.Find(id); !ok {
			t.Errorf("there is no detector %s", id)
		}
	}
}

// ExpectNothingWorse wants no finding to be worse than a grade, those of the detectors excepted left alone.
func ExpectNothingWorse(t testing.TB, report verdict.Report, than verdict.Grade, except ...string) {
	t.Helper()
	left := map[string]bool{}
	for _, id := range except {
		left[id] = true
	}
	for _, f := range report.Findings {
		if !left[f.ID] && f.Verdict != than && f.Verdict.AtLeast(than) {
			t.Errorf("%s %s: got %s: %s %v", f.ID, f.Name, f.Verdict, f.Says, f.Figures)
		}
	}
}
