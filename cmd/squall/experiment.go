package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/experiments"
)

// exitInvalid is the exit code for an experiment that cannot be read.
const exitInvalid = 4

func newExperiment(sys system) *cobra.Command {
	cmd := group("experiment", "Say what healthy means, break something, get a verdict")
	cmd.AddCommand(newExperimentRun(sys), newExperimentReport(sys), newExperimentImport(sys), newExperimentValidate(sys), newExperimentInit(sys), newExperimentSchema(sys))
	return cmd
}

func newExperimentValidate(sys system) *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|DIR...",
		Short: "Check experiment files without touching anything",
		Long: `Check experiment files, and say all that is wrong, each mistake with file, line and column and what was expected. DIR stands for
its files *.yaml and *.yml. The environment variables that a configuration asks for are read. Exit code 4 = a file is no experiment,
or asks for what this version cannot do.`,
		Example: "  squall experiment validate examples",
		Args: func(cmd *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				return usagef("want FILE|DIR... (see %s --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, paths []string) error {
			files, failed := experimentFiles(paths)
			for _, path := range files {
				e, err := openExperiment(path, "validate", sys)
				if err != nil {
					failed = errors.Join(failed, err)
					continue
				}
				fmt.Fprintf(sys.out, "%s: %s\n", path, e.Title)
			}
			if failed != nil {
				return exitError{exitInvalid, failed}
			}
			return nil
		},
	}
}

func newExperimentInit(sys system) *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented experiment to begin with",
		Long:  `Write a commented experiment to FILE (experiment.yaml by default; - is standard output). A file that is there stays.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "experiment.yaml"
			switch {
			case len(args) > 1:
				return usagef("want one FILE at the most (see %s --help)", cmd.CommandPath())
			case len(args) == 1:
				path = args[0]
			}
			if path == "-" {
				_, err := fmt.Fprint(sys.out, experiments.Starter())
				return err
			}
			return writeNew(path, experiments.Starter())
		},
	}
}

// writeNew writes a file that must not be there yet.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s is there already", path)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

func newExperimentSchema(sys system) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the file format as a JSON Schema, for editors",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(sys.out, experiments.Schema())
			return err
		},
	}
}
