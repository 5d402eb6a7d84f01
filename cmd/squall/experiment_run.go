package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/report"
	"github.com/squall-proxy/squall/experiments/runner"
)

// exitEngine is the exit code of an experiment that could not be carried out.
const exitEngine = 5

func newExperimentRun(sys system) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run an experiment",
		Long: `Run an experiment against the squalls that its targets name, or the one at --admin where it names none: look whether the
system is in its steady state, break what the method says, time the recovery, and give a verdict. Every fault is a lease: it
ends with its step, and if this command dies, by itself. A signal, the stop lever (squall halt) and the stop file of the
experiment end a run at once. Docker steps are done here by docker compose, or docker-compose; what a run that was killed has
stopped is started again by the next one with the same journal (report.json), in the same environment. FILE may be an experiment
of Chaos Toolkit, too.

Exit code 0 = passed, 1 = deviated, 2 = aborted, 3 = inconclusive (unhealthy before, or a fault that hit nothing), 4 = invalid,
5 = the run itself failed.`,
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := newRunID()
			if err != nil {
				return err
			}
			e, err := openExperiment(args[0], id, sys)
			if err != nil {
				return exitError{exitInvalid, err}
			}
			targets, closeAll, err := r.targets(e, sys)
			defer closeAll()
			if err != nil {
				return err
			}
			run := runner.Runner{Experiment: e, RunID: id, Targets: targets}
			return runExperiment(cmd, sys, &run)
		},
	}
	r.addFlags(cmd)
	return cmd
}

// newRunID names a run by the second of its begin and by chance.
func newRunID() (string, error) {
	seed, err := freshSeed()
	return fmt.Sprintf("%s-%04x", time.Now().UTC().Format("20060102-150405"), seed&0xffff), err
}

// openExperiment reads an experiment that can be run.
func openExperiment(path, id string, sys system) (*experiments.Experiment, error) {
	e, err := readExperiment(path, experiments.Run{ID: id, Getenv: sys.getenv}, sys)
	if err != nil {
		return nil, err
	}
	if err := runner.Check(e); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// targets are the clients of an experiment's squalls. Call the function it returns, also on an error.
func (r *remote) targets(e *experiments.Experiment, sys system) (map[string]runner.Target, func(), error) {
	urls := e.Targets
	if len(urls) == 0 {
		urls = map[string]string{"": r.url}
	}
	targets, clients := map[string]runner.Target{}, []*admin.Client{}
	closeAll := func() {
		for _, c := range clients {
			c.Close()
		}
	}
	for name, url := range urls {
		one := remote{url: url, tokenFile: r.tokenFile}
		client, err := one.client(sys)
		if err != nil {
			return nil, closeAll, err
		}
		clients = append(clients, client)
		targets[name] = client
	}
	return targets, closeAll, nil
}

// runExperiment runs what is prepared, shows, journals and reports it, and turns its verdict into an exit code.
func runExperiment(cmd *cobra.Command, sys system, run *runner.Runner) error {
	files := reportFiles{html: run.Experiment.Report.HTML, junit: run.Experiment.Report.JUnit, markdown: run.Experiment.Report.Markdown}
	if err := files.check(); err != nil {
		return exitError{exitInvalid, fmt.Errorf("report: %w", err)}
	}
	record := recorder{show: progress{out: sys.out, began: time.Now()}}
	if path := run.Experiment.Report.JSON; path != "" {
		did, err := runner.Settle(cmd.Context(), path)
		for _, what := range did {
			fmt.Fprintf(sys.err, "squall: an earlier run has left its docker %s, which is undone\n", what)
		}
		if err != nil {
			return exitError{exitEngine, err}
		}
		var killed string
		if record.journal, killed, err = runner.OpenJournal(path); err != nil {
			return exitError{exitEngine, err}
		}
		if killed != "" {
			fmt.Fprintf(sys.err, "squall: the run before was killed; its journal is %s\n", killed)
		}
		run.Journaled = record.journal.Err
	}
	run.Tell = record.tell
	result := run.Run(cmd.Context())
	if err := errors.Join(record.close(), files.write(report.Of(record.events))); err != nil {
		return exitError{exitEngine, err}
	}
	if code := result.ExitCode(); code != exitOK {
		return exitError{code, errors.New(string(result.Verdict))}
	}
	return nil
}

// recorder keeps what a run tells of, for its reports.
type recorder struct {
	journal *runner.Journal // nil = none is wanted
	show    progress
	events  []runner.Event
}

func (r *recorder) tell(e runner.Event) {
	if r.journal != nil {
		r.journal.Write(e)
	}
	r.events = append(r.events, e)
	r.show.tell(e)
}

func (r *recorder) close() error {
	if r.journal == nil {
		return nil
	}
	if err := r.journal.Close(); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return nil
}

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
	case "recovery":
		line = "  healthy again after " + e.Name
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
	fmt.Fprintf(p.out, "%s (%s)\n", r.Verdict, r.State)
	for _, reason := range r.Reasons {
		fmt.Fprintf(p.out, "  %s\n", reason)
	}
}
