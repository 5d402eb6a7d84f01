package faults

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestNoPlaceLosesAMatch: wherever a rule stands, an exchange that it matches finds it there.
func TestNoPlaceLosesAMatch(t *testing.T) {
	found := map[partKind]int{}
	for tries := 0; len(found) <= int(ofStatus) && tries < 50; tries++ { // until each kind of place was met
		rapid.Check(t, func(t *rapid.T) { noPlaceLosesAMatch(t, found) })
	}
	for of := ofPath; of <= ofStatus; of++ {
		if found[of] == 0 {
			t.Errorf("no match had a place of kind %d", of)
		}
	}
}

func noPlaceLosesAMatch(t *rapid.T, found map[partKind]int) {
	m := drawMatch(t)
	if rapid.Bool().Draw(t, "only starts") { // else they hardly ever come together
		m = &Match{
			Path:    drawValues(t, "path start", "prefix:/a/b", "prefix:/a/b/c", "regex:^/a/b", "prefix:/c"),
			Headers: map[string]Values{"X-A": drawValues(t, "header start", "prefix:long", "long", "absent")},
		}
	}
	if rapid.Bool().Draw(t, "status") {
		m.Response = &ResponseMatch{Status: []int{503, 404}}
	}
	places := placesOf(m)
	for range 20 {
		v := drawView(t)
		if !modelMatch(m, v) {
			continue
		}
		for _, p := range places {
			text, single := p.part.text(v)
			if single && !slices.Contains(p.texts, text) {
				t.Fatalf("%+v has %q, want one of %q", p.part, text, p.texts)
			}
			found[p.part.of]++
		}
	}
}
