package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/verdict"
)

// The detectors of package verdict by whose words expectations are judged.
const (
	unbounded   = "D2"
	noTimeout   = "D13"
	neverOpens  = "D16"
	neverCloses = "D19"
)

// breakerTime is how long everything must fail for a breaker to be expected to open, in seconds: experiments are shorter than the
// half minute that a verdict on a stranger takes.
const breakerTime = 5

// loadWindow is for how long behind its begin a load that is back is measured.
const loadWindow = 2 * time.Second

// judgeExpectations holds the proxies' records of this run against what is expected. What is known to be broken comes first among
// the reasons: it says more than what nobody knows.
func (r *Runner) judgeExpectations(ctx context.Context) {
	for i := range r.Experiment.Expect {
		result := r.expectation(ctx, &r.Experiment.Expect[i])
		if ctx.Err() != nil {
			return
		}
		r.result.Expectations = append(r.result.Expectations, result)
		told := Event{What: "expectation", Name: result.Name, Expectation: &result}
		if result.Outcome != Passed {
			told.Why = result.Says
		}
		r.tell(told)
	}
	for _, o := range []struct {
		outcome Verdict
		word    string
	}{{Deviated, ""}, {Inconclusive, "inconclusive: "}} {
		for _, e := range r.result.Expectations {
			if e.Outcome == o.outcome {
				r.fail(o.outcome, Completed, fmt.Errorf("expected %s: %s%s", e.Name, o.word, e.Says))
			}
		}
	}
}

// expectation judges one expectation.
func (r *Runner) expectation(ctx context.Context, x *experiments.Expectation) ExpectationResult {
	var e ExpectationResult
	var err error
	switch {
	case x.Hits != nil:
		return r.expectHits(x.Hits)
	case x.BoundedRetries != nil:
		e, err = r.expectBounded(ctx, x.BoundedRetries)
	case x.Timeout != nil:
		e, err = r.expectTimeout(ctx, x.Timeout)
	default:
		e, err = r.expectBreaker(ctx, x.Breaker)
	}
	if err != nil {
		e.Outcome, e.Says = Inconclusive, err.Error()
	}
	return e
}

// expectHits is judged by the rule's own count.
func (r *Runner) expectHits(x *experiments.Hits) ExpectationResult {
	e := ExpectationResult{Name: fmt.Sprintf("hits of %s: %d at least", x.Fault, x.Min), Outcome: Inconclusive, Says: "the fault was never there"}
	for _, s := range r.result.Steps {
		switch {
		case s.Fault != x.Fault:
		case s.Hits == nil:
			e.Says = "nobody knows how often it hit"
		default:
			e.Says = fmt.Sprintf("it hit %d exchanges", *s.Hits)
			e.Figures = []verdict.Figure{{Name: "hits", Value: float64(*s.Hits)}}
			if *s.Hits >= x.Min {
				e.Outcome = Passed
			}
		}
	}
	return e
}

// expectBounded is D2, with the bound of the file and none in time.
func (r *Runner) expectBounded(ctx context.Context, x *experiments.BoundedRetries) (ExpectationResult, error) {
	e := ExpectationResult{Name: fmt.Sprintf("bounded_retries of %s: %d at most", x.Proxy, x.Max)}
	seen, err := r.seen(ctx, x.Proxy, x.Target)
	if err != nil {
		return e, err
	}
	f, err := seen.judge(ctx, unbounded, seen.phases, map[string]float64{"D2.attempts": float64(x.Max + 1), "D2.time": 1e9})
	if err != nil {
		return e, err
	}
	e.take(f)
	if most, ok := figure(f, "most attempts"); ok && f.Verdict != verdict.Inconclusive {
		e.Says = fmt.Sprintf("no call was repeated more than %v times", max(0, most-1))
		if f.Verdict == verdict.Fail {
			e.Says = fmt.Sprintf("a call was repeated %v times", most-1)
		}
	}
	return e, nil
}

// expectTimeout is D13, with the limit of the file.
func (r *Runner) expectTimeout(ctx context.Context, x *experiments.Timeout) (ExpectationResult, error) {
	e := ExpectationResult{Name: fmt.Sprintf("timeout of %s: %v at most", x.Proxy, x.Within)}
	seen, err := r.seen(ctx, x.Proxy, x.Target)
	if err != nil {
		return e, err
	}
	f, err := seen.judge(ctx, noTimeout, seen.phases, map[string]float64{"D13.limit": time.Duration(x.Within).Seconds()})
	if err == nil {
		e.take(f)
	}
	return e, err
}

// expectBreaker is D16, and of the time to close the load that D19 measures.
func (r *Runner) expectBreaker(ctx context.Context, x *experiments.Breaker) (ExpectationResult, error) {
	e := ExpectationResult{Name: "breaker of " + x.Proxy + ": does not open"}
	if x.Opens {
		e.Name = "breaker of " + x.Proxy + ": opens"
	}
	if x.ClosesWithin > 0 {
		e.Name += fmt.Sprintf(", closes within %v", x.ClosesWithin)
	}
	seen, err := r.seen(ctx, x.Proxy, x.Target)
	if err != nil {
		return e, err
	}
	f, err := seen.judge(ctx, neverOpens, seen.phases, map[string]float64{"D16.time": breakerTime})
	if err != nil {
		return e, err
	}
	e.take(f)
	switch {
	case f.Verdict == verdict.Warn: // it holds back, and nobody can tell by what
		e.Outcome = Inconclusive
	case !x.Opens && f.Verdict == verdict.Fail:
		e.Outcome = Passed
	case !x.Opens && f.Verdict == verdict.Pass:
		e.Outcome = Deviated
	}
	if x.ClosesWithin == 0 || e.Outcome == Deviated {
		return e, nil
	}
	return e, r.expectClosing(ctx, &e, x)
}

