package verdict

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is required and nobody can tell is said, and is a failed test of JUnit's; whatever else is as it was.
func TestRequired(t *testing.T) {
	for _, test := range []struct {
		require  []string
		unjudged []string
	}{
		{nil, nil},
		{[]string{"D1", "D5"}, nil}, // judged, well or badly
		{[]string{"D1", "D6", "D30"}, []string{"D6", "D30"}},
		{[]string{All}, []string{"D6", "D7", "D8", "D10", "D11", "D12", "D13", "D14", "D16", "D17", "D18", "D20", "D21", "D22", "D23", "D25"}},
		{[]string{All, "D9"}, []string{"D6", "D7", "D8", "D9", "D10", "D11", "D12", "D13", "D14", "D16", "D17", "D18", "D20", "D21", "D22", "D23", "D25"}},
	} {
		in := sampleInput()
		in.Require = test.require
		report, err := Judge(in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.unjudged, report.Unjudged()); diff != "" {
			t.Errorf("%v: (-want +got):\n%s", test.require, diff)
		}
		var text, xml bytes.Buffer
		if err := report.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if err := report.WriteJUnit(&xml, Fail); err != nil {
			t.Fatal(err)
		}
		said := "; required, and not judged: " + strings.Join(test.unjudged, ", ") + "\n"
		if strings.Contains(text.String(), said) != (len(test.unjudged) > 0) {
			t.Errorf("%v: %.200s", test.require, text.String())
		}
		if got, want := strings.Count(xml.String(), "<failure"), report.Count(Fail)+len(test.unjudged); got != want {
			t.Errorf("%v: %d tests of JUnit's failed, want %d", test.require, got, want)
		}
		if got, want := strings.Count(xml.String(), "<skipped"), report.Count(Inconclusive)-len(test.unjudged); got != want {
			t.Errorf("%v: %d tests of JUnit's were skipped, want %d", test.require, got, want)
		}
	}
}

// Only what is there can be required.
func TestRequireRefuses(t *testing.T) {
	for want, require := range map[string][]string{
		`require[1]: there is no detector "D31": want D1 to D30, or all, did you mean D11?`: {"D1", "D31"},
		`require[0]: there is no detector "d5": want D1 to D30, or all, did you mean D5?`:   {"d5"},
		`require[0]: there is no detector "": want D1 to D30, or all`:                       {""},
		`require[1]: there is no detector "everything": want D1 to D30, or all`:             {"all", "everything"},
	} {
		if _, err := Judge(Input{Require: require}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// All are those that the records of one proxy are enough for: no caller's side, no backends.
func TestAllAreThoseOfOneProxy(t *testing.T) {
	ids, err := requiredOf([]string{All})
	if err != nil {
		t.Fatal(err)
	}
	var beyond []string
	for _, d := range Detectors() {
		if !ids[d.ID] {
			beyond = append(beyond, d.ID)
		}
	}
	if diff := cmp.Diff([]string{"D9", "D15", "D26", "D27", "D28", "D29", "D30"}, beyond); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}
