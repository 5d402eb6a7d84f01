package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/config"
)

// shop is a running squall with proxies before a service that answers "fine", and the variables that say where they are.
func shop(t *testing.T, proxies ...string) map[string]string {
	t.Helper()
	return shopUnder(t, "", proxies...)
}

// shopUnder is a shop whose squall has more in its file.
func shopUnder(t *testing.T, more string, proxies ...string) map[string]string {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) }))
	t.Cleanup(upstream.Close)
	text := more + "\nproxies:\n"
	for _, name := range proxies {
		text += fmt.Sprintf("  - {name: %s, listen: \"127.0.0.1:0\", upstream: %q}\n", name, upstream.URL)
	}
	file, err := config.Parse("squall.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, variables, err := startForCommand(file, system{err: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	environment := map[string]string{}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		environment[name] = value
	}
	return environment
}

// experimentFile writes an experiment on the proxy stock: a load of 20 requests a second, and what else is given.
func experimentFile(t *testing.T, more string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "experiment.yaml")
	text := `version: v1
title: the shop bears it
configuration: {url: {type: env, key: SQUALL_STOCK_URL}}
load: {main: {url: "${url}", rate: 20/s, warmup: 1s}}
safety: {lease: 2s, abort_on: [errors]}
` + more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExperimentRun(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "run.json")
	const checks = "\nsteady_state: {every: 200ms, checks: [{name: errors, load: main, max_error: 5%}]}\nmethod:\n"
	runs := map[string]struct {
		more string
		code int
		says []string
	}{
		"passed": {
			checks + "  - {fault: late, for: 500ms, rule: {proxy: stock, delay: 5ms}}\n  - {mode: fallback, proxy: stock, for: 300ms}\nreport: {json: " + journal + "}",
			exitOK,
			[]string{"late is over, ", "mode fallback is over, ", "healthy again after ", "passed (completed)"},
		},
		"aborted":      {checks + "  - {fault: bad, for: 30s, rule: {proxy: stock, abort: 503}}", 2, []string{"aborted (completed)", "requests failed, more than 5%"}},
		"inconclusive": {checks + "  - {fault: late, for: 300ms, rule: {proxy: stock, delay: 5ms, match: {path: /elsewhere}}}", 3, []string{"late: it hit nothing"}},
		"invalid":      {checks + "  - {fault: late, for: 300ms, rule: {proxy: stok, delay: 5ms}}", exitInvalid, []string{"invalid (failed)", "late: ", "stok"}},
	}
	t.Run("verdicts", func(t *testing.T) {
		for name, test := range runs {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				environment := shop(t, "stock")
				code, out, errs := runSquall(t, environment, "experiment", "run", experimentFile(t, test.more))
				for _, want := range test.says {
					if !strings.Contains(out, want) {
						t.Errorf("%q is not in %s%s", want, out, errs)
					}
				}
				if code != test.code {
					t.Errorf("exit code %d, want %d: %s%s", code, test.code, out, errs)
				}
				if _, rules, _ := runSquall(t, environment, "faults", "get"); !strings.Contains(rules, `"rules": []`) || !strings.Contains(rules, `"modes": {}`) {
					t.Errorf("a fault is left: %s", rules)
				}
			})
		}
	})
	if data, err := os.ReadFile(journal); err != nil || strings.Count(string(data), `"what":"end"`) != 1 {
		t.Errorf("%v: the journal is %s", err, data)
	}
	environment := map[string]string{"SQUALL_ADMIN_URL": "http://127.0.0.1:1", "SQUALL_STOCK_URL": "http://127.0.0.1:1"}
	if code, out, _ := runSquall(t, environment, "experiment", "run", experimentFile(t, checks+"  - {pause: 1s}")); code != exitEngine {
		t.Errorf("without a squall: exit code %d, %s", code, out)
	}
	if code, _, errs := runSquall(t, environment, "experiment", "run", experimentFile(t, "method: [{pause: 1s}]")); code != exitInvalid {
		t.Errorf("without checks: exit code %d, %s", code, errs)
	}
}
