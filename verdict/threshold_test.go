package verdict

import (
	"bytes"
	"testing"
)

// Whatever thresholds are set to there is a report, soon, and it can be written: a share of nothing would be no number in JSON.
func TestThresholdsAtTheirBounds(t *testing.T) {
	t.Parallel()
	all := map[string]float64{}
	for _, limit := range Thresholds() {
		all[limit.Name] = 0
		for _, value := range []float64{0, 1e9} {
			judgeWith(t, map[string]float64{limit.Name: value})
		}
	}
	judgeWith(t, all)
}

// judgeWith judges, with thresholds, a client that does something, one that does nothing, and one whose callers alone do.
func judgeWith(t *testing.T, thresholds map[string]float64) {
	t.Helper()
	busy := sampleInput()
	idle := Input{Phases: busy.Phases, Caller: &Tap{}}
	callers := Input{Phases: busy.Phases, Caller: &busy.Client}
	weighted := busy
	weighted.Weights = map[string]int{"": 1, "b": 2}
	for _, in := range []Input{busy, idle, callers, weighted} {
		in.Thresholds = thresholds
		report, err := Judge(in)
		if err != nil {
			t.Fatal(err)
		}
		if err := report.WriteJSON(&bytes.Buffer{}); err != nil {
			t.Errorf("with %v: %v", thresholds, err)
		}
	}
}
