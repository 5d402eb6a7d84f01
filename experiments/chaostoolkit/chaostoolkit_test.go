package chaostoolkit

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/experiments/report"
	"github.com/squall-proxy/squall/experiments/runner"
	"github.com/squall-proxy/squall/internal/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

// imported imports a text, and gives the experiment as JSON.
func imported(t *testing.T, data []byte, im Importer) ([]byte, []string, error) {
	t.Helper()
	root, err := yaml.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := im.Import(root)
	if err != nil {
		return nil, nil, err
	}
	written, err := json.Marshal(got.Root)
	if err != nil {
		t.Fatal(err)
	}
	return written, got.Notes, nil
}

func TestImport(t *testing.T) {
	for _, name := range []string{"language.json", "http.json", "toxiproxy.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		written, notes, err := imported(t, data, Importer{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := experiments.Parse(name, written, experiments.Run{Getenv: func(string) string { return "http://127.0.0.1:1" }}); err != nil {
			t.Errorf("%s: what it becomes is refused: %v", name, err)
		}
		got, err := yaml.FromJSON(written)
		if err != nil {
			t.Fatal(err)
		}
		for _, note := range notes {
			got = append(got, "# "+note+"\n"...)
		}
		golden := filepath.Join("testdata", strings.TrimSuffix(name, filepath.Ext(name))+".golden")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is another one (-update writes it anew):\n%s", golden, diff)
		}
	}
}

// sample is an experiment with one probe, one action, and what else is given.
func sample(probe, action, more string) string {
	return `{title: x, steady-state-hypothesis: {title: y, probes: [` + probe + `]}, method: [` + action + `]` + more + `}`
}

const (
	goodProbe  = `{type: probe, name: p, tolerance: 200, provider: {type: http, url: "http://127.0.0.1/"}}`
	goodAction = `{type: action, name: a, provider: {type: process, path: "true"}}`
)

