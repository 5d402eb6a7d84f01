package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/admin/metrics"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
	"github.com/squall-proxy/squall/proxy/tcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a squall with a registry of what it counts.
type lab struct {
	t          *testing.T
	engine     *proxy.Engine
	controller *control.Controller
	changes    *metrics.Changes
	registry   *prometheus.Registry
	client     *http.Client
}

// newLab starts one whose proxies "a" and "b" have a service behind them, and whose "c" is for TCP.
func newLab(t *testing.T) *lab {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	t.Cleanup(service.Close)
	l := &lab{t: t, changes: &metrics.Changes{}, registry: prometheus.NewRegistry(), client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	l.engine = &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: &http1.Executor{}, proxy.TCP: &tcp.Executor{}}}
	state := control.NewState(42)
	for _, name := range []string{"a", "b", "c"} {
		p := proxy.Defaults()
		p.Name, p.Listen, p.Upstream = name, "127.0.0.1:0", service.URL
		if name == "c" {
			p.Protocol, p.Upstream = proxy.TCP, service.Listener.Addr().String()
		}
		state.PutProxy(p)
	}
	var err error
	l.controller, err = control.New(control.Config{Engine: l.engine, Policy: control.DefaultPolicy(), Publish: l.changes.Publish}, state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.controller.Close()
		if err := l.engine.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	l.registry.MustRegister(&metrics.Collector{
		Tallies: l.engine.Tallies, AcceptFailures: l.engine.AcceptFailures, State: l.controller.State, Changes: l.changes, Version: "0.1.0",
	}, admin.TrafficMetrics(l.engine.Traffic))
	return l
}

func (l *lab) change(by string, mutate func(*control.State) error) {
	l.t.Helper()
	if _, err := l.controller.Change(l.t.Context(), control.Request{By: by}, mutate); err != nil {
		l.t.Fatal(err)
	}
}

// rule adds a rule.
func (l *lab) rule(text string) {
	l.t.Helper()
	node, err := document.ParseJSON([]byte(text))
	if err != nil {
		l.t.Fatal(err)
	}
	l.change("a test", func(s *control.State) error {
		var rule faults.Rule
		if err := document.Decode(node, &rule); err != nil {
			return err
		}
		_, err := s.AddRule(rule, time.Now())
		return err
	})
}

// get makes requests through a proxy, each on a connection of its own, and waits until they are counted.
func (l *lab) get(name string, times int) {
	l.t.Helper()
	before := l.counted(name)
	for range times {
		reply, err := l.client.Get("http://" + l.engine.Addr(name).String() + "/")
		if err != nil {
			l.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, reply.Body)
		_ = reply.Body.Close()
	}
	l.until("they are counted", func() bool { return l.counted(name) >= before+float64(times) })
}

// until waits for a condition.
func (l *lab) until(what string, holds func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("not yet: %s", what)
		}
	}
}

// counted is how many exchanges of a proxy there were, whatever their outcome, that are over in every respect.
func (l *lab) counted(name string) float64 {
	all := 0.0
	for at, value := range l.values("squall_exchanges_total") {
		if strings.Contains(at, "proxy="+name+" ") {
			all += value
		}
	}
	if l.values("squall_connections_open")["proxy="+name+" "] > 0 {
		return -1
	}
	return all
}

// families gathers what there is.
func (l *lab) families() []*dto.MetricFamily {
	l.t.Helper()
	families, err := l.registry.Gather()
	if err != nil {
		l.t.Fatal(err)
	}
	return families
}

// values are those of a metric that are not 0, by its labels.
func (l *lab) values(name string) map[string]float64 {
	l.t.Helper()
	values := map[string]float64{}
	for _, family := range l.families() {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.Metric {
			at := ""
			for _, label := range m.Label {
				at += label.GetName() + "=" + label.GetValue() + " "
			}
			if value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()); value != 0 {
				values[at] = value
			}
		}
	}
	return values
}

