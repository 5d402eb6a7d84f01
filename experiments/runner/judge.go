package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// sustained is how many passes in a row are a recovery, and no luck.
const sustained = 3

// checks are those of the experiment for which a condition holds.
func (r *Runner) checks(holds func(c *experiments.Check) bool) []*experiments.Check {
	var checks []*experiments.Check
	for i := range r.Experiment.SteadyState.Checks {
		if c := &r.Experiment.SteadyState.Checks[i]; holds(c) {
			checks = append(checks, c)
		}
	}
	return checks
}

// recover times how long it takes, from the end of the last fault, until the recovery's checks go on passing. It says whether
// they did in time.
func (r *Runner) recover(ctx context.Context, ended time.Time) bool {
	checks := r.checks(func(c *experiments.Check) bool { return slices.Contains(r.Experiment.Recovery.Checks, c.Name) })
	r.result.Recovery = &Recovery{FaultEnded: ended}
	since := r.phase("recovery", nil)
	passes, passed, first, last := 0, span{}, time.Time{}, passing{why: "no check was made in time"}
	deadline := r.recoveryDeadline(ended)
	for passes > 0 || time.Now().Before(deadline) {
		if wait.For(ctx, time.Duration(r.Experiment.SteadyState.Every)) != nil {
			return false // interrupted: nobody knows
		}
		from, p := since, passing{}
		switch p, since = r.window(ctx, checks, since); {
		case p.unknown && !time.Now().Before(deadline):
			passes, last = 0, p
		case p.unknown:
		case p.why != "":
			passes, last = 0, p
		default:
			if passes++; passes == 1 {
				first, passed.from = time.Now(), from
			}
		}
		if passes < sustained {
			continue
		}
		passed.to = since
		if p := r.lasting(ctx, checks, passed); p.why != "" {
			passes, last, since = 0, p, r.over(since).to
			continue
		}
		if ctx.Err() != nil {
			return false
		}
		took := first.Sub(ended)
		r.result.Recovery.Took = &took
		r.tell(Event{What: "recovery", Name: took.String()})
		return true
	}
	r.notRecovered(last)
	return false
}

// recoveryDeadline is until when the first of the passes must be. Where it is looked late (the last fault stood beside a step
// that took longer) there is time for as many looks as a recovery takes.
func (r *Runner) recoveryDeadline(ended time.Time) time.Time {
	every := time.Duration(r.Experiment.SteadyState.Every)
	deadline, least := ended.Add(time.Duration(r.Experiment.Recovery.Within)), time.Now().Add(sustained*every)
	if time.Since(ended) > every && least.After(deadline) {
		return least
	}
	return deadline
}

// notRecovered ends a recovery that was not seen in time.
func (r *Runner) notRecovered(last passing) {
	within := r.Experiment.Recovery.Within
	if last.unknown && r.isWatched(last.check) {
		r.fail(Inconclusive, Completed, fmt.Errorf("nobody knows whether it was healthy again within %v of the last fault's end: %s: %s", within, last.check, last.why))
		return
	}
	r.result.Recovery.Metastable = true
	says := last.why
	if last.check != "" {
		says = last.check + ": " + says
		r.failed(last.check, time.Now(), last.why)
	}
	r.fail(Deviated, Completed, fmt.Errorf("metastable: not healthy again within %v of the last fault's end: %s", within, says))
}

// isWatched says that a check is of a load that is not made, but watched.
func (r *Runner) isWatched(check string) bool {
	w := r.watches[check]
	return w != nil && r.Experiment.Load[w.check.Load].External
}

// passing is what came of one window of a recovery.
type passing struct {
	check, why string // the first that does not pass; "" = all did
	unknown    bool   // there was nothing to judge it by
}

// window makes the recovery's checks; those of loads are about the requests since the last window. As long as a load has not
// answered, nothing is known, and the window goes on. It says since when the next one does.
func (r *Runner) window(ctx context.Context, checks []*experiments.Check, since time.Time) (p passing, next time.Time) {
	for _, c := range checks {
		if w := r.watches[c.Name]; w != nil && w.now().total == 0 {
			return passing{c.Name, "no request was answered in time", true}, since
		}
	}
	for _, c := range checks {
		p.check = c.Name
		if w := r.watches[c.Name]; w == nil {
			p.why = r.ask(ctx, c, "recovery")
		} else {
			p = r.judgeWindow(w.now())
		}
		if p.why != "" {
			break
		}
	}
	return p, r.over(since).to
}

