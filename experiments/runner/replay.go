package runner

import (
	"fmt"
	"time"
)

// failing is a check that made the run deviate or abort.
type failing struct {
	check string
	at    time.Time
	why   string
}

// failed notes a check that makes the run deviate or abort, and says whether it is the first time.
func (r *Runner) failed(check string, at time.Time, why string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.failing {
		if f.check == check {
			return false
		}
	}
	r.failing = append(r.failing, failing{check, at, why})
	return true
}

// saveReplays leaves a file for each check that made the run deviate or abort. One that cannot be written is no reason to
// doubt the verdict: the result says that it is not there.
func (r *Runner) saveReplays() {
	if r.SaveReplay == nil || r.Experiment.Search != nil {
		return
	}
	for _, f := range r.failing {
		about := fmt.Sprintf("what made the check %s fail in the run %s at %s: %s", f.check, r.RunID, f.at.Format(time.RFC3339), f.why)
		text, err := r.Experiment.Replay(f.check, r.stepsUntil(f.at), about)
		replay := Replay{Check: f.check}
		if err == nil {
			replay.Path, err = r.SaveReplay(f.check, text)
		}
		if err != nil {
			replay.Error = err.Error()
		}
		r.result.Replays = append(r.result.Replays, replay)
	}
}

// stepsUntil is how many steps of the method had begun at a time.
func (r *Runner) stepsUntil(at time.Time) int {
	n := 0
	for _, began := range r.began {
		if !began.After(at) {
			n++
		}
	}
	return n
}
