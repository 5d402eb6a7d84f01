package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/chaostoolkit"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
)

func newExperimentImport(sys system) *cobra.Command {
	var importer chaostoolkit.Importer
	var out string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Turn an experiment of Chaos Toolkit into one of ours",
		Long: `Turn an experiment of Chaos Toolkit (JSON or YAML) into an experiment file: its hypothesis, method and rollbacks, with
the providers http and process, and of python those of chaostoxi that add a toxic. Any other Python module is an error that names
it, or with --skip-unknown is left out. What is not quite the same here has a line on standard error.

"squall experiment run" takes such a file as it is, too. Exit code 4 = it cannot be expressed.`,
		Example: "  squall experiment import experiment.json -o experiment.yaml",
		Args:    exactArgs("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := yaml.ReadFile(args[0])
			if err != nil {
				return exitError{exitInvalid, err}
			}
			root, err := yaml.Parse(data)
			if err != nil {
				return exitError{exitInvalid, document.InFile(args[0], err)}
			}
			text, err := importExperiment(args[0], root, importer, sys)
			if err == nil {
				text, err = yaml.FromJSON(text)
			}
			if err != nil {
				return exitError{exitInvalid, err}
			}
			if out != "" {
				return writeNew(out, string(text))
			}
			_, err = sys.out.Write(text)
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write it into this file, which must not be there yet, and not to standard output")
	cmd.Flags().BoolVar(&importer.SkipUnknown, "skip-unknown", false, "leave out what has no counterpart")
	return cmd
}

// importExperiment turns an experiment of Chaos Toolkit into the JSON of ours, and tells what is not the same.
func importExperiment(path string, root *document.Node, importer chaostoolkit.Importer, sys system) ([]byte, error) {
	imported, err := importer.Import(root)
	if err != nil {
		return nil, document.InFile(path, document.Locate(root, err))
	}
	for _, note := range imported.Notes {
		fmt.Fprintf(sys.err, "%s: %s\n", path, note)
	}
	return json.Marshal(imported.Root)
}

// readExperiment reads an experiment, ours or one of Chaos Toolkit.
func readExperiment(path string, run experiments.Run, sys system) (*experiments.Experiment, error) {
	data, err := yaml.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("experiment: %w", err)
	}
	root, err := yaml.Parse(data)
	if err != nil || !chaostoolkit.IsExperiment(root) {
		return experiments.Parse(path, data, run) // which says what is wrong with it
	}
	text, err := importExperiment(path, root, chaostoolkit.Importer{}, sys)
	if err != nil {
		return nil, err
	}
	return experiments.Parse(path+" (imported)", text, run)
}

// thisHost is where we run, for journals.
func thisHost() chaostoolkit.Host {
	node, err := os.Hostname()
	if err != nil {
		node = "unknown"
	}
	return chaostoolkit.Host{Version: version, Platform: runtime.GOOS + "/" + runtime.GOARCH, Node: node}
}