func TestWhatCannotBeExpressedIsNamed(t *testing.T) {
	python := func(module, function string) string {
		return `{type: action, name: a, provider: {type: python, module: ` + module + `, func: ` + function + `, arguments: {}}}`
	}
	for want, text := range map[string]string{
		"method[0].provider.module: chaosk8s.pod.actions, function terminate_pods":   sample(goodProbe, python("chaosk8s.pod.actions", "terminate_pods"), ""),
		"method[0].provider.module: chaostoxi.proxy.actions, function disable_proxy": sample(goodProbe, python("chaostoxi.proxy.actions", "disable_proxy"), ""),
		"method[0].provider.arguments.for_proxy: missing":                            sample(goodProbe, python("chaostoxi.toxic.actions", "create_latency_toxic"), ""),
		"steady-state-hypothesis: missing":                                           `{title: x, method: [` + goodAction + `]}`,
		"method: missing":                                                            `{title: x, steady-state-hypothesis: {probes: [` + goodProbe + `]}}`,
		"title: missing":                                                             `{method: [` + goodAction + `]}`,
		"method[0].ref: there is no activity \"q\"":                                  sample(goodProbe, "{ref: q}", ""),
		`secrets.a.token.type: "vault" is not supported`:                             sample(goodProbe, goodAction, `, secrets: {a: {token: {type: vault, key: k}}}`),
		"secrets.b.token: the name is there already":                                 sample(goodProbe, goodAction, `, secrets: {a: {token: x}, b: {token: y}}`),
		`runtime.hypothesis.strategy: "skip": want one of`:                           sample(goodProbe, goodAction, `, runtime: {hypothesis: {strategy: skip}}`),
		`runtime.rollbacks.strategy: "deviated"`:                                     sample(goodProbe, goodAction, `, rollbacks: [`+goodAction+`], runtime: {rollbacks: {strategy: deviated}}`),
		"controls: controls are Python modules":                                      sample(goodProbe, goodAction, `, controls: []`),
		"metod: unknown field":                                                       sample(goodProbe, goodAction, `, metod: []`),
		"method[0].provider.verify_tls: unknown field":                               sample(goodProbe, `{type: action, name: a, provider: {type: http, url: "http://127.0.0.1/", verify_tls: false}}`, ""),
		"method[0].provider.type: want http, process or python, got \"ssh\"":         sample(goodProbe, `{type: action, name: a, provider: {type: ssh}}`, ""),
		"method[0].provider.arguments: a ' without its end":                          sample(goodProbe, `{type: action, name: a, provider: {type: process, path: sh, arguments: "-c 'x"}}`, ""),
		"method[0].pauses.after: want a number of seconds, got a string":             sample(goodProbe, `{type: action, name: a, pauses: {after: "5"}, provider: {type: process, path: sh}}`, ""),
		"steady-state-hypothesis.probes[0].tolerance: missing":                       sample(`{type: probe, name: p, provider: {type: process, path: sh}}`, goodAction, ""),
		"steady-state-hypothesis.probes[0].tolerance.provider: a tolerance by another probe is a process here, and not Python's my.package": sample(
			`{type: probe, name: p, tolerance: {type: probe, provider: {type: python, module: my.package, func: f}}, provider: {type: process, path: sh}}`, goodAction, ""),
	} {
		_, _, err := imported(t, []byte(text), Importer{})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestWhatIsUnknownIsLeftOutWhereThatIsWanted(t *testing.T) {
	const unknown = `{type: probe, name: u, tolerance: true, provider: {type: python, module: os.path, func: exists, arguments: {path: x}}}`
	text := sample(goodProbe+", "+unknown, unknown+", "+goodAction, ", controls: []")
	written, notes, err := imported(t, []byte(text), Importer{SkipUnknown: true})
	if err != nil {
		t.Fatal(err)
	}
	e, err := experiments.Parse("x", written, experiments.Run{})
	if err != nil || len(e.SteadyState.Checks) != 1 || len(e.Method) != 1 {
		t.Errorf("%s, %v", written, err)
	}
	if len(notes) != 3 || !strings.Contains(strings.Join(notes, "\n"), "os.path, function exists") {
		t.Errorf("notes %q", notes)
	}
	if _, _, err := imported(t, []byte(sample(unknown, goodAction, "")), Importer{SkipUnknown: true}); err == nil {
		t.Error("an experiment without a check")
	}
}

// Ours are done from the last to the first, theirs in their order.
func TestRollbacksKeepTheirOrder(t *testing.T) {
	step := func(path string) string {
		return `{type: action, name: ` + path + `, provider: {type: process, path: ` + path + `}, pauses: {before: 1}}`
	}
	got, _, err := imported(t, []byte(sample(goodProbe, goodAction, ", rollbacks: ["+step("first")+", "+step("second")+"]")), Importer{})
	if err != nil {
		t.Fatal(err)
	}
	if want := regexp.MustCompile(`(?s)rollbacks".*second.*pause.*first.*pause`); !want.Match(got) {
		t.Errorf("got\n%s", got)
	}
}

func TestCommandLinesAreSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                        nil,
		"  a  b\tc ":              {"a", "b", "c"},
		`-c 'a "b" \c' "d 'e' f"`: {"-c", `a "b" \c`, `d 'e' f`},
		`a\ b "c\"d\e" '' x"y"z`:  {"a b", `c"d\e`, "", "xyz"},
	} {
		got, err := split(line)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %s, %v", line, diff, err)
		}
	}
}

func TestOursAreToldFromTheirs(t *testing.T) {
	for text, want := range map[string]bool{
		sample(goodProbe, goodAction, ""): true, `{title: x, method: [` + goodAction + `]}`: true, experiments.Starter(): false, "{}": false,
	} {
		root, err := yaml.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if IsExperiment(root) != want {
			t.Errorf("%.60s: %v", text, !want)
		}
	}
}

