package runner

import (
	"testing"
	"time"

	"github.com/squall-proxy/squall/experiments/load"
)

// What was due before a phase is not the phase's, however late it ends.
func TestAPhaseIsJudgedByItsOwnRequests(t *testing.T) {
	e := experiment(t, "\nmethod: [{pause: 1s}]")
	w := &loadWatch{check: &e.SteadyState.Checks[0]}
	start := time.Now()
	w.restart(start, nil)
	failed := load.Sample{Due: start.Add(-time.Millisecond), Took: time.Minute, Err: load.StatusError(503)}
	for range 100 {
		w.observe(failed)
	}
	if w.count() != 0 {
		t.Errorf("%d requests of another phase count", w.count())
	}
	w.observe(load.Sample{Due: start})
	if why := w.judge(); why != "" || w.count() != 1 {
		t.Errorf("%q of %d requests", why, w.count())
	}
}
