package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/load"
	"github.com/squall-proxy/squall/experiments/runner"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// progress shows a run as it goes on: a line for what happens, and while nothing does a sign of life.
type progress struct {
	out      io.Writer
	terminal bool // out is one
	e        *experiments.Experiment
	began    time.Time

	mu     sync.Mutex
	said   time.Time // when the last line was written
	drawn  bool      // the line of the terminal is a sign of life
	phase  string    // "" = none has begun, or the run is over
	until  time.Time // when the phase is over, by what the file says
	counts map[string]map[int64]load.Second
}

// quiet is how long nothing is said before a sign of life goes into a log.
const quiet = 10 * time.Second

// during shows signs of life while a run goes on.
func (p *progress) during(run func() *runner.Result) *runner.Result {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Add(1)
	go p.keepAlive(ctx, &done)
	defer done.Wait()
	defer stop()
	return run()
}

// keepAlive shows signs of life until ctx is done.
func (p *progress) keepAlive(ctx context.Context, done *sync.WaitGroup) {
	defer done.Done()
	for wait.For(ctx, time.Second) == nil {
		p.alive(time.Now())
	}
}

// alive shows where the run is: in a line of a terminal that is drawn again and again, in a log once nothing was said for a while.
func (p *progress) alive(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == "" || !p.terminal && now.Sub(p.said) < quiet {
		return
	}
	line := "  " + p.phase
	if left := p.until.Sub(now).Round(time.Second); left > 0 {
		line += fmt.Sprintf(", %v left", left)
	}
	var requests, failed int64
	for _, seconds := range p.counts {
		for _, s := range seconds {
			requests, failed = requests+s.Requests, failed+s.Errors
		}
	}
	if requests > 0 {
		line += fmt.Sprintf(", %d requests, %d failed", requests, failed)
	}
	if !p.terminal {
		p.line(now, line)
		return
	}
	fmt.Fprintf(p.out, "\r%s\x1b[K", p.stamped(now, line))
	p.drawn = true
}

// line writes a line, in place of a sign of life.
func (p *progress) line(at time.Time, text string) {
	p.erase()
	fmt.Fprintln(p.out, p.stamped(at, text))
	p.said = at
}

func (p *progress) stamped(at time.Time, text string) string {
	return fmt.Sprintf("%7.1fs %s", at.Sub(p.began).Seconds(), text)
}

// erase takes a sign of life from the terminal.
func (p *progress) erase() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// count takes what has become of a load's seconds; the last word on each counts.
func (p *progress) count(e runner.Event) {
	if p.counts == nil {
		p.counts = map[string]map[int64]load.Second{}
	}
	if p.counts[e.Name] == nil {
		p.counts[e.Name] = map[int64]load.Second{}
	}
	for _, s := range e.Seconds {
		p.counts[e.Name][s.At.Unix()] = s
	}
}

// takes is how long a phase lasts, by what the file says.
func (p *progress) takes(phase string) time.Duration {
	var warmup faults.Duration
	for _, l := range p.e.Load {
		warmup = max(warmup, l.Warmup)
	}
	switch {
	case phase == "during":
		return time.Duration(p.e.Takes())
	case phase == "recovery":
		return time.Duration(p.e.Recovery.Within)
	case p.e.Search != nil && strings.HasPrefix(phase, "trial"):
		return time.Duration(p.e.Search.For)
	}
	return time.Duration(warmup)
}

func (p *progress) tell(e runner.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := ""
	switch e.What {
	case "run":
		line = e.Name
	case "phase":
		line = "— " + e.Name
		p.phase, p.until = e.Name, e.At.Add(p.takes(e.Name))
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
	case "docker-undone":
		line = "  docker " + e.Name + " is undone"
	case "stop":
		line = "  stopped: " + e.Why
	case "load":
		if p.count(e); e.Why == "" {
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
		p.erase()
		p.phase = ""
		p.end(e.Result)
		return
	default: // of the journal only
		return
	}
	p.line(e.At, line)
}

// end shows the figures, the verdict and its reasons.
func (p *progress) end(r *runner.Result) {
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
