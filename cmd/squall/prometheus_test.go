package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/program"
	"github.com/squall-proxy/squall/internal/yaml"
)

const (
	alertsFile    = "../../deploy/prometheus/alerts.yaml"
	dashboardFile = "../../deploy/grafana/squall.json"
)

// alert is a rule of the alerts' file.
type alert struct {
	Alert string `json:"alert"`
	Expr  string `json:"expr"`
}

// TestDeployedExpressions has a real Prometheus scrape a squall on which everything happens that the dashboard and the alerts are
// about, and asks it every expression of both.
func TestDeployedExpressions(t *testing.T) {
	s, stateFolder := troubled(t)
	prometheus := startPrometheus(t, strings.TrimPrefix(s.admin, "http://"))
	replace := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*", "$proxy", ".*")
	prometheus.awaitData("the first scrape", "squall_build_info")
	s.squall("faults", "rule", "later", `{"proxy":"a","delay":"1ms","percent":1}`) // which the dashboard marks
	for title, expressions := range dashboard(t) {
		for _, expression := range expressions {
			prometheus.awaitData(title, replace.Replace(expression))
		}
	}
	fails := map[string]func(){ // how each of these comes about
		"SquallHalted": func() { s.squall("halt") },
		"SquallStateNotSaved": func() {
			s.squall("release")
			s.squall("faults", "rule", "brief", `{"proxy":"a","delay":"1ms","ttl":"200ms"}`)
			if err := os.RemoveAll(stateFolder); err != nil { // so that its end cannot be saved
				t.Fatal(err)
			}
		},
		"SquallDown": func() { s.end() },
	}
	all := alerts(t)
	slices.SortStableFunc(all, func(a, b alert) int { return strings.Compare(last(a), last(b)) })
	for _, a := range all {
		if fail := fails[a.Alert]; fail != nil {
			if prometheus.ask(a.Alert, a.Expr) != 0 {
				t.Errorf("%s: it is there already", a.Alert)
			}
			fail()
		}
		if a.Alert == "SquallClientsWait" {
			prometheus.ask(a.Alert, a.Expr) // alerts_test.yaml makes its failure
			continue
		}
		prometheus.awaitData(a.Alert, a.Expr)
	}
}

// last sorts behind all others the alert for which squall has to end.
func last(a alert) string {
	if a.Alert == "SquallDown" {
		return "last"
	}
	return ""
}

// TestAlerts: promtool finds the rules right, and each fires when it should and not before.
func TestAlerts(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		cmd := exec.Command("promtool", args...)
		cmd.Dir = filepath.Dir(alertsFile)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, output)
		}
	}
	tests, err := os.ReadFile(filepath.Join(filepath.Dir(alertsFile), "alerts_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts(t) {
		if !strings.Contains(string(tests), "alertname: "+a.Alert+"\n") {
			t.Errorf("no test has %s fire", a.Alert)
		}
	}
}

// troubled starts a squall with faults of every layer, and an upstream that is gone; its clients go
// on until the test ends.
func troubled(t *testing.T) (s *served, stateFolder string) {
	t.Helper()
	gone, err := program.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	stateFolder = t.TempDir()
	upstream := fineUpstream(t)
	s = startServe(t, nil, "--state", filepath.Join(stateFolder, "state.json"), "--config-inline", fmt.Sprintf(`
proxies:
  - {name: a, listen: "127.0.0.1:0", upstream: %q}
  - {name: gone, listen: "127.0.0.1:0", upstream: "http://%s"}
  - {name: wire, protocol: tcp, listen: "127.0.0.1:0", upstream: %q}
rules:
  - {name: slow, proxy: a, delay: 2ms, percent: 50}
  - {name: busy, proxy: a, abort: 503, percent: 30}
  - {name: silent, proxy: a, abort: 500, shadow: true}
  - {name: lag, proxy: wire, kind: latency, stream: downstream, attributes: {latency: 1ms}}
`, upstream, gone, strings.TrimPrefix(upstream, "http://")))
	over, stopped := make(chan struct{}), make(chan struct{})
	go callInTurn(over, stopped, s.url("a"), s.url("gone"), s.url("wire"))
	t.Cleanup(func() {
		close(over)
		<-stopped
	})
	return s, stateFolder
}

