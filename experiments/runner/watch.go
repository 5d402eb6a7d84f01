package runner

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/cusum"
	"github.com/squall-proxy/squall/experiments/load"
)

// loadWatch is a check of a load. It sees every sample of it, and sorts them by when they were due: an answer that comes late
// belongs to the faults that made it late.
type loadWatch struct {
	check *experiments.Check

	mu      sync.Mutex
	tallies []*tally // in the order of their begin; the last one goes on
}

// tally counts the samples that were due in a part of a run.
type tally struct {
	since   time.Time
	sum     *cusum.Watch
	onAlarm func(why string) // called once, at the alarm; nil = nobody waits for it
	outcome
}

// outcome is what is known of the samples that were due in some time.
type outcome struct {
	check      *experiments.Check
	sent       int // 0 of a load that is watched
	bad, total int // of those that have ended
	alarmed    bool
	missing    string // why it may not have seen all of them; "" = it has
}

// restart begins another part of the run at a time. onAlarm is called at its alarm; that of the part before is not any more.
func (w *loadWatch) restart(at time.Time, onAlarm func(why string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.tallies); n > 0 {
		w.tallies[n-1].onAlarm = nil
	}
	w.tallies = append(w.tallies, &tally{since: at, sum: cusum.New(w.check.Limit()), onAlarm: onAlarm, outcome: outcome{check: w.check}})
}

// of is the tally of what was due at a time; nil = nothing had begun. What was due at the very begin of a part belongs to the one
// before, since it may have been sent already.
func (w *loadWatch) of(due time.Time) *tally {
	for _, t := range slices.Backward(w.tallies) {
		if t.since.Before(due) {
			return t
		}
	}
	return nil
}

// miss notes that samples since a time were missed.
func (w *loadWatch) miss(since time.Time, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range slices.Backward(w.tallies) {
		t.missing = why
		if !since.Before(t.since) {
			return
		}
	}
}

// send notes that a request goes out.
func (w *loadWatch) send(due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.of(due); t != nil {
		t.sent++
	}
}

// observe takes a sample.
func (w *loadWatch) observe(s load.Sample) {
	if onAlarm, why := w.count(s); onAlarm != nil {
		onAlarm(why)
	}
}

// count counts a sample. With an alarm it gives whom to tell, and what.
func (w *loadWatch) count(s load.Sample) (onAlarm func(why string), why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.of(s.Due)
	if t == nil {
		return nil, ""
	}
	isBad := s.Err != nil
	if w.check.Over != nil {
		isBad = s.Took > time.Duration(*w.check.Over)
	}
	t.total++
	if isBad {
		t.bad++
	}
	if t.alarmed = t.sum.Observe(isBad); t.alarmed {
		onAlarm, t.onAlarm = t.onAlarm, nil
	}
	return onAlarm, t.says()
}

// now is the outcome of the part of the run that goes on.
func (w *loadWatch) now() outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tallies) == 0 {
		return outcome{check: w.check}
	}
	return w.tallies[len(w.tallies)-1].outcome
}

// between adds up the parts of the run that began in a time.
func (w *loadWatch) between(from, to time.Time) outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := outcome{check: w.check}
	for _, t := range w.tallies {
		if t.since.Before(from) || !t.since.Before(to) {
			continue
		}
		sum.sent, sum.bad, sum.total = sum.sent+t.sent, sum.bad+t.bad, sum.total+t.total
		sum.alarmed = sum.alarmed || t.alarmed
		if sum.missing == "" {
			sum.missing = t.missing
		}
	}
	return sum
}

// open is how many requests are under way.
func (o outcome) open() int { return max(0, o.sent-o.total) }

// judgeSum says what is wrong by the sum so far; "" = nothing.
func (o outcome) judgeSum() string {
	if o.alarmed {
		return o.says()
	}
	return ""
}

// judge says what is wrong with a part of the run that is over; "" = nothing. Where there were too few requests for a sum to
// rise, were all of them bad, their share counts.
func (o outcome) judge() string {
	if o.total < cusum.New(o.check.Limit()).Least() {
		return o.judgeShare()
	}
	return o.judgeSum()
}

// judgeShare says what is wrong by the plain share; "" = nothing. It is for windows that are too short for a sum to rise.
func (o outcome) judgeShare() string {
	switch {
	case o.total == 0:
		return "no request has been answered"
	case float64(o.bad) > o.check.Limit()*float64(o.total):
		return o.says()
	}
	return ""
}

// says is the share of bad samples in words.
func (o outcome) says() string {
	what, limit := "failed", o.check.MaxError
	if o.check.Over != nil {
		what, limit = fmt.Sprintf("took longer than %v", *o.check.Over), o.check.MaxShare
	}
	return fmt.Sprintf("%s requests %s, more than %v", o.seen(), what, *limit)
}

// seen is the bad samples in words.
func (o outcome) seen() string { return fmt.Sprintf("%d of %d", o.bad, o.total) }
