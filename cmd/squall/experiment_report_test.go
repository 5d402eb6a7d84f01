package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run leaves the reports that its file names, and its journal gives the same ones again.
func TestExperimentReports(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	file := experimentFile(t, `
steady_state: {every: 200ms, checks: [{name: errors, load: main, max_error: 5%}]}
method: [{fault: late, for: 500ms, rule: {proxy: stock, delay: 5ms}}]
report: {html: `+in("run.html")+`, json: `+in("run.json")+`, junit: `+in("run.xml")+`, markdown: `+in("run.md")+`}
`)
	if code, out, errs := runSquall(t, shop(t, "stock"), "experiment", "run", file); code != exitOK {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	code, out, errs := runSquall(t, nil, "experiment", "report", in("run.json"), "--html", in("again.html"), "--junit", in("again.xml"), "--markdown", in("again.md"))
	if code != exitOK || out != "" {
		t.Fatalf("report: exit code %d, %q, %s", code, out, errs)
	}
	texts := map[string]string{}
	for kind, want := range map[string]string{".html": "<polyline", ".xml": `<testcase name="late"`, ".md": "# passed: the shop bears it"} {
		first, again := readText(t, in("run"+kind)), readText(t, in("again"+kind))
		if first != again {
			t.Errorf("%s: the journal gives another one", kind)
		}
		if !strings.Contains(first, want) {
			t.Errorf("%s: %q is not in %s", kind, want, first)
		}
		texts[kind] = first
	}
	for format, want := range map[string]string{"html": texts[".html"], "junit": texts[".xml"], "markdown": texts[".md"]} {
		if _, out, errs := runSquall(t, nil, "experiment", "report", in("run.json"), "--format", format); out != want {
			t.Errorf("--format %s: %s%s", format, out, errs)
		}
	}
	if code, _, errs := runSquall(t, nil, "experiment", "report", in("run.json"), "--format", "pdf"); code != exitUsage || !strings.Contains(errs, "markdown, html or junit") {
		t.Errorf("--format pdf: exit code %d, %s", code, errs)
	}
	// Of a run that was killed there is the beginning, and a torn line.
	journal := readText(t, in("run.json"))
	if err := os.WriteFile(in("killed.json"), []byte(journal[:strings.Index(journal, `"what":"end"`)]), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs = runSquall(t, nil, "experiment", "report", in("killed.json"))
	if code != exitOK || !strings.HasPrefix(out, "# aborted (interrupted): the shop bears it") || !strings.Contains(out, "| late |") {
		t.Errorf("killed: exit code %d, %s%s", code, out, errs)
	}
	if code, _, errs := runSquall(t, nil, "experiment", "report", file); code != exitInvalid || !strings.Contains(errs, "experiment.yaml:1: not an event") {
		t.Errorf("no journal: exit code %d, %s", code, errs)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A report that could not be written after the run is refused before it: nothing was touched.
func TestAReportThatCannotBeWritten(t *testing.T) {
	for _, kind := range []string{"html", "junit", "markdown"} {
		file := experimentFile(t, "steady_state: {checks: [{name: errors, load: main, max_error: 5%}]}\nmethod: [{pause: 1s}]\nreport: {"+kind+": "+filepath.Join(t.TempDir(), "no", "run")+"}")
		environment := map[string]string{"SQUALL_ADMIN_URL": "http://127.0.0.1:1", "SQUALL_STOCK_URL": "http://127.0.0.1:1"}
		if code, out, errs := runSquall(t, environment, "experiment", "run", file); code != exitInvalid || out != "" || !strings.Contains(errs, "no such file") {
			t.Errorf("%s: exit code %d, %s%s", kind, code, out, errs)
		}
	}
}
