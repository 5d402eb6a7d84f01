package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// write writes files into a new folder.
func writeFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// short is an experiment that takes a second, with one step.
func short(title, step, more string) string {
	return fmt.Sprintf(`version: v1
title: %s
configuration: {url: {type: env, key: SQUALL_STOCK_URL}}
load: {main: {url: "${url}", rate: 40/s, warmup: 200ms}}
steady_state: {every: 50ms, checks: [{name: errors, load: main, max_error: 5%%}]}
method: [%s]
%s`, title, step, more)
}

const (
	late   = "{fault: late, for: 300ms, rule: {proxy: stock, delay: 1ms}}"
	broken = "{fault: bad, for: 900ms, rule: {proxy: stock, abort: 503}}"
)

func TestExperimentSuite(t *testing.T) {
	t.Parallel()
	environment := shop(t, "stock")
	dir := writeFolder(t, map[string]string{
		"2-deviates.yaml": short("deviates", broken, ""), "1-passes.yaml": short("passes", late, ""),
		"3-shows-nothing.yml": short("shows nothing", "{fault: late, for: 300ms, rule: {proxy: stock, delay: 1ms, match: {path: /elsewhere}}}", ""),
		"run.json":            `{"what":"run"}`,
	})
	results := filepath.Join(t.TempDir(), "suite.xml")
	code, out, errs := runSquall(t, environment, "experiment", "run", "--junit", results, dir)
	wantEnd := fmt.Sprintf("%-22s %[2]s/1-passes.yaml\n%-22[3]s %[2]s/2-deviates.yaml\n%-22[4]s %[2]s/3-shows-nothing.yml\n", "passed", dir, "deviated", "inconclusive")
	if code != 1 || !strings.HasSuffix(out, wantEnd) {
		t.Errorf("exit code %d, %s%s\nwant at its end\n%s", code, out, errs, wantEnd)
	}
	journal := filepath.Join(t.TempDir(), "run.json")
	if code, _, errs := runSquall(t, environment, "experiment", "run", "--journal", journal, dir); code != exitInvalid || !strings.Contains(errs, "--journal is for one experiment, got 3") {
		t.Errorf("one journal for three: exit code %d: %s", code, errs)
	}
	if code, out, errs := runSquall(t, environment, "experiment", "run", "--journal", journal, dir+"/1-passes.yaml"); code != exitOK {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	if code, _, errs := runSquall(t, environment, "experiment", "report", journal, "--chaostoolkit", journal+".ct"); code != exitOK {
		t.Errorf("the journal: exit code %d: %s", code, errs)
	}
	for _, want := range []string{`<testsuite name="passes"`, `<failure message="deviated"`, `<error message="inconclusive"`} {
		if written := readText(t, results); strings.Count(written, "<testsuites ") != 1 || !strings.Contains(written, want) {
			t.Errorf("%s is not in %s", want, written)
		}
	}
	replay := filepath.Join(dir, "2-deviates-replay-errors.json")
	if !strings.Contains(out, "errors again: squall experiment run "+replay) {
		t.Errorf("the replay is not told of: %s", out)
	}
	if code, _, errs := runSquall(t, environment, "experiment", "validate", replay); code != exitOK {
		t.Errorf("the replay: exit code %d, %s", code, errs)
	}
	written := readText(t, replay)
	code, out, errs = runSquall(t, environment, "experiment", "run", replay)
	if code != 1 || !strings.Contains(out, "errors again: squall experiment run "+replay+"\n") || readText(t, replay) != written {
		t.Errorf("a replay of the replay: exit code %d, %s%s", code, out, errs)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*replay*")); err != nil || len(files) != 1 {
		t.Errorf("%q, %v: replays pile up", files, err)
	}
}

// A wrong file among others means that nothing is touched.
func TestExperimentSuiteWithAWrongFile(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	squall := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer squall.Close()
	environment := map[string]string{"SQUALL_ADMIN_URL": squall.URL, "SQUALL_STOCK_URL": squall.URL}
	dir, empty := t.TempDir(), t.TempDir()
	for name, test := range map[string]struct {
		file, says string
		code       int
	}{
		"a misspelt field":       {strings.Replace(short("x", late, ""), "method", "metod", 1), "b.yaml:6:1: metod: unknown field, did you mean method?", exitInvalid},
		"a report twice":         {short("x", late, "report: {json: "+dir+"/run.json}"), "report.json: ", exitInvalid},
		"a report in no folder":  {short("x", late, "report: {json: "+dir+"/no/run.json}"), "report.json: " + dir + "/no/run.json cannot be written: " + dir + "/no: no such file", exitInvalid},
		"a report that is a dir": {short("x", late, "report: {json: "+dir+"}"), "report.json: " + dir + " is a folder", exitInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			folder := writeFolder(t, map[string]string{"a.yaml": short("x", late, "report: {json: "+dir+"/run.json}"), "b.yaml": test.file})
			code, out, errs := runSquall(t, environment, "experiment", "run", folder)
			if code != test.code || !strings.Contains(errs, test.says) || out != "" || asked.Load() > 0 {
				t.Errorf("exit code %d, %s%s, and asked %d times; want %q", code, out, errs, asked.Load(), test.says)
			}
		})
	}
	if code, _, errs := runSquall(t, environment, "experiment", "run", empty); code != exitInvalid || !strings.Contains(errs, "no experiment is in this folder") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// What stops one run stops the rest, too.
func TestExperimentSuiteIsStopped(t *testing.T) {
	t.Parallel()
	environment := shop(t, "stock")
	stop := filepath.Join(t.TempDir(), "stop")
	long := short("x", "{fault: late, for: 20s, rule: {proxy: stock, delay: 1ms}}", "safety: {stop_file: "+stop+"}")
	dir := writeFolder(t, map[string]string{"1.yaml": long, "2.yaml": short("x", late, "")})
	time.AfterFunc(time.Second, func() {
		if err := os.WriteFile(stop, nil, 0o600); err != nil {
			t.Error(err)
		}
	})
	results := filepath.Join(t.TempDir(), "suite.xml")
	code, out, _ := runSquall(t, environment, "experiment", "run", "--junit", results, dir)
	if written := readText(t, results); !strings.Contains(written, `<skipped message="not run`) || strings.Count(written, "<testsuite ") != 2 {
		t.Error(written)
	}
	if want := fmt.Sprintf("%-22s %[2]s/1.yaml\n%-22[3]s %[2]s/2.yaml\n", "aborted (halted)", dir, "not run"); code != 2 || !strings.HasSuffix(out, want) {
		t.Errorf("exit code %d, %s", code, out)
	}
}

// A signal that comes before a run has begun ends the rest, too.
func TestExperimentSuiteIsStoppedBetweenTwoRuns(t *testing.T) {
	t.Parallel()
	environment := shop(t, "stock")
	dir := writeFolder(t, map[string]string{"1.yaml": short("x", late, ""), "2.yaml": short("x", late, "")})
	ctx, signal := context.WithCancel(t.Context())
	signal()
	var out bytes.Buffer
	code := run(ctx, []string{"experiment", "run", dir}, system{out: &out, err: io.Discard, getenv: func(key string) string { return environment[key] }})
	if code == exitOK || !strings.HasSuffix(out.String(), fmt.Sprintf("%-22s %s/2.yaml\n", "not run", dir)) {
		t.Errorf("exit code %d, %s", code, &out)
	}
}

// What could not be carried out is worse than any verdict, whatever comes behind it, and does not end the rest.
func TestExperimentSuiteEndsWithTheWorst(t *testing.T) {
	t.Parallel()
	environment := shop(t, "stock")
	results := filepath.Join(t.TempDir(), "suite.xml")
	fails := short("fails", late+", {http: {url: \"${url}\"}, tolerance: 404}", "")
	dir := writeFolder(t, map[string]string{"1.yaml": fails, "2.yaml": short("passes", late, ""), "3.yaml": short("refused", "{fault: late, for: 300ms, rule: {proxy: stok, delay: 1ms}}", "")})
	code, out, errs := runSquall(t, environment, "experiment", "run", "--junit", results, dir)
	want := fmt.Sprintf("%-22s %[2]s/1.yaml\n%-22[3]s %[2]s/2.yaml\n%-22[4]s %[2]s/3.yaml\n", "inconclusive (failed)", dir, "passed", "invalid (failed)")
	if code != exitEngine || !strings.HasSuffix(out, want) || !strings.Contains(errs, "inconclusive (failed)") {
		t.Errorf("exit code %d, %s%s\nwant at its end\n%s", code, out, errs, want)
	}
	if code, _, errs := runSquall(t, environment, "experiment", "run", "--junit", dir, dir); code != exitInvalid || !strings.Contains(errs, "is a folder") {
		t.Errorf("--junit DIR: exit code %d, %s", code, errs)
	}
}

// What a limit of the rule spares, or the squall's own policy protects, would have been hit: nothing is shown. What its policy denies
// is not begun.
func TestExperimentUnderTheLimitsOfARealSquall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy, rule string
		code         int
		says         string
	}{
		"max_active":  {"", "{proxy: stock, delay: 300ms, max_active: 1}", 3, `inconclusive \(completed\)\n  slow: a limit of the rule spared [1-9][0-9]* exchanges`},
		"protect":     {"policy: {protect: [/]}", "{proxy: stock, delay: 300ms}", 3, `inconclusive \(completed\)\n  slow: it hit nothing`},
		"max_percent": {"policy: {max_percent: 10}", "{proxy: stock, delay: 300ms, percent: 20}", exitInvalid, `invalid \(failed\)\n  slow: .*policy allows at most 10 percent`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environment := shopUnder(t, test.policy, "stock")
			file := filepath.Join(writeFolder(t, map[string]string{"x.yaml": short("x", "{fault: slow, for: 900ms, rule: "+test.rule+"}", "")}), "x.yaml")
			code, out, errs := runSquall(t, environment, "experiment", "run", file)
			if code != test.code || !regexp.MustCompile(test.says).MatchString(out) {
				t.Errorf("exit code %d, %s%s", code, out, errs)
			}
		})
	}
}

