package experiments

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/faults"
)

// whole uses every part of the format.
const whole = `version: v1
title: checkout survives a slow inventory
description: p99 stays under 400 ms and no order is lost
tags: [ci, checkout]
configuration:
  base: {type: env, key: BASE_URL, default: "http://127.0.0.1:8080"}
  share: 20
targets: {local: "http://127.0.0.1:8474"}
load:
  main: {url: "${base}/checkout", method: POST, rate: 200/s, warmup: 5s, timeout: 2s, headers: {X-Run: "${run.id}"}, body: "{}"}
  there: {external: true, proxy: stock}
steady_state:
  mode: continuous
  every: 500ms
  checks:
    - {name: errors, load: main, max_error: 1%}
    - {name: slow, load: main, over: 400ms, max_share: 2%}
    - {name: health, http: {url: "${base}/health"}, tolerance: 200}
    - {name: orders-kept, process: {path: ./verify-orders, args: ["${run.id}"], timeout: 10s, env: {A: b}}, tolerance: 0, mode: after}
    - {name: queue, prometheus: {url: "http://127.0.0.1:9090", query: "max(queue_depth)"}, tolerance: [0, 1000]}
method:
  - {fault: slow, for: 30s, ramp: [1, 10, 50, 100], rule: {proxy: stock, delay: {distribution: lognormal, p50: 200ms, p99: 900ms}, match: {path: "/stock/*"}}}
  - {pause: 2s}
  - parallel:
      - {fault: flaky, for: 20s, rule: {proxy: stock, abort: 503, percent: "${share}"}}
      - {mode: failure, proxy: flaky, for: 10s}
      - {docker: stop, service: service1, for: 10s}
  - {toxic: {proxy: redis, type: bandwidth, attributes: {rate: 10}}, for: 10s}
  - {http: {url: "${base}/flush", method: POST}, tolerance: {range: [200, 299]}}
  - {process: {path: "true"}}
expect:
  - {bounded_retries: {proxy: stock, max: 2}}
  - {timeout: {proxy: stock, within: 350ms}}
  - {breaker: {proxy: stock, opens: true, closes_within: 15s}}
  - {hits: {fault: slow, min: 100}}
recovery: {within: 10s, checks: [errors, slow]}
safety: {lease: 5s, max_duration: 3m, abort_on: [errors, health], stop_file: /tmp/stop}
rollbacks: [{process: {path: ./restore}}]
report: {html: run.html, json: run.json, junit: run.xml, markdown: run.md}
`

// searching has a search instead of a method.
const searching = `version: v1
title: how slow may the inventory be
load: {main: {url: "http://127.0.0.1:8080/", rate: 90/m}}
steady_state: {checks: [{name: errors, load: main, max_error: 1%}]}
search:
  vary: rule.attributes.latency
  rule: {proxy: stock, delay: 0ms}
  range: [0ms, 2s]
  resolution: 10ms
`

// run is what the tests' files are read for.
func run(environment map[string]string) Run {
	return Run{ID: "run-1", Getenv: func(key string) string { return environment[key] }}
}

