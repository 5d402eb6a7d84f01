package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/report"
	"github.com/squall-proxy/squall/experiments/runner"
	"github.com/squall-proxy/squall/internal/junit"
)

// suite is experiments that are run one after the other.
type suite struct {
	remote *remote
	parts  []part
	junit  string // the file with all of them; "" = none is wanted
}

// part is one experiment of a suite.
type part struct {
	path string
	id   string // of the run
	e    *experiments.Experiment
}

// suite reads the experiments at paths, each of which is a file or a folder. All of them are sound, or there is an error that
// names every one that is not. junit is a file for the results of all, and journal for what the only one of them does; "" = none is wanted.
func (r *remote) suite(paths []string, junit, journal string, sys system) (*suite, error) {
	files, wrong := experimentFiles(paths)
	s, writes := &suite{remote: r, junit: junit}, map[string]string{}
	if journal != "" && len(files) != 1 {
		wrong = errors.Join(wrong, fmt.Errorf("--journal is for one experiment, got %d", len(files)))
	}
	if junit != "" {
		wrong = errors.Join(wrong, checkWritable(junit))
		writes[filepath.Clean(junit)] = "--junit"
	}
	for _, path := range files {
		id, err := newRunID()
		if err != nil {
			return nil, err
		}
		e, err := openExperiment(path, id, sys)
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		if journal != "" {
			e.Report.JSON = journal
			wrong = errors.Join(wrong, checkReports(e))
		}
		for _, report := range reportPaths(e.Report) {
			if other := writes[filepath.Clean(report.path)]; other != "" {
				wrong = errors.Join(wrong, fmt.Errorf("%s: report.%s: %s writes %s, too", path, report.name, other, report.path))
			}
			writes[filepath.Clean(report.path)] = path
		}
		s.parts = append(s.parts, part{path, id, e})
	}
	return s, wrong
}

// experimentFiles are the files at paths, those of a folder in the order of their names. The error names every folder without any.
func experimentFiles(paths []string) (files []string, wrong error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			files = append(files, path) // one that is not there is named when it is opened
			continue
		}
		entries, err := os.ReadDir(path) // sorted
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		before := len(files)
		for _, entry := range entries {
			if kind := filepath.Ext(entry.Name()); !entry.IsDir() && (kind == ".yaml" || kind == ".yml") {
				files = append(files, filepath.Join(path, entry.Name()))
			}
		}
		if len(files) == before {
			wrong = errors.Join(wrong, fmt.Errorf("%s: no experiment is in this folder: none of its files is *.yaml or *.yml", path))
		}
	}
	return files, wrong
}

// summaryLine has what became of an experiment, and its file.
const summaryLine = "%-22s %s"

// run runs the experiments, and gives the worst of their exit codes as an error. What ends one run on purpose ends the rest.
func (s *suite) run(ctx context.Context, sys system) error {
	var summary []string
	var tests []junit.Suite
	worst, says, stopped := exitOK, "", false
	for i, p := range s.parts {
		if stopped {
			summary = append(summary, fmt.Sprintf(summaryLine, "not run", p.path))
			tests = append(tests, junit.Suite{Name: p.e.Title, Cases: []junit.Case{{
				Name: "run", Class: "squall.experiment", Skipped: &junit.Skipped{Message: "not run: what stopped the one before stops the rest"},
			}}})
			continue
		}
		if len(s.parts) > 1 {
			fmt.Fprintf(sys.out, "%d of %d: %s\n", i+1, len(s.parts), p.path)
		}
		result, told, err := s.one(ctx, sys, p)
		stopped = ctx.Err() != nil || result != nil && (result.State == runner.Interrupted || result.State == runner.Halted)
		code, word, of := exitEngine, "failed", junit.Suite{Name: p.e.Title}
		if result != nil {
			code, word, of = result.ExitCode(), told.Summary(), told.Suite()
		}
		if err != nil {
			fmt.Fprintf(sys.err, "squall: %s: %v\n", p.path, err)
			code, word = exitEngine, "failed"
			of.Cases = append(of.Cases, junit.Case{Name: "run", Class: "squall.experiment", Error: &junit.Problem{Message: err.Error(), Type: word}})
		}
		tests = append(tests, of)
		if isWorse(code, worst) {
			worst, says = code, word
		}
		summary = append(summary, fmt.Sprintf(summaryLine, word, p.path))
	}
	if len(s.parts) > 1 {
		fmt.Fprintln(sys.out, strings.Join(summary, "\n"))
	}
	if err := writeReport(s.junit, func(w io.Writer) error { return junit.Write(w, tests...) }); err != nil {
		return exitError{exitEngine, err}
	}
	if worst != exitOK {
		return exitError{worst, errors.New(says)}
	}
	return nil
}

// isWorse orders exit codes: what could not be carried out is worse than any verdict.
func isWorse(code, than int) bool {
	order := []int{exitOK, 3, 1, 2, exitInvalid, exitEngine}
	return slices.Index(order, code) > slices.Index(order, than)
}

// one runs one experiment; its result is nil if it was not.
func (s *suite) one(ctx context.Context, sys system, p part) (*runner.Result, report.Run, error) {
	targets, closeAll, err := s.remote.targets(p.e, sys)
	defer closeAll()
	if err != nil {
		return nil, report.Run{}, err
	}
	run := runner.Runner{Experiment: p.e, RunID: p.id, Targets: targets, SaveReplay: p.saveReplay}
	return runExperiment(ctx, sys, &run)
}

// saveReplay writes an experiment that replays a failed check, beside the journal, else beside the experiment. What is a replay
// already stays as it is: whoever runs it may have changed it.
func (p part) saveReplay(check string, text []byte) (string, error) {
	if p.e.IsReplay() {
		return p.path, nil
	}
	place := filepath.Dir(p.path)
	if journal := p.e.Report.JSON; journal != "" {
		place = filepath.Dir(journal)
	}
	name := strings.TrimSuffix(filepath.Base(p.path), filepath.Ext(p.path))
	path := filepath.Join(place, name+"-replay-"+check+".json")
	return path, os.WriteFile(path, text, 0o644)
}

// reportPath is a file that a run leaves, and its name in the experiment.
type reportPath struct{ name, path string }

func reportPaths(r experiments.Report) []reportPath {
	all := []reportPath{{"html", r.HTML}, {"json", r.JSON}, {"junit", r.JUnit}, {"markdown", r.Markdown}}
	return slices.DeleteFunc(all, func(p reportPath) bool { return p.path == "" })
}

// checkReports refuses a report that could not be written when the run is over.
func checkReports(e *experiments.Experiment) error {
	for _, p := range reportPaths(e.Report) {
		if err := checkWritable(p.path); err != nil {
			return fmt.Errorf("report.%s: %w", p.name, err)
		}
	}
	if e.Report.JSON == "" {
		return nil
	}
	if err := runner.CheckJournal(e.Report.JSON); err != nil {
		return fmt.Errorf("report.json: %w", err)
	}
	return nil
}