// The records of a real squall, of a client that tries again four times, and of the traffic that is there.
func TestExperimentJudgesByARealSquallsRecords(t *testing.T) {
	t.Parallel()
	environment := shop(t, "stock")
	stock, calls := environment["SQUALL_STOCK_URL"], atomic.Int64{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	defer client.CloseIdleConnections()
	checkout := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := fmt.Sprintf("%s/item/%d", stock, calls.Add(1))
		for range 4 {
			reply, err := client.Get(path)
			if err == nil {
				_ = reply.Body.Close()
				if reply.StatusCode == http.StatusOK {
					return
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer checkout.Close()
	file := filepath.Join(t.TempDir(), "experiment.yaml")
	text := fmt.Sprintf(`version: v1
title: the checkout does not storm its stock
load:
  main: {url: %q, rate: 20/s, warmup: 600ms}
  there: {external: true, proxy: stock, warmup: 600ms}
steady_state:
  every: 200ms
  checks:
    - {name: errors, load: there, max_error: 5%%}
    - {name: alive, load: main, over: 4s, max_share: 5%%}
method: [{fault: bad, for: 1500ms, rule: {proxy: stock, abort: 503}}]
expect:
  - {bounded_retries: {proxy: stock, max: 2}}
  - {breaker: {proxy: stock, opens: true}}
recovery: {within: 5s}
`, checkout.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runSquall(t, environment, "experiment", "run", file)
	for _, says := range []string{
		"there during", "healthy again after ", "while faults acted: errors: ",
		"expected bounded_retries of stock: 2 at most: a call was repeated 3 times",
		"expected breaker of stock: opens: inconclusive: the demand is not given",
	} {
		if !strings.Contains(out, says) {
			t.Errorf("%q is not in it", says)
		}
	}
	if code != 1 || strings.Contains(out, "alive: ") {
		t.Errorf("exit code %d", code)
	}
	if t.Failed() {
		t.Log(out, errs)
	}
}