func (l *lab) want(name string, want map[string]float64) {
	l.t.Helper()
	if diff := cmp.Diff(want, l.values(name)); diff != "" {
		l.t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// row is one of the table in docs/metrics.md.
var row = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| (.*?) ?\\| (.*) \\|$")

// TestDocumented holds docs/metrics.md against what is really there, and that against Prometheus' conventions.
func TestDocumented(t *testing.T) {
	l := newLab(t)
	l.rule(`{"name":"slow","proxy":"a","delay":"1ms","shadow":true}`)
	l.get("a", 1)
	l.get("c", 1)
	problems, err := testutil.GatherAndLint(l.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "squall_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, real []string
	for _, r := range row.FindAllStringSubmatch(string(text), -1) {
		help := r[4]
		if strings.HasPrefix(r[1], "toxiproxy_") {
			help = "" // Toxiproxy's have none
		}
		documented = append(documented, fmt.Sprintf("%s %s [%s] %s", r[1], r[2], strings.ReplaceAll(r[3], "`", ""), help))
	}
	for _, family := range l.families() {
		var labels []string
		for _, label := range family.Metric[0].Label {
			labels = append(labels, label.GetName())
		}
		real = append(real, fmt.Sprintf("%s %s [%s] %s", family.GetName(), strings.ToLower(family.GetType().String()), strings.Join(labels, ", "), family.GetHelp()))
	}
	slices.Sort(documented)
	slices.Sort(real)
	if diff := cmp.Diff(documented, real); diff != "" {
		t.Errorf("docs/metrics.md (-) is not what there is (+):\n%s", diff)
	}
}

// TestCounted counts exchanges, faults, skips, bytes and connections where they were, and nowhere else.
func TestCounted(t *testing.T) {
	l := newLab(t)
	l.rule(`{"name":"slow","proxy":"a","delay":"1ms"}`)
	l.rule(`{"name":"gone","proxy":"a","abort":503,"every":2}`)
	l.get("a", 4)
	l.get("b", 3)
	l.get("c", 1)
	l.want("squall_exchanges_total", map[string]float64{
		"fault=delay outcome=ok proxy=a ": 2, "fault=abort outcome=injected proxy=a ": 2,
		"fault=none outcome=ok proxy=b ": 3, "fault=none outcome=ok proxy=c ": 1,
	})
	l.want("squall_faults_total", map[string]float64{"kind=delay proxy=a ": 4, "kind=abort proxy=a ": 2})
	l.want("squall_shadow_faults_total", map[string]float64{})
	l.want("squall_fault_skips_total", map[string]float64{"proxy=a reason=selection ": 2})
	l.want("squall_exchange_duration_seconds", map[string]float64{"proxy=a ": 4, "proxy=b ": 3, "proxy=c ": 1})
	l.want("squall_upstream_duration_seconds", map[string]float64{"proxy=a ": 2, "proxy=b ": 3, "proxy=c ": 1})
	l.want("squall_connections_total", map[string]float64{"proxy=a ": 4, "proxy=b ": 3, "proxy=c ": 1})
	l.want("squall_connections_open", map[string]float64{})
	l.want("squall_exchanges_active", map[string]float64{})
	l.want("squall_admin_changes_total", map[string]float64{"cause=api ": 2})
	if got := l.values("squall_response_bytes_total")["proxy=b "]; got != 15 {
		t.Errorf("%v bytes to b's clients", got)
	}
}

// TestServiceErrors: a service's own 500 is an exchange that is ok, and counted apart; a fault's is not.
func TestServiceErrors(t *testing.T) {
	l := newLab(t)
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(ill.Close)
	l.change("a test", func(s *control.State) error {
		p := s.Proxies[0]
		p.Upstream = ill.URL
		s.PutProxy(p)
		return nil
	})
	l.rule(`{"proxy":"a","abort":503,"every":2}`)
	l.get("a", 4)
	l.get("b", 1)
	l.want("squall_service_errors_total", map[string]float64{"proxy=a ": 2})
	l.want("squall_exchanges_total", map[string]float64{
		"fault=none outcome=ok proxy=a ": 2, "fault=abort outcome=injected proxy=a ": 2, "fault=none outcome=ok proxy=b ": 1,
	})
}

// TestRulesAndModes: what is in force shows, and what hangs on it while it acts.
func TestRulesAndModes(t *testing.T) {
	l := newLab(t)
	l.rule(`{"name":"hole","proxy":"a","blackhole":"1h"}`)
	l.rule(`{"name":"off","proxy":"a","delay":"1s","enabled":false}`)
	l.rule(`{"name":"never","proxy":"a","delay":"1s","percent":0}`)
	l.rule(`{"name":"all","headers":{"response":{"set":{"X":"1"}}},"match":{"path":"/elsewhere"}}`)
	l.rule(`{"name":"slow","proxy":"c","kind":"latency","stream":"downstream","attributes":{"latency":"1ms"}}`)
	l.change(control.ByReload, func(s *control.State) error { return s.SetProxyMode("b", control.ModeFailure, "", control.Hold{}) })
	l.want("squall_rules", map[string]float64{
		"kind=blackhole layer=http proxy=a ": 1, "kind=headers layer=http proxy=a ": 1, "kind=headers layer=http proxy=b ": 1,
		"kind=abort layer=http proxy=b ": 1, "kind=latency layer=tcp proxy=c ": 1,
	})
	l.want("squall_mode_info", map[string]float64{"mode=normal proxy=a ": 1, "mode=failure proxy=b ": 1, "mode=normal proxy=c ": 1})
	l.want("squall_faults_active", map[string]float64{})
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ask(ctx, l.client, "http://"+l.engine.Addr("a").String()) }()
	l.until("it is held", func() bool { return l.values("squall_faults_active")["kind=blackhole "] == 1 })
	l.want("squall_exchanges_active", map[string]float64{"proxy=a ": 1})
	l.want("squall_connections_open", map[string]float64{"proxy=a ": 1})
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the request ended with %v", err)
	}
	l.change("a test", func(s *control.State) error { return s.RemoveProxy("a") })
	for _, family := range l.families() {
		for _, m := range family.Metric {
			for _, label := range m.Label {
				if label.GetName() == "proxy" && label.GetValue() == "a" {
					t.Errorf("%s still tells of a proxy that is gone", family.GetName())
				}
			}
		}
	}
	l.want("squall_halted", map[string]float64{})
	l.change("a test", func(s *control.State) error { s.Halt(); return nil })
	l.want("squall_halted", map[string]float64{"": 1})
	l.want("squall_admin_changes_total", map[string]float64{"cause=api ": 7, "cause=reload ": 1})
}

// ask makes a request, and gives the error.
func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	return reply.Body.Close()
}

// TestChangesByThemselves: an expiry and trouble with one are told apart from what callers ask for.
func TestChangesByThemselves(t *testing.T) {
	l := newLab(t)
	l.changes.Publish(control.Event{By: control.ByExpiry, What: []string{"mode"}})
	l.changes.Publish(control.Event{By: control.ByExpiry, Err: errors.New("disk full")})
	l.want("squall_admin_changes_total", map[string]float64{"cause=expiry ": 1})
	l.want("squall_state_failures_total", map[string]float64{"": 1})
}