// service is what http.json is about. It keeps what it was asked.
func service(t *testing.T) (address string, asked func() string) {
	var mu sync.Mutex
	var all []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		all = append(all, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+" "+string(body))
		mu.Unlock()
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = io.WriteString(w, `{"foo": [{"baz": "hello"}, {"baz": "bonjour"}]}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(all, "\n")
	}
}

// ran imports a file and runs it.
func ran(t *testing.T, name string, environment map[string]string) report.Run {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	written, _, err := imported(t, data, Importer{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := experiments.Parse(name, written, experiments.Run{ID: "run", Getenv: func(key string) string { return environment[key] }})
	if err != nil {
		t.Fatal(err)
	}
	var events []runner.Event
	r := runner.Runner{Experiment: e, RunID: "run", Tell: func(e runner.Event) { events = append(events, e) }}
	r.Run(t.Context())
	return report.Of(events)
}

// The documented kinds of probes, tolerances and actions of the provider http run against a service.
func TestHTTPRuns(t *testing.T) {
	t.Parallel()
	address, asked := service(t)
	run := ran(t, "http.json", map[string]string{"SERVICE_URL": address, "SERVICE_TOKEN": "secret"})
	if run.Verdict != runner.Passed {
		t.Errorf("%s: %q", run.Verdict, run.Reasons)
	}
	for _, want := range []string{
		"GET /entities Bearer secret \n", "HEAD /entities", `POST /create  {"name":"a b","count":2}`, "GET /search?x=1&q=a%26b&token=secret",
	} {
		if !strings.Contains(asked()+"\n", want) {
			t.Errorf("%q is not among what was asked:\n%s", want, asked())
		}
	}
}

// A hypothesis that fails after the method is a deviation, and the rollback is done all the same.
func TestProcessesRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "locale.txt")
	if err := os.WriteFile(file, []byte("welcome=hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := ran(t, "language.json", map[string]string{"LOCALE_FILE": file})
	// The rollback comes before the hypothesis is looked at again: ours is about a system to which nothing is done any more.
	if run.Verdict != runner.Passed || len(run.Steps) != 4 || !run.Steps[3].Rollback || run.Steps[2].Rollback {
		t.Errorf("%s: %q, %+v", run.Verdict, run.Reasons, run.Steps)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "welcome=hello\n" {
		t.Errorf("%s, %v", text, err)
	}
	var b bytes.Buffer
	if err := WriteJournal(&b, run, Host{Version: "1", Platform: "linux", Node: "here"}); err != nil {
		t.Fatal(err)
	}
	checkJournal(t, b.Bytes())
}

// checkJournal holds a journal against what the documentation says that one must have.
func checkJournal(t *testing.T, data []byte) {
	t.Helper()
	var j map[string]any
	if err := json.Unmarshal(data, &j); err != nil {
		t.Fatal(err)
	}
	need := func(where string, of any, names ...string) {
		o, ok := of.(map[string]any)
		for _, name := range names {
			if _, has := o[name]; !ok || !has {
				t.Errorf("%s has no %s: %v", where, name, of)
			}
		}
	}
	need("the journal", j, "experiment", "status", "start", "end", "duration", "steady_states", "run", "rollbacks", "platform", "node", "deviated", "chaoslib-version")
	need("experiment", j["experiment"], "version", "title", "description", "steady-state-hypothesis", "method", "rollbacks", "tags")
	states := j["steady_states"].(map[string]any)
	for _, when := range []string{"before", "after"} {
		need(when, states[when], "steady_state_met", "probes")
		for _, p := range states[when].(map[string]any)["probes"].([]any) {
			need("a probe", p, "activity", "status", "start", "end", "duration", "tolerance_met", "output")
			need("its activity", p.(map[string]any)["activity"], "type", "name", "tolerance", "provider")
		}
	}
	for where, most := range map[string]int{"run": 3, "rollbacks": 1} {
		list := j[where].([]any)
		if len(list) != most {
			t.Errorf("%s has %d activities, want %d", where, len(list), most)
		}
		for _, a := range list {
			need(where, a, "activity", "status", "start", "end", "duration", "output")
		}
	}
	if j["status"] != "completed" || j["deviated"] != false {
		t.Errorf("status %v, deviated %v", j["status"], j["deviated"])
	}
}
