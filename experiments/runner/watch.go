package runner

import (
	"fmt"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/cusum"
	"github.com/squall-proxy/squall/experiments/load"
)

// loadWatch is a check of a load. It sees every sample of it.
type loadWatch struct {
	check *experiments.Check

	mu         sync.Mutex
	since      time.Time // samples that were due earlier are another phase's
	sum        *cusum.Watch
	bad, total int
	missing    string           // why it may not have seen every sample of the phase; "" = it has
	onAlarm    func(why string) // called once, at the alarm; nil = nobody waits for it
}

// restart begins a phase at a time. onAlarm is called at its alarm.
func (w *loadWatch) restart(at time.Time, onAlarm func(why string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.sum, w.bad, w.total, w.onAlarm, w.missing = at, cusum.New(w.check.Limit()), 0, 0, onAlarm, ""
}

// miss notes that samples were missed.
func (w *loadWatch) miss(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missing = why
}

// gap says why samples of the phase may be missing; "" = none are.
func (w *loadWatch) gap() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missing
}

// observe takes a sample.
func (w *loadWatch) observe(s load.Sample) {
	w.mu.Lock()
	if w.sum == nil || s.Due.Before(w.since) {
		w.mu.Unlock()
		return
	}
	isBad := s.Err != nil
	if w.check.Over != nil {
		isBad = s.Took > time.Duration(*w.check.Over)
	}
	w.total++
	if isBad {
		w.bad++
	}
	alarmed, onAlarm, why := w.sum.Observe(isBad), w.onAlarm, ""
	if alarmed && onAlarm != nil {
		w.onAlarm, why = nil, w.says()
	}
	w.mu.Unlock()
	if why != "" {
		onAlarm(why)
	}
}

// judge says what is wrong with the phase so far; "" = nothing.
func (w *loadWatch) judge() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.sum == nil || w.total == 0:
		return "no request has been answered"
	case w.sum.Alarmed():
		return w.says()
	}
	return ""
}

// judgeWindow says what is wrong with the samples since the last restart by their plain share; "" = nothing. It is for
// windows that are too short for a sum to rise.
func (w *loadWatch) judgeWindow() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.total == 0:
		return "no request has been answered"
	case float64(w.bad) > w.check.Limit()*float64(w.total):
		return w.says()
	}
	return ""
}

// says is the share of bad samples in words.
func (w *loadWatch) says() string {
	what, limit := "failed", w.check.MaxError
	if w.check.Over != nil {
		what, limit = fmt.Sprintf("took longer than %v", *w.check.Over), w.check.MaxShare
	}
	return fmt.Sprintf("%d of %d requests %s, more than %v", w.bad, w.total, what, *limit)
}

// seen is the bad samples of the phase so far.
func (w *loadWatch) seen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%d of %d", w.bad, w.total)
}

// count is how many samples the phase has.
func (w *loadWatch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}