// expectClosing waits until the load is back, or should be, and adds that to what is known of a breaker.
func (r *Runner) expectClosing(ctx context.Context, e *ExpectationResult, x *experiments.Breaker) error {
	within := time.Duration(x.ClosesWithin)
	for {
		seen, err := r.seen(ctx, x.Proxy, x.Target)
		if err != nil {
			return err
		}
		c, err := seen.closing(ctx, within)
		if err != nil {
			return err
		}
		until := time.Until(r.lastFault().Add(within + loadWindow))
		if c.early && until > 0 {
			if err := wait.For(ctx, min(until, time.Second)); err != nil {
				return err
			}
			continue
		}
		e.Says += "; " + c.says
		e.Figures = append(e.Figures, c.figures...)
		if c.outcome == Deviated || e.Outcome == Passed {
			e.Outcome = c.outcome
		}
		return nil
	}
}

// take makes a finding the result.
func (e *ExpectationResult) take(f verdict.Finding) {
	e.Says, e.Figures, e.Evidence = f.Says, f.Figures, f.Evidence
	e.Outcome = map[verdict.Grade]Verdict{verdict.Pass: Passed, verdict.Warn: Deviated, verdict.Fail: Deviated, verdict.Inconclusive: Inconclusive}[f.Verdict]
}

// figure gives a figure by its name.
func figure(f verdict.Finding, name string) (float64, bool) {
	i := slices.IndexFunc(f.Figures, func(g verdict.Figure) bool { return g.Name == name })
	if i < 0 {
		return 0, false
	}
	return f.Figures[i].Value, true
}

// sighting is what the records of a proxy can be asked of.
type sighting struct {
	on     squall
	proxy  string
	since  time.Time // by the squall's clock, as the phases
	phases []verdict.Phase
}

// seen says what the run did to a proxy so far, by the squall's clock.
func (r *Runner) seen(ctx context.Context, proxy, target string) (sighting, error) {
	target = r.target(target)
	s := sighting{on: r.squall(target), proxy: proxy, since: r.result.Flowing.Add(r.ahead[target]).Round(0)}
	r.mu.Lock()
	var faults []broken
	for _, b := range r.broken {
		if b.target == target && (b.disturbance.proxy == "" || b.disturbance.proxy == proxy) {
			faults = append(faults, b)
		}
	}
	r.mu.Unlock()
	if len(faults) == 0 {
		return s, errors.New("nothing was done to that proxy")
	}
	slices.SortFunc(faults, func(a, b broken) int { return a.began.Compare(b.began) })
	s.phases = phasesOf(faults, r.result.Flowing, time.Now())
	for i := range s.phases {
		s.phases[i].Begin = s.phases[i].Begin.Add(r.ahead[target]).Round(0)
		s.phases[i].End = s.phases[i].End.Add(r.ahead[target]).Round(0)
	}
	return s, ctx.Err()
}

// phasesOf are the phases of a verdict: those of faults, which are one where they overlap, and what lies between them. What comes
// while a fault is being set, or taken away, belongs to none.
func phasesOf(faults []broken, began, now time.Time) []verdict.Phase {
	phases := []verdict.Phase{{Stage: verdict.Baseline, Begin: began, End: faults[0].asked}}
	gone := time.Time{} // since when all faults so far are
	for i, b := range faults {
		last := &phases[len(phases)-1]
		if i > 0 && b.began.Before(gone) {
			last.Fault, last.Share, last.End = last.Fault+" + "+b.kind, 0, latest(last.End, b.ended)
			gone = latest(gone, b.gone)
			continue
		}
		if i > 0 {
			phases = append(phases, verdict.Phase{Stage: verdict.Recovery, Begin: gone, End: latest(gone, b.asked)})
		}
		p := verdict.Phase{Stage: verdict.Fault, Fault: b.kind, Share: b.share, Begin: b.began, End: b.ended}
		if b.isRamp {
			p.Share = 0
		}
		phases, gone = append(phases, p), b.gone
	}
	return append(phases, verdict.Phase{Stage: verdict.Recovery, Begin: gone, End: now})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// judge asks for what a detector finds. Where exchanges may be forgotten nothing passes: one that would tell may be among them.
func (s sighting) judge(ctx context.Context, detector string, phases []verdict.Phase, thresholds map[string]float64) (verdict.Finding, error) {
	report, err := s.on.verdict(ctx, verdictQuery{[]string{s.proxy}, s.since, phases, thresholds})
	if err != nil {
		return verdict.Finding{}, err
	}
	f, ok := report.Find(detector)
	switch {
	case !ok:
		return f, fmt.Errorf("the squall does not know the detector %s", detector)
	case report.Records.Attempts == 0:
		return f, errors.New("nobody called that proxy")
	case f.Verdict != verdict.Fail && (report.Records.Overrun || report.Records.LeftOut > 0):
		return f, errors.New("exchanges of this run are forgotten already: make it shorter, or the load smaller")
	}
	return f, nil
}
