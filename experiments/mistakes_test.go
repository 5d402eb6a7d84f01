package experiments

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
)

// A file with a mistake in every part, and in one part several. Everything is told at once, and nothing that only follows from it.
func TestAllMistakesOfAFileAreTold(t *testing.T) {
	const file = `version: v1
titel: x
configuration:
  base: {type: env, key: BASE_URL}
  odd: [1]
targets: {local: "127.0.0.1:8474"}
load:
  main: {url: "${base}/x?y=${odd}", rate: 200, timeout: 2h}
  there: {external: true, rate: 1/s}
steady_state:
  every: 1ms
  checks:
    - {name: errors, load: main, max_error: 100%}
    - {name: errors, load: mian, over: 400ms}
    - {name: up, htpp: {url: "http://a"}, tolerance: 200}
    - {name: who, http: {url: "${bse}", method: "A B"}, tolerance: 200}
method:
  - {fault: slow, for: 3, rule: {proxy: stock, delay: {latancy: 1s}, percnt: 20}}
  - {fault: slow, for: 3s, rule: {proxy: stock, abort: 503}, target: other}
  - {paus: 2s}
  - {toxic: {proxy: redis, type: bandwidth, attributes: {rte: 10}}, for: 10s}
expect:
  - {hits: {fault: bandwidth_downstream, min: 1}}
  - {hits: {fault: slo, min: 0}}
recovery: {within: 10s, checks: [errors, up, slw]}
safety: {lease: 5m, abort_on: [errors, nothing]}
rollbacks: [{mode: normal, for: 1s}]
report: {htlm: x}
`
	_, err := Parse("x", []byte(file), run(nil))
	if err == nil {
		t.Fatal("it is an experiment")
	}
	var got []string
	for line := range strings.Lines(err.Error()) {
		line, _, _ = strings.Cut(line, ", but ")
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{
		"x:2:1: titel: unknown field, did you mean title?",
		"x:4:10: configuration.base: the environment variable BASE_URL is not set, and there is no default",
		"x:5:8: configuration.odd: want a string, a number or a boolean, got a list",
		`x:6:18: targets.local: want a URL such as http://127.0.0.1:8080/, got "127.0.0.1:8474"`,
		`x:8:43: load.main.rate: want a rate such as "200/s", got a number`,
		"x:8:57: load.main.timeout: must be 1ms to 1h0m0s, got 2h0m0s",
		"x:9:11: load.there.proxy: missing: want the proxy that the external load goes through",
		"x:9:33: load.there.rate: not beside external: the traffic that is there is watched, none is made",
		"x:11:10: steady_state.every: must be 10ms to 1h0m0s, got 1ms",
		"x:13:45: steady_state.checks[0].max_error: must be at least 0% and less than 100%, got 100%",
		"x:14:8: steady_state.checks[1]: over and max_share go together: {over: 400ms, max_share: 2%}",
		`x:14:14: steady_state.checks[1].name: a second check of the name "errors"`,
		`x:14:28: steady_state.checks[1].load: there is no load "mian"`,
		"x:15:18: steady_state.checks[2].htpp: unknown field, did you mean http?",
		"x:16:31: steady_state.checks[3].http.url: ${bse} is not in the configuration, which has base, odd, run.id, did you mean base?",
		`x:16:49: steady_state.checks[3].http.method: "A B" is no method`,
		`x:18:24: method[0].for: want a duration such as "250ms", got a number`,
		"x:18:56: method[0].rule.delay.latancy: unknown field, did you mean latency?",
		"x:18:70: method[0].rule.percnt: unknown field, did you mean percent?",
		`x:19:6: method[1]: a second fault of the name "slow"`,
		`x:19:70: method[1].target: there is no target "other"`,
		"x:20:6: method[2]: a step needs one of fault, mode, toxic, docker, pause, parallel, http or process, did you mean pause?",
		"x:21:63: method[3].toxic.attributes.rte: unknown field, did you mean rate?",
		`x:24:20: expect[1].hits.fault: there is no fault "slo"`,
		"x:24:30: expect[1].hits.min: want 1 or more",
		`x:25:46: recovery.checks[2]: there is no check "slw"`,
		"x:26:17: safety.lease: must be 1s to 1m0s, got 5m0s",
		`x:26:40: safety.abort_on[1]: there is no check that is made while faults act "nothing"`,
		"x:27:14: rollbacks[0]: want http, process or pause: faults and what docker did are undone without being told",
		"x:28:10: report.htlm: unknown field, did you mean html?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A part that is refused is looked at all the same beside what refers to it, and must not make the rest fall over.
func TestNoPartOfAFileMakesTheRestFallOver(t *testing.T) {
	for _, source := range []string{whole, searching} {
		root, err := yaml.Parse([]byte(source))
		if err != nil {
			t.Fatal(err)
		}
		files := 0
		mutate(root, func() {
			files++
			text, err := json.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = Parse("x", text, run(nil))
		})
		if files < 100 {
			t.Errorf("%d files were tried", files)
		}
	}
}

// mutate puts something else in the place of each value of a tree, one after the other, and each time calls try.
func mutate(n *document.Node, try func()) {
	was := *n
	for _, other := range []document.Node{
		{},
		{Kind: document.Number, Text: "0"},
		{Kind: document.String, Text: "x"},
		{Kind: document.String},
		{Kind: document.List},
		{Kind: document.Object},
		{Kind: document.List, Items: []*document.Node{{}}},
	} {
		*n = other
		try()
	}
	*n = was
	for _, item := range n.Items {
		mutate(item, try)
	}
	for i := range n.Members {
		mutate(n.Members[i].Value, try)
		all := n.Members
		n.Members = append(append([]document.Member{}, all[:i]...), all[i+1:]...)
		try()
		n.Members = all
	}
}
