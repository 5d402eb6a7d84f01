package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// chaosToolkitFile writes an experiment of Chaos Toolkit on the proxy stock, and what else is in its method.
func chaosToolkitFile(t *testing.T, url, more string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "experiment.json")
	text := fmt.Sprintf(`{
  "version": "1.0.0", "title": "the shop bears it", "description": "it answers",
  "steady-state-hypothesis": {"title": "it answers", "probes": [
    {"type": "probe", "name": "shop", "tolerance": 200, "provider": {"type": "http", "url": %q}}]},
  "method": [{"type": "action", "name": "look", "provider": {"type": "http", "url": %[1]q}, "pauses": {"after": 0.1}}%[2]s]
}`, url, more)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// An experiment of Chaos Toolkit runs as it is, and what it is imported as leaves a journal that becomes theirs.
func TestExperimentsOfChaosToolkit(t *testing.T) {
	environment := shop(t, "stock")
	file := chaosToolkitFile(t, environment["SQUALL_STOCK_URL"], "")
	if code, out, errs := runSquall(t, environment, "experiment", "run", file); code != exitOK || !strings.Contains(out, "passed (completed)") {
		t.Errorf("run: exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := runSquall(t, environment, "experiment", "validate", file); code != exitOK || !strings.Contains(out, "the shop bears it") {
		t.Errorf("validate: exit code %d, %s%s", code, out, errs)
	}
	ours, journal := filepath.Join(t.TempDir(), "ours.yaml"), filepath.Join(t.TempDir(), "run.json")
	if code, out, errs := runSquall(t, nil, "experiment", "import", file, "-o", ours); code != exitOK || out != "" || errs != "" {
		t.Fatalf("import: exit code %d, %s%s", code, out, errs)
	}
	if code, _, errs := runSquall(t, nil, "experiment", "import", file, "-o", ours); code != exitUsage || !strings.Contains(errs, "is there already") {
		t.Errorf("import over a file: exit code %d, %s", code, errs)
	}
	text := readText(t, ours)
	if code, out, errs := runSquall(t, nil, "experiment", "import", file); code != exitOK || out != text {
		t.Errorf("import: exit code %d, %s%s", code, out, errs)
	}
	if err := os.WriteFile(ours, []byte(text+"\nreport: {json: "+journal+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := runSquall(t, environment, "experiment", "run", ours); code != exitOK {
		t.Fatalf("run: exit code %d, %s%s", code, out, errs)
	}
	theirs := filepath.Join(t.TempDir(), "journal.json")
	if code, out, errs := runSquall(t, nil, "experiment", "report", journal, "--chaostoolkit", theirs); code != exitOK || out != "" {
		t.Fatalf("report: exit code %d, %s%s", code, out, errs)
	}
	var j struct {
		Status     string
		Deviated   bool
		Experiment struct{ Title string }
		States     struct {
			Before, After struct {
				Met bool `json:"steady_state_met"`
			}
		} `json:"steady_states"`
		Run []struct{ Status string }
	}
	if err := json.Unmarshal([]byte(readText(t, theirs)), &j); err != nil {
		t.Fatal(err)
	}
	if j.Status != "completed" || j.Deviated || j.Experiment.Title != "the shop bears it" || !j.States.Before.Met || !j.States.After.Met || len(j.Run) != 2 {
		t.Errorf("%+v", j)
	}
}

// What cannot be expressed is named with its place, or left out with a line about it.
func TestExperimentImportNamesWhatItDoesNotKnow(t *testing.T) {
	file := chaosToolkitFile(t, "http://127.0.0.1:1/", `, {"type": "action", "name": "kill", "provider": {"type": "python", "module": "chaosk8s.pod.actions", "func": "terminate_pods"}}`)
	for _, command := range []string{"import", "run", "validate"} {
		code, out, errs := runSquall(t, nil, "experiment", command, file)
		if code != exitInvalid || out != "" || !strings.Contains(errs, "experiment.json:5:") || !strings.Contains(errs, "chaosk8s.pod.actions") {
			t.Errorf("%s: exit code %d, %s%s", command, code, out, errs)
		}
	}
	code, out, errs := runSquall(t, nil, "experiment", "import", "--skip-unknown", file)
	if code != exitOK || strings.Contains(out, "chaosk8s") || !strings.Contains(errs, "chaosk8s.pod.actions") || !strings.Contains(errs, "left out") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}
