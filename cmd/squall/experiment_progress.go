package main

import (
	"fmt"
	"io"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/runner"
)

// progress shows a run as it goes on.
type progress struct {
	out   io.Writer
	began time.Time
}

func (p progress) tell(e runner.Event) {
	line := ""
	switch e.What {
	case "run":
		line = e.Name
	case "phase":
		line = "— " + e.Name
	case "step":
		line = "  " + e.Name + " begins"
	case "step-end":
		line = "  " + e.Name + " is over"
		if e.Hits != nil {
			line += fmt.Sprintf(", %d hits", *e.Hits)
		}
		if e.Why != "" {
			line += ": " + e.Why
		}
	case "check":
		if e.Why == "" {
			return
		}
		line = "  ✗ " + e.Name + ": " + e.Why
	case "stop":
		line = "  stopped: " + e.Why
	case "load":
		if e.Why == "" {
			return
		}
		line = "  ! " + e.Name + ": " + e.Why
	case "recovery":
		line = "  healthy again after " + e.Name
	case "trial":
		line = fmt.Sprintf("  trial %d: %s is good", e.Trial.Number, e.Name)
		if !e.Trial.Good {
			line = fmt.Sprintf("  trial %d: %s is bad: %s: %s", e.Trial.Number, e.Name, e.Trial.Check, e.Trial.Why)
		}
	case "expectation":
		line = fmt.Sprintf("  expected %s: %s: %s", e.Name, e.Expectation.Outcome, e.Expectation.Says)
	case "end":
		p.end(e.Result)
		return
	default: // of the journal only
		return
	}
	fmt.Fprintf(p.out, "%7.1fs %s\n", e.At.Sub(p.began).Seconds(), line)
}

// end shows the figures, the verdict and its reasons.
func (p progress) end(r *runner.Result) {
	for _, l := range r.Loads {
		for _, f := range l.Phases {
			fmt.Fprintf(p.out, "%s %-8s %6d requests, %5.1f %% failed, p50 %v, p99 %v, max %v\n",
				l.Load, f.Phase, f.Requests, 100*f.Share(), f.P50, f.P99, f.Max)
		}
		if l.Warning != "" {
			fmt.Fprintf(p.out, "%s: %s\n", l.Load, l.Warning)
		}
	}
	if s := r.Search; s != nil {
		fmt.Fprintf(p.out, "%s: last good %s, first bad %s, by %d trials\n", s.Vary, level(s.LastGood), level(s.FirstBad), len(s.Trials))
	}
	fmt.Fprintf(p.out, "%s (%s)\n", r.Verdict, r.State)
	for _, reason := range r.Reasons {
		fmt.Fprintf(p.out, "  %s\n", reason)
	}
	for _, replay := range r.Replays {
		if replay.Error != "" {
			fmt.Fprintf(p.out, "  %s has no file that replays it: %s\n", replay.Check, replay.Error)
			continue
		}
		fmt.Fprintf(p.out, "  %s again: squall experiment run %s\n", replay.Check, replay.Path)
	}
}

// level writes a value that a search found.
func level(l *experiments.Level) string {
	if l == nil {
		return "none"
	}
	return l.String()
}