func parse(t *testing.T, text string) *Experiment {
	t.Helper()
	e, err := Parse("x.yaml", []byte(text), run(nil))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAWholeExperimentIsRead(t *testing.T) {
	e, err := Parse("x.yaml", []byte(whole), run(map[string]string{"BASE_URL": "http://shop.test"}))
	if err != nil {
		t.Fatal(err)
	}
	wantLoad := Load{
		Request: Request{
			URL: "http://shop.test/checkout", Method: "POST", Timeout: faults.Duration(2 * time.Second),
			Headers: map[string]string{"X-Run": "run-1"}, Body: "{}",
		},
		Rate: 200, Warmup: faults.Duration(5 * time.Second),
	}
	if diff := cmp.Diff(wantLoad, e.Load["main"]); diff != "" {
		t.Error(diff)
	}
	slow := e.Method[0].Do.(*Fault)
	if slow.Rule.Name != "slow" || slow.Rule.Kind != "delay" || slow.Rule.Attributes.(*faults.Delay).P99 != faults.Duration(900*time.Millisecond) {
		t.Errorf("the rule of slow is %+v", slow.Rule)
	}
	parallel := e.Method[2].Do.(*Parallel)
	if got := parallel.Steps[0].Do.(*Fault).Rule.Percent; got != 20 {
		t.Errorf("${share} became %v", got)
	}
	rate := e.Method[3].Do.(*Toxic).Rule
	if rate.Name != "bandwidth_downstream" || rate.Attributes.(*faults.Bandwidth).Rate != 10_000 || rate.Percent != 100 {
		t.Errorf("the toxic became %+v", rate)
	}
	if got := e.SteadyState.Checks[3].Process.Args[0]; got != "run-1" {
		t.Errorf("${run.id} became %q", got)
	}
	if got, want := e.Takes(), faults.Duration(62*time.Second); got != want {
		t.Errorf("takes %v, want %v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	e := parse(t, searching)
	if e.SteadyState.Mode != Continuous || e.SteadyState.Every != faults.Duration(500*time.Millisecond) {
		t.Errorf("steady state %+v", e.SteadyState)
	}
	if diff := cmp.Diff(Recovery{Within: faults.Duration(30 * time.Second), Checks: []string{"errors"}}, e.Recovery); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Safety{Lease: faults.Duration(5 * time.Second), MaxDuration: faults.Duration(10 * time.Minute)}, e.Safety); diff != "" {
		t.Error(diff)
	}
	main := e.Load["main"]
	if main.Rate != 1.5 || main.Method != "GET" || main.Timeout != faults.Duration(5*time.Second) || main.Warmup != faults.Duration(5*time.Second) {
		t.Errorf("load %+v", main)
	}
	if e.Search.For != faults.Duration(10*time.Second) || e.SteadyState.Checks[0].Mode != Continuous {
		t.Errorf("search %+v, checks %+v", e.Search, e.SteadyState.Checks)
	}
}

func TestASearchSetsWhatItVaries(t *testing.T) {
	s := parse(t, searching).Search
	rule, err := s.At(Level{Value: float64(250 * time.Millisecond), Span: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := rule.Attributes.(*faults.Delay).Latency; got != faults.Duration(250*time.Millisecond) || rule.Proxy != "stock" || rule.Name != "search" {
		t.Errorf("the rule became %+v", rule)
	}
	if rule, err := s.At(Level{Span: true}); rule != nil || err != nil {
		t.Errorf("a delay of nothing is %+v, %v, want no rule", rule, err)
	}
	share := strings.NewReplacer("rule.attributes.latency", "rule.percent", "delay: 0ms", "name: some, abort: 503", "[0ms, 2s]", "[0, 100]", "10ms", "1")
	s = parse(t, share.Replace(searching)).Search
	for _, percent := range []float64{0, 12.5, 100} {
		rule, err := s.At(Level{Value: percent})
		if err != nil || rule.Percent != percent || rule.Kind != "abort" || rule.Name != "some" {
			t.Errorf("%v%%: %+v, %v", percent, rule, err)
		}
	}
}

// Values that a search tries are steps of its resolution, and no more digits than that has.
func TestTheValuesOfASearch(t *testing.T) {
	s := parse(t, searching).Search
	if s.Steps() != 200 || s.Level(1).String() != "10ms" || s.Level(199).String() != "1.99s" || s.Level(200).String() != "2s" {
		t.Errorf("%d steps, %v, %v, %v", s.Steps(), s.Level(1), s.Level(199), s.Level(200))
	}
	s.Range, s.Resolution = []Level{{Value: 1}, {Value: 0.05}}, Level{Value: 0.1}
	var got []string
	for i := range s.Steps() + 1 {
		got = append(got, s.Level(i).String())
	}
	if diff := cmp.Diff([]string{"1", "0.9", "0.8", "0.7", "0.6", "0.5", "0.4", "0.3", "0.2", "0.1", "0.05"}, got); diff != "" {
		t.Error(diff)
	}
	for _, level := range []Level{{Value: 0.3}, {Value: float64(10 * time.Millisecond), Span: true}} {
		written, err := json.Marshal(level)
		var read Level
		if err := errors.Join(err, json.Unmarshal(written, &read)); err != nil || read != level {
			t.Errorf("%v became %s, and that %v, %v", level, written, read, err)
		}
	}
}

// edit puts another text in the place of one that whole must have.
func edit(t *testing.T, from, to string) string {
	t.Helper()
	if strings.Count(whole, from) != 1 {
		t.Fatalf("%q stands %d times in the example", from, strings.Count(whole, from))
	}
	return strings.Replace(whole, from, to, 1)
}

func TestWhatIsWrongIsNamedWithItsPlace(t *testing.T) {
	for _, test := range []struct{ from, to, want string }{
		{"version: v1", "version: v2", "x.yaml:1:10: version: want v1"},
		{"version: v1\n", "", "version: missing"},
		{"title: checkout survives a slow inventory\n", "", "title: missing"},
		{"max_error: 1%}", "max_eror: 1%}", "x.yaml:16:34: steady_state.checks[0].max_eror: unknown field, did you mean max_error?"},
		{"max_error: 1%}", "max_error: 0.01}", "x.yaml:16:45: steady_state.checks[0].max_error: want a share such as \"1%\", got a number"},
		{"max_error: 1%}", "max_error: 100%}", "must be at least 0% and less than 100%"},
		{"rate: 200/s", "rate: 200", `x.yaml:10:55: load.main.rate: want a rate such as "200/s", got a number`},
		{"rate: 200/s", "rate: 200/d", `"200/d" is not a rate`},
		{"rate: 200/s, ", "", "x.yaml:10:10: load.main.rate: missing"},
		{"method: POST, rate", `method: "a b", rate`, "load.main.method: "},
		{"X-Run:", `"X Run":`, "load.main.headers[\"X Run\"]: not a header field"},
		{"{external: true, proxy: stock}", "{external: true}", "load.there.proxy: missing"},
		{"{external: true, proxy: stock}", "{external: true, proxy: stock, rate: 1/s}", "load.there.rate: not beside external"},
		{"external: true, proxy: stock", "external: true, proxy: stock, target: lokal", "load.there.target: there is no target \"lokal\", but local, did you mean local?"},
		{"mode: continuous", "mode: continous", "x.yaml:13:9: steady_state.mode: want before, after, edge, continuous or during, did you mean continuous?"},
		{"name: slow, load: main", "name: slow, load: man", "x.yaml:17:26: steady_state.checks[1].load: there is no load \"man\", but main, there, did you mean main?"},
		{"name: slow, load: main, over: 400ms, max_share: 2%", "name: errors, load: main, over: 400ms, max_share: 2%", "x.yaml:17:14: steady_state.checks[1].name: a second check"},
		{"over: 400ms, max_share: 2%", "over: 400ms", "over and max_share go together"},
		{"over: 400ms, max_share: 2%", "over: 400ms, max_share: 2%, max_error: 1%", "either max_error, or over and max_share"},
		{`{name: health, http: {url: "${base}/health"}, tolerance: 200}`, `{name: health, http: {url: "${base}/health"}}`, "x.yaml:18:8: steady_state.checks[2].tolerance: missing"},
		{`http: {url: "${base}/health"}`, `http: {url: "health"}`, "x.yaml:18:34: steady_state.checks[2].http.url: want a URL"},
		{`http: {url: "${base}/health"}`, `http: {url: "${bas}/health"}`, "x.yaml:18:34: steady_state.checks[2].http.url: ${bas} is not in the configuration, which has base, run.id, share, did you mean base?"},
		{`http: {url: "${base}/health"}`, `http: {url: "${base/health"}`, "a ${ without its }"},
		{"tolerance: [0, 1000]", "tolerance: [0, ok]", "x.yaml:20:107: steady_state.checks[4].tolerance[1]: want a number"},
		{"tolerance: [0, 1000]", "tolerance: [9, 0]", "must not be less"},
		{"tolerance: [0, 1000]", "tolerance: {regex: '('}", "tolerance.regex: error parsing regexp"},
		{"tolerance: [0, 1000]", "tolerance: {jsonpath: 'a'}", "tolerance.jsonpath: "},
		{"tolerance: [0, 1000]", "tolerance: {expect: 1}", "want exactly one of regex, jsonpath"},
		{"tolerance: [0, 1000]", "tolerance: {regex: a, count: 1}", "expect and count are about"},
		{"delay: {distribution: lognormal, p50: 200ms", "delay: {distribution: lognormal, p5: 200ms", "x.yaml:22:107: method[0].rule.delay.p5: unknown field: want one of latency"},
		{"rule: {proxy: stock, abort: 503", "rule: {proxy: stock, abort: 99", "method[2].parallel[0].rule.abort: "},
		{"rule: {proxy: stock, abort: 503", "rule: {proxy: stock, ttl: 1s, abort: 503", "method[2].parallel[0].rule.ttl: the runner takes every fault away"},
		{"rule: {proxy: stock, abort: 503", "rule: {name: other, proxy: stock, abort: 503", "method[2].parallel[0].rule.name: the fault is named \"flaky\" already"},
		{"ramp: [1, 10, 50, 100]", "ramp: [1, 10, 150]", "x.yaml:22:43: method[0].ramp[2]: want a percentage"},
		{"fault: slow, for: 30s", "fault: slow", "method[0].for: missing"},
		{"fault: slow, for: 30s", "fault: slow, for: 3", `method[0].for: want a duration such as "250ms", got a number`},
		{"fault: slow, for: 30s", "fault: slow, for: 30s, target: other", "method[0].target: there is no target \"other\", but local"},
		{"- {pause: 2s}", "- {paus: 2s}", "x.yaml:23:6: method[1]: a step needs one of fault, mode, toxic, docker, pause, parallel, http or process, did you mean pause?"},
		{"- {pause: 2s}", "- {pause: 2s, for: 1s}", "method[1].for: unknown field"},
		{"docker: stop", "docker: stopp", "did you mean stop?"},
		{"fault: flaky, for: 20s", "fault: slow, for: 20s", "method[2].parallel[0]: a second fault of the name \"slow\""},
		{"- {mode: failure, proxy: flaky, for: 10s}", "- {pause: 1s}", "method[2].parallel[1]: pause and parallel cannot stand in a parallel"},
		{"type: bandwidth", "type: bandwith", "method[3].toxic.type: \"bandwith\" is no toxic"},
		{"attributes: {rate: 10}", "attributes: {rte: 10}", "method[3].toxic.attributes.rte: unknown field, did you mean rate?"},
		{"type: bandwidth,", "type: bandwidth, toxicity: 2,", "method[3].toxic.toxicity: must be 0 to 1"},
		{"max: 2}", "min: 2}", "expect[0].bounded_retries.min: unknown field"},
		{"{hits: {fault: slow, min: 100}}", "{hits: {fault: slo, min: 100}}", "x.yaml:35:20: expect[3].hits.fault: there is no fault \"slo\", but slow, flaky, bandwidth_downstream, did you mean slow?"},
		{"opens: true, closes", "opens: false, closes", "expect[2].breaker.closes_within: a breaker that must not open cannot close"},
		{"checks: [errors, slow]", "checks: [errors, slo]", "recovery.checks[1]: there is no check \"slo\""},
		{"abort_on: [errors, health]", "abort_on: [errors, orders-kept]", "safety.abort_on[1]: the check \"orders-kept\" is not made while faults act, so it cannot stop anything"},
		{"max_duration: 3m", "max_duration: 1m", "x.yaml:37:35: safety.max_duration: the method takes 1m2s, and 1m0s are allowed"},
		{"lease: 5s", "lease: 100ms", "safety.lease: must be 1s to 1m0s"},
		{"rollbacks: [{process: {path: ./restore}}]", "rollbacks: [{mode: normal, for: 1s}]", "rollbacks[0]: want http, process or pause"},
		{"share: 20", "share: [20]", "x.yaml:7:10: configuration.share: want a string, a number or a boolean"},
		{"share: 20", "1x: 20", "configuration.1x: a name has letters"},
		{"type: env", "type: vault", "configuration.base.type: want env"},
		{`, default: "http://127.0.0.1:8080"`, "", "configuration.base: the environment variable BASE_URL is not set"},
		{`{local: "http://127.0.0.1:8474"}`, `{local: "127.0.0.1:8474"}`, "targets.local: want a URL"},
		{`{local: "http://127.0.0.1:8474"}`, `{local: "http://a", other: "http://b"}`, "load.there.target: missing: want one of local, other"},
	} {
		_, err := Parse("x.yaml", []byte(edit(t, test.from, test.to)), run(nil))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "x.yaml:") {
			t.Errorf("%s: got %v\nwant %s", test.to, err, test.want)
		}
	}
}

func TestWhatIsWrongWithASearch(t *testing.T) {
	for _, test := range []struct{ from, to, want string }{
		{"rule.attributes.latency", "attributes.latency", "search.vary: want what of the rule is varied"},
		{"rule.attributes.latency", "rule.attributes.latancy", "search.range[1]: 2s of rule.attributes.latancy: attributes.latancy: unknown field"},
		{"[0ms, 2s]", "[0ms]", "search.range: want two values"},
		{"[0ms, 2s]", "[0, 2]", "search.range: want both values and the resolution"},
		{"resolution: 10ms", "resolution: 0ms", "search.resolution: must be more than 0"},
		{"resolution: 10ms", "resolution: 1ns", "search.resolution: too fine"},
		{"resolution: 10ms", "resolution: 10ms\n  for: 1h", "safety.max_duration: the search takes up to 10h"},
		{"resolution: 10ms", "resolution: 10ms\nmethod: [{pause: 1s}]", "search: instead of a method"},
		{"resolution: 10ms", "resolution: 10ms\nsafety: {abort_on: [errors]}", "safety.abort_on: not beside a search"},
		{"max_error: 1%", "max_error: 1%, mode: edge", "search: it needs a check of the mode continuous or during"},
		{"search:\n", "method: [{pause: 1s}]\nsteps:\n", "steps: unknown field"},
	} {
		_, err := Parse("x.yaml", []byte(strings.Replace(searching, test.from, test.to, 1)), run(nil))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v\nwant %s", test.to, err, test.want)
		}
	}
}

func TestVariables(t *testing.T) {
	file := func(configuration, title string) string {
		return "version: v1\ntitle: " + title + "\nconfiguration: " + configuration +
			"\nsteady_state: {checks: [{name: up, http: {url: 'http://a'}, tolerance: 200}]}\nmethod: [{pause: 1s}]\n"
	}
	for _, test := range []struct{ configuration, title, want string }{
		{"{a: x}", `"${a}"`, "x"},
		{"{a: x, b: 2}", `"<${a}-${b}-${a}>"`, "<x-2-x>"},
		{"{a: x}", `"$${a} $5 ${a}"`, "${a} $5 x"},
		{"{a: true}", `"is ${a}"`, "is true"},
		{"{a: {type: env, key: HOME_OF}}", `"${a}"`, "here"},
		{"{a: {type: env, key: NOT, default: 7}}", `"n ${a}"`, "n 7"},
		{"{a: '${b}', b: x}", `"${a}"`, "${b}"}, // variables are not variables' to use
	} {
		e, err := Parse("x", []byte(file(test.configuration, test.title)), run(map[string]string{"HOME_OF": "here"}))
		if err != nil || e.Title != test.want {
			t.Errorf("%s: got %+v, %v, want %q", test.title, e, err, test.want)
		}
	}
	_, err := Parse("x", []byte(file("{a: {type: env, key: N, default: 7}}", "t")), run(map[string]string{"N": "seven"}))
	if err == nil || !strings.Contains(err.Error(), "configuration.a: the environment variable N is no number, as its default is") {
		t.Errorf("got %v", err)
	}
}

// What was read can be written, and is then the same experiment.
func TestAnExperimentSurvivesItsJSON(t *testing.T) {
	for _, source := range []string{whole, searching} {
		e := parse(t, source)
		written, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(written, &document); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("again", written, run(nil))
		if err != nil {
			t.Fatalf("%v in %s", err, written)
		}
		rewritten, err := json.Marshal(again)
		if err != nil || string(rewritten) != string(written) {
			t.Errorf("%s\nbecame\n%s\n%v", written, rewritten, err)
		}
	}
}

func TestTheStarterIsAnExperiment(t *testing.T) {
	if _, err := Parse("starter.yaml", []byte(Starter()), run(nil)); err != nil {
		t.Error(err)
	}
}