// callInTurn calls URLs in turn until it is over.
func callInTurn(over <-chan struct{}, stopped chan<- struct{}, urls ...string) {
	defer close(stopped)
	transport := &http.Transport{DisableKeepAlives: true}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		request := httptest.NewRequest(http.MethodGet, urls[i%len(urls)], nil)
		if reply, err := transport.RoundTrip(request); err == nil {
			_ = reply.Body.Close()
		}
	}
}

// promServer is a Prometheus that runs.
type promServer struct {
	t    *testing.T
	base string
}

// startPrometheus runs the Debian package's, which scrapes one address; it ends with the test.
func startPrometheus(t *testing.T, target string) *promServer {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatalf("%v: scripts/setup installs it", err)
	}
	address, err := program.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	config := filepath.Join(work, "prometheus.yml")
	writeFile(t, config, fmt.Sprintf(`
global: {scrape_interval: 200ms, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - {job_name: squall, static_configs: [{targets: [%q]}]}
`, rules, target))
	cmd := exec.Command(binary, "--config.file", config, "--storage.tsdb.path", filepath.Join(work, "data"), "--web.listen-address", address)
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	process, err := program.Start(t.Context(), cmd, address)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	t.Cleanup(process.Stop)
	return &promServer{t, "http://" + address}
}

// ask evaluates an expression, and gives how many series it brings.
func (p *promServer) ask(what, expression string) int {
	p.t.Helper()
	reply, err := http.Get(p.base + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		p.t.Fatal(err)
	}
	defer reply.Body.Close()
	if reply.StatusCode == http.StatusServiceUnavailable { // it is starting
		return 0
	}
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(reply.Body).Decode(&answer); err != nil || answer.Status != "success" {
		p.t.Fatalf("%s: %s\n%s %v", what, expression, answer.Error, err)
	}
	series := 0
	for _, result := range answer.Data.Result {
		if result.Value[1] != "NaN" {
			series++
		}
	}
	return series
}

// awaitData waits until an expression brings data.
func (p *promServer) awaitData(what, expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); p.ask(what, expression) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Errorf("%s brings no data: %s", what, expression)
			return
		}
	}
}

// alerts reads the alerts' file.
func alerts(t *testing.T) []alert {
	t.Helper()
	text, err := os.ReadFile(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	node, err := yaml.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, rule := range node.Get("groups").Items[0].Get("rules").Items {
		all = append(all, alert{rule.Get("alert").Text, rule.Get("expr").Text})
	}
	if len(all) < 6 {
		t.Fatalf("only %d alerts", len(all))
	}
	return all
}

// dashboard reads the expressions of the dashboard, by the titles of the panels, and holds what Grafana needs to show them.
func dashboard(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := document.ParseJSON(text); err != nil { // no name twice
		t.Fatal(err)
	}
	type source struct{ Type, UID string }
	var board struct {
		UID, Title    string
		SchemaVersion int
		Annotations   struct{ List []struct{ Name, Expr string } }
		Templating    struct {
			List []struct{ Name, Query string }
		}
		Panels []struct {
			ID          int
			Type, Title string
			Datasource  source
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || board.UID == "" || board.SchemaVersion == 0 {
		t.Fatalf("%s: %v", dashboardFile, err)
	}
	expressions, ids, used := map[string][]string{}, map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] || expressions[p.Title] != nil || !slices.Contains([]string{"timeseries", "stat", "table"}, p.Type) || p.Datasource != (source{"prometheus", "${datasource}"}) {
			t.Errorf("panel %d %q, a %s of %v", p.ID, p.Title, p.Type, p.Datasource)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := used[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q stands over %q, or beyond the edge", p.Title, other)
				}
				used[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			expressions[p.Title] = append(expressions[p.Title], target.Expr)
		}
	}
	for _, a := range board.Annotations.List {
		expressions[a.Name] = append(expressions[a.Name], a.Expr)
	}
	for _, v := range board.Templating.List {
		if inner, found := strings.CutPrefix(v.Query, "label_values("); found {
			expressions[v.Name] = []string{inner[:strings.LastIndex(inner, ",")]}
		}
	}
	if len(expressions) < 20 {
		t.Fatalf("only %d panels and variables", len(expressions))
	}
	return expressions
}