// judgeWindow holds the plain share of a window of a recovery against the limit.
func (r *Runner) judgeWindow(o outcome) passing {
	why := r.noteLoad(o, "recovery", o.judgeShare())
	if o.missing != "" {
		return passing{o.check.Name, o.missing, true}
	}
	return passing{o.check.Name, why, false}
}

// lasting holds all requests that were due in the windows that passed against the limits, once they are answered: of a window that
// has just ended the slow ones are missing.
func (r *Runner) lasting(ctx context.Context, checks []*experiments.Check, in span) passing {
	for _, c := range checks {
		w := r.watches[c.Name]
		if w == nil {
			continue
		}
		if o := r.answered(ctx, w, in); o.missing != "" || o.judgeShare() != "" {
			return r.judgeWindow(o)
		}
	}
	return passing{}
}

// steadyAfter makes the checks of the end, those of loads after as long a time as they had before.
func (r *Runner) steadyAfter(ctx context.Context) {
	checks := r.checks(func(c *experiments.Check) bool { return c.Mode.Ends() })
	var length faults.Duration
	for _, c := range checks {
		if c.Load != "" {
			length = max(length, r.Experiment.Load[c.Load].Warmup)
		}
	}
	from := r.phase("after", nil)
	if wait.For(ctx, time.Duration(length)) != nil {
		return
	}
	after := r.over(from)
	for _, c := range checks {
		if why := r.make(ctx, c, "after", after); why != "" {
			r.failed(c.Name, time.Now(), why)
			r.fail(Deviated, Completed, fmt.Errorf("after the faults: %s: %s", c.Name, why))
		}
	}
}

// judgeMethod says what the checks that failed while faults acted mean, and whether the faults were there at all.
func (r *Runner) judgeMethod(ctx context.Context) {
	for _, c := range r.checks(func(c *experiments.Check) bool { return c.Load != "" && c.Mode.Watches() }) {
		r.judgeLast(r.answered(ctx, r.watches[c.Name], r.acted))
	}
	for _, c := range r.result.Checks {
		if c.Phase == "during" && c.Why != "" && r.failed(c.Check, c.At, c.Why) {
			r.fail(Deviated, Completed, fmt.Errorf("while faults acted: %s: %s", c.Check, c.Why))
		}
	}
	for _, s := range r.result.Steps {
		if why := shown(s); s.Fault != "" && why != "" {
			r.fail(Inconclusive, Completed, fmt.Errorf("%s: %s", s.Name, why))
		}
	}
}

// judgeLast has the last word on a check of a load while faults acted, unless it has failed already: of the whole time, with the
// answers that came later.
func (r *Runner) judgeLast(o outcome) {
	made := false
	for _, c := range r.result.Checks {
		if c.Check != o.check.Name || c.Phase != "during" {
			continue
		}
		if made = true; c.Why != "" {
			return
		}
	}
	if why := o.judge(); o.total > 0 && (why != "" || !made) {
		r.noteLoad(o, "during", why)
	}
}

// shown says why a step shows nothing of the system; "" = it may.
func shown(s StepResult) string {
	switch {
	case s.Hits == nil:
		return "nobody knows how often it hit"
	case *s.Hits == 0:
		return "it hit nothing"
	case s.Limited > 0:
		return fmt.Sprintf("a limit of the rule spared %d exchanges", s.Limited)
	}
	return ""
}

// judgeSilence says of which checks nobody knows whether they held.
func (r *Runner) judgeSilence() {
	for _, c := range r.checks(func(c *experiments.Check) bool { return c.Load == "" && c.Mode.Watches() }) {
		made := slices.ContainsFunc(r.result.Checks, func(made CheckResult) bool { return made.Check == c.Name && made.Phase == "during" })
		if !made && slices.ContainsFunc(r.Experiment.Method, breaks) {
			r.fail(Inconclusive, Completed, fmt.Errorf("%s: it was not made while faults acted, which is every %v", c.Name, r.Experiment.SteadyState.Every))
		}
	}
	told := map[string]bool{}
	for _, c := range r.result.Checks {
		if c.Unknown != "" && !told[c.Check] {
			told[c.Check] = true
			r.fail(Inconclusive, Completed, fmt.Errorf("%s, %s: %s", c.Check, c.Phase, c.Unknown))
		}
	}
	for _, t := range r.loads {
		for _, f := range t.recorder.Figures() {
			watches := slices.ContainsFunc(t.watches, func(w *loadWatch) bool { return w.check.Mode.Watches() })
			if f.Phase == "during" && f.Requests == 0 && watches {
				r.fail(Inconclusive, Completed, fmt.Errorf("load %s: no request was seen while faults acted", t.name))
			}
		}
	}
}
