package main

import (
	"context"
	"errors"
	"fmt"
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
	var junit, journal string
	cmd := &cobra.Command{
		Use:   "run FILE|DIR...",
		Short: "Run an experiment, or all in a folder",
		Long: `Run an experiment against the squalls that its targets name, or the one at --admin where it names none: look whether the
system is in its steady state, break what the method says, time the recovery from the end of the last fault, hold the proxies'
records against what is expected, and give a verdict. Every fault is a lease: it ends with its step, and if this command dies,
by itself. A signal, the stop lever (squall halt) and the stop file of the experiment end a run at once, in every phase;
rollbacks are made all the same, the last one first. Docker steps are done here by docker compose, or docker-compose; what a
run that was killed has stopped is started again by the next one with the same journal (report.json), in the same environment.
FILE may be an experiment of Chaos Toolkit, too.

DIR stands for its files *.yaml and *.yml, in the order of their names; those in folders below it are not run. All files are
read first: with a wrong one among them nothing is touched. A signal, the stop lever and a stop file end the rest as well. --junit has the
results of all in one file, also those of files that were not run.

A check that fails leaves a file beside the journal (else beside FILE) that replays it: FILE-replay-CHECK.json.

Exit code 0 = passed, 1 = deviated, 2 = aborted, 3 = inconclusive (unhealthy before, a fault that hit nothing, nothing to judge
by), 4 = invalid, 5 = the run itself failed. Of several runs it is that of the worst: 5, 4, 2, 1, 3, 0.`,
		Args: func(cmd *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				return usagef("want FILE|DIR... (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			s, err := r.suite(paths, junit, journal, sys)
			if err != nil {
				return exitError{exitInvalid, err}
			}
			return s.run(cmd.Context(), sys)
		},
	}
	r.addFlags(cmd)
	cmd.Flags().StringVar(&journal, "journal", "", "write the journal of the one experiment into this file, in place of its report.json")
	cmd.Flags().StringVar(&junit, "junit", "", "write the results of all into this file, as JUnit's XML with a suite for each")
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
	if err := checkReports(e); err != nil {
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

// runExperiment runs what is prepared, shows, journals and reports it. The result is nil if nothing was run; an error beside one
// is that a report of it is not whole.
func runExperiment(ctx context.Context, sys system, run *runner.Runner) (*runner.Result, report.Run, error) {
	files := reportFiles{html: run.Experiment.Report.HTML, junit: run.Experiment.Report.JUnit, markdown: run.Experiment.Report.Markdown}
	record := recorder{show: &progress{out: sys.out, terminal: sys.terminal, e: run.Experiment, began: time.Now()}}
	if path := run.Experiment.Report.JSON; path != "" {
		did, err := runner.Settle(ctx, path)
		for _, what := range did {
			fmt.Fprintf(sys.err, "squall: an earlier run has left its docker %s, which is undone\n", what)
		}
		if err != nil {
			return nil, report.Run{}, err
		}
		var killed string
		if record.journal, killed, err = runner.OpenJournal(path); err != nil {
			return nil, report.Run{}, err
		}
		if killed != "" {
			fmt.Fprintf(sys.err, "squall: the run before was killed; its journal is %s\n", killed)
		}
		run.Journaled = record.journal.Err
	}
	run.Tell = record.tell
	result := record.show.during(func() *runner.Result { return run.Run(ctx) })
	told := report.Of(record.events)
	return result, told, errors.Join(record.close(), files.write(told))
}

// recorder keeps what a run tells of, for its reports.
type recorder struct {
	journal *runner.Journal // nil = none is wanted
	show    *progress
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
