package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/config/imports"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
)

func newImport(sys system) *cobra.Command {
	var importer imports.Importer
	var strict bool
	cmd := &cobra.Command{
		Use:   "import [FILE]...",
		Short: "Turn Istio's and Envoy's faults into rules",
		Long: `Turn the fault: blocks of Istio VirtualServices, and Envoy's HTTP fault filter wherever it stands (by itself, in a
listener, a bootstrap or an EnvoyFilter), into the rules: of a squall.yaml. Files are YAML or JSON, with one document or
several; without a file, or for "-", standard input is read.

The rules are printed. For what has no counterpart there is a line on standard error, with file, line and field; the rules
then do less, or hit more, than what they come from. With --strict such a line is a failure (exit code 1), and no rules are
printed.`,
		Example: "  squall import --proxy ratings virtual-service.yaml > rules.yaml",
		RunE: func(_ *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				paths = []string{"-"}
			}
			rules, notes := []faults.Rule{}, 0
			for _, path := range paths {
				result, err := importFile(sys, &importer, path)
				if err != nil {
					return usageError{err}
				}
				for _, note := range result.Notes {
					fmt.Fprintf(sys.err, "%s:%d:%d: %v\n", path, note.Line, note.Column, note)
				}
				rules, notes = append(rules, result.Rules...), notes+len(result.Notes)
			}
			if strict && notes > 0 {
				return fmt.Errorf("%d settings have no counterpart", notes)
			}
			text, err := imports.Text(rules)
			if err == nil {
				_, err = sys.out.Write(text)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&importer.Proxy, "proxy", "", "the proxy that the rules are for; without it they hit on every proxy")
	cmd.Flags().BoolVar(&strict, "strict", false, "fail where something has no counterpart")
	return cmd
}

func importFile(sys system, importer *imports.Importer, path string) (imports.Result, error) {
	from := sys.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return imports.Result{}, err
		}
		defer file.Close()
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, yaml.MaxFile+1))
	if err != nil {
		return imports.Result{}, fmt.Errorf("%s: %w", path, err)
	}
	result, err := importer.Read(data)
	if refusal, ok := err.(*document.Error); ok {
		return result, fmt.Errorf("%s:%d:%d: %w", path, refusal.Line, refusal.Column, err)
	}
	return result, err
}
