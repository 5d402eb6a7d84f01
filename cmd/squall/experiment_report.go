package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/experiments/chaostoolkit"
	"github.com/squall-proxy/squall/experiments/report"
	"github.com/squall-proxy/squall/experiments/runner"
)

// reportFiles are where reports of a run go; "" = nowhere.
type reportFiles struct{ html, junit, markdown, chaosToolkit string }

// write writes the reports that are wanted. One that cannot be written does not keep the others from it.
func (f reportFiles) write(run report.Run) error {
	return errors.Join(
		writeReport(f.html, run.WriteHTML), writeReport(f.junit, run.WriteJUnit), writeReport(f.markdown, run.WriteMarkdown),
		writeReport(f.chaosToolkit, func(w io.Writer) error { return chaostoolkit.WriteJournal(w, run, thisHost()) }),
	)
}

// writeReport writes a report into a file; "" = it is not wanted.
func writeReport(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, text.Bytes(), 0o666)
}

func newExperimentReport(sys system) *cobra.Command {
	var files reportFiles
	var format string
	cmd := &cobra.Command{
		Use:   "report JOURNAL",
		Short: "Draw the reports of a run again, from its journal",
		Long: `Draw the reports of a run again, from the journal that the experiment's report.json names: into the files that are
given, or to standard output as --format says. The journal of a run that was killed is drawn as far as it goes, and marked as
interrupted. Exit code 4 = the file is no journal.`,
		Example: "  squall experiment report run.json --html run.html --junit run.xml",
		Args:    exactArgs("JOURNAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			events, err := runner.ReadJournal(args[0])
			if err != nil {
				return exitError{exitInvalid, err}
			}
			run := report.Of(events)
			print := map[string]func(io.Writer) error{
				"markdown": run.WriteMarkdown, "html": run.WriteHTML, "junit": run.WriteJUnit,
			}[format]
			switch {
			case print == nil:
				return usagef("--format %q: want markdown, html or junit", format)
			case files != reportFiles{} && !cmd.Flags().Changed("format"):
				return files.write(run)
			}
			return errors.Join(files.write(run), print(sys.out))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&files.html, "html", "", "write one HTML page into this file")
	flags.StringVar(&files.junit, "junit", "", "write JUnit's XML into this file")
	flags.StringVar(&files.markdown, "markdown", "", "write Markdown into this file")
	flags.StringVar(&files.chaosToolkit, "chaostoolkit", "", "write Chaos Toolkit's journal.json into this file, for its report plugins")
	flags.StringVar(&format, "format", "markdown", "what is printed: markdown, html or junit; with a file only if it is given")
	return cmd
}
