package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/internal/readme"
)

func TestExperimentInitWritesWhatValidateAccepts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "experiment.yaml")
	if code, _, errs := runSquall(t, nil, "experiment", "init", path); code != exitOK {
		t.Fatalf("init: exit code %d, %s", code, errs)
	}
	code, out, errs := runSquall(t, nil, "experiment", "validate", path)
	if want := path + ": the service answers while it is slow\n"; code != exitOK || out != want {
		t.Errorf("validate: exit code %d, %q, %q, want %q", code, out, errs, want)
	}
	if code, _, errs := runSquall(t, nil, "experiment", "init", path); code != exitUsage || !strings.Contains(errs, "is there already") {
		t.Errorf("init over a file: exit code %d, %q", code, errs)
	}
	if code, out, _ := runSquall(t, nil, "experiment", "init", "-"); code != exitOK || !strings.HasPrefix(out, "# An experiment") {
		t.Errorf("init -: exit code %d, %q", code, out)
	}
}

// The starter passes beside the demo as it is, and so does the experiment of the README.
func TestExperimentsPassBesideTheDemo(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		t.Parallel()
		runInNamespace(t, "^TestExperimentsPassBesideTheDemo$")
		return
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // where their journals are
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"demo"}, system{
			in: strings.NewReader(""), out: io.Discard, err: io.Discard, getenv: func(string) string { return "" },
		})
	}()
	awaitListening(t, "127.0.0.1:8474")
	if code, _, errs := runSquall(t, nil, "experiment", "init", "starter.yaml"); code != exitOK {
		t.Fatal(errs)
	}
	for _, block := range readme.Blocks(string(text)) {
		if block.Section == "Experiments" && block.Language == "yaml" {
			if err := os.WriteFile("readme.yaml", []byte(strings.Join(block.Lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, file := range []string{"starter.yaml", "readme.yaml"} {
		if code, out, errs := runSquall(t, nil, "experiment", "run", file); code != exitOK {
			t.Errorf("%s: exit code %d, %s%s", file, code, out, errs)
		}
	}
	interrupt()
	<-ended
}

func TestExperimentValidateNamesEveryWrongFile(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for name, text := range map[string]string{"a.yaml": "version: v1\ntitel: x\n", "b.yaml": "version: v2\n", "empty.yaml": ""} {
		paths = append(paths, filepath.Join(dir, name))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := runSquall(t, nil, append([]string{"experiment", "validate"}, paths...)...)
	if code != exitInvalid || out != "" {
		t.Errorf("exit code %d, %q", code, out)
	}
	for _, want := range []string{
		"a.yaml:2:1: titel: unknown field, did you mean title?", "b.yaml:1:10: version: want v1", "empty.yaml is empty",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not in %q", want, errs)
		}
	}
	if code, _, again := runSquall(t, nil, "experiment", "validate", dir); code != exitInvalid || strings.Count(again, "\n") != strings.Count(errs, "\n") {
		t.Errorf("the folder: exit code %d, %s, want what its files give: %s", code, again, errs)
	}
	if code, out, errs := runSquall(t, nil, "experiment", "validate", "../../examples"); code != exitOK || strings.Count(out, "\n") < 2 {
		t.Errorf("a folder: exit code %d, %s%s", code, out, errs)
	}
	if code, _, errs := runSquall(t, nil, "experiment", "validate", t.TempDir(), filepath.Join(dir, "a.yaml")); code != exitInvalid ||
		!strings.Contains(errs, "no experiment is in this folder") || !strings.Contains(errs, "titel: unknown") {
		t.Errorf("an empty folder: exit code %d, %s", code, errs)
	}
	if code, _, _ := runSquall(t, nil, "experiment", "validate"); code != exitUsage {
		t.Errorf("no file: exit code %d", code)
	}
}

func TestExperimentSchemaIsJSON(t *testing.T) {
	code, out, _ := runSquall(t, nil, "experiment", "schema")
	if code != exitOK || !json.Valid([]byte(out)) {
		t.Errorf("exit code %d, %.100s", code, out)
	}
}

// What ships in examples can be run.
func TestTheExamplesAreValid(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("examples %q, %v", files, err)
	}
	code, out, errs := runSquall(t, nil, append([]string{"experiment", "validate"}, files...)...)
	if code != exitOK || strings.Count(out, "\n") != len(files) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}
