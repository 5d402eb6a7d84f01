package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const replayRules = `
seed: 42
proxies: [{name: p, listen: "127.0.0.1:0", upstream: "http://127.0.0.1:1", caller_faults: true}]
rules:
  - {name: some, delay: 1us, percent: 30, key: "header:X-Test", match: {methods: [GET]}}
  - {name: row, delay: 1us, percent: 80, max_consecutive: 2}
  - {name: steps, delay: 1us, skip: 3, every: 2, percent: 50, match: {path: "/a/**"}}
  - {name: exactly, delay: 1us, percent: 25, exact: true}
  - {name: unseen, delay: 1us, match: {headers: {X-Test: "1"}}}
  - {name: ramp, delay: 1us, ramp: {from: 0, to: 100, over: 10s}}
  - {name: off, delay: 1us, enabled: false}
  - {name: never, delay: 1us, percent: 0}
  - {name: total, delay: 1us, max_total: 5}
  - {name: shade, delay: 1us, shadow: true}
  - {name: gate, rate_limit: {rate: 10, per: 1h}}
  - {name: end, abort: 503}
`

// recordRun sends requests through a squall with these rules, and gives what it recorded.
func recordRun(t *testing.T, path string, requests int) string {
	t.Helper()
	s := startServe(t, nil, "--config", path)
	for i := range requests {
		method, path := []string{"GET", "POST"}[i%2], []string{"/a/b", "/x"}[i%3%2]
		request, err := http.NewRequestWithContext(t.Context(), method, s.url("p")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Test", fmt.Sprint(i%5))
		if i%7 == 0 {
			request.Header.Set("X-Envoy-Fault-Delay-Request", "1")
			request.Header.Set("X-Envoy-Fault-Delay-Request-Percentage", "50")
		}
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = reply.Body.Close()
	}
	for { // the last one is recorded a moment after its reply
		if out := s.squall("exchanges", "--json", "--limit", "1000"); strings.Count(out, `"request_id"`) == requests {
			return out
		}
	}
}

// TestReplay: what a squall decided is decided the same again, and whatever was another rule, seed or record is told.
func TestReplay(t *testing.T) {
	path := writeTemporary(t, replayRules)
	out := recordRun(t, path, 200)
	code, said, errs := runSquall(t, nil, "replay", "-f", path, writeTemporary(t, out))
	if code != 0 || !strings.HasPrefix(said, "200 exchanges: ") || errs != "" {
		t.Fatalf("exit code %d, %q, %q", code, said, errs)
	}
	for what, change := range map[string]struct{ rules, record func(string) string }{
		"the seed":     {rules: replaced("seed: 42", "seed: 43")},
		"a percentage": {rules: replaced("percent: 30", "percent: 60")},
		"a row":        {rules: replaced("max_consecutive: 2", "max_consecutive: 3")},
		"a skip":       {rules: replaced("skip: 3", "skip: 4")},
		"exact":        {rules: replaced("percent: 25, exact: true", "percent: 25")},
		"a path":       {rules: replaced("/a/**", "/**")},
		"a method":     {rules: replaced("methods: [GET]", "methods: [POST]")},
		"enabled":      {rules: replaced("enabled: false", "enabled: true")},
		"a shadow":     {rules: replaced("shadow: true", "shadow: false")},
		"a name":       {rules: replaced("name: exactly", "name: other")},
		"a kind":       {rules: replaced("{name: total, delay: 1us", "{name: total, throttle: 1KB")},
		"the record":   {record: func(text string) string { return strings.ReplaceAll(text, `"why": "roll"`, `"why": "selection"`) }},
	} {
		rules, record := replayRules, out
		if change.rules != nil {
			rules = change.rules(rules)
		}
		if change.record != nil {
			record = change.record(record)
		}
		if rules == replayRules && record == out {
			t.Fatalf("%s: nothing is changed", what)
		}
		code, said, errs := runSquall(t, nil, "replay", "-f", writeTemporary(t, rules), writeTemporary(t, record))
		if code != exitFail || said != "" || !strings.Contains(errs, "decided again: ") {
			t.Errorf("%s: exit code %d, %q, %q", what, code, said, errs)
		}
	}
}

func replaced(old, with string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, with, 1) }
}

// TestReplayWhatTheRecordDoesNotTell: of a ramp, and of what a caller asked for, nothing can be said.
func TestReplayWhatTheRecordDoesNotTell(t *testing.T) {
	path := writeTemporary(t, replayRules)
	out := recordRun(t, path, 30)
	for _, change := range []func(string) string{
		replaced("from: 0, to: 100", "from: 50, to: 100"), replaced("caller_faults: true", "caller_faults: {percent: 1}"),
		replaced(`headers: {X-Test: "1"}`, `headers: {X-Test: "2"}`),
	} {
		code, said, errs := runSquall(t, nil, "replay", "-f", writeTemporary(t, change(replayRules)), writeTemporary(t, out))
		if code != 0 || !strings.Contains(said, ", of ") {
			t.Errorf("exit code %d, %q, %q", code, said, errs)
		}
	}
}

func TestReplayRefuses(t *testing.T) {
	rules := writeTemporary(t, replayRules)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-f", rules, writeTemporary(t, "{")}, "unexpected EOF"},
		{[]string{"-f", "no-such-file", rules}, "no-such-file"},
		{[]string{"-f", rules, "no-such-file"}, "no-such-file"},
		{[]string{"-f", writeTemporary(t, "rules: []"), rules}, "names no seed"},
		{[]string{"-f", rules}, "FILE"},
	} {
		code, _, errs := runSquall(t, nil, append([]string{"replay"}, test.args...)...)
		if code != exitUsage || !strings.Contains(errs, test.want) {
			t.Errorf("%v: exit code %d, %q, want %q", test.args, code, errs, test.want)
		}
	}
}
