package readme

import (
	"fmt"
	"testing"
)

func TestBlocksHaveTheirSection(t *testing.T) {
	const text = "```sh\n$ none\n```\n## A\n### B\n```console\n$ one\n## not a heading\n$ two\n```\n```\n...\n```\n# C\n```yaml\n```\n"
	want := "[{sh  [$ none]} {console B [$ one ## not a heading $ two]} { B [...]} {yaml C []}]"
	if got := fmt.Sprint(Blocks(text)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSteps(t *testing.T) {
	for text, want := range map[string]string{
		"$ one\n## not a heading\n$ two\n": "[{one [## not a heading]} {two []}]",
		"stray\n$ one\n...\n":              "[{ [stray]} {one [...]}]",
		"":                                 "[]",
	} {
		if got := fmt.Sprint(Blocks("```\n" + text + "```\n")[0].Steps()); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		output string
		want   []string
		match  bool
	}{
		{"a\nb\n", []string{"a", "b"}, true},
		{"a\nc\n", []string{"a", "b"}, false},
		{"a\nb\nc\n", []string{"a", "b"}, false},
		{"a\n", nil, true},
		{"a\nb\nc\n", []string{"a", "..."}, true},
		{"x\nb\nc\n", []string{"a", "..."}, false},
		{"took 3s: ok\n", []string{"took ...: ok"}, true},
		{"took 3s: bad\n", []string{"took ...: ok"}, false},
		{"x [cached]\n", []string{"...", "x"}, false},
		{"a  \nb\n", []string{"a", "b   "}, true},
	} {
		if got := Matches(test.output, test.want); got != test.match {
			t.Errorf("Matches(%q, %q) = %v", test.output, test.want, got)
		}
	}
}
