package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/verdict"
	"github.com/squall-proxy/squall/verdict/verdicttest"
)

// lab is a squall and the system behind it in one: requests of loads and checks come in as at a proxy, and are hit by what is in
// force. Its clock is the bubble's.
type lab struct {
	mu      sync.Mutex
	leases  map[string]*leased
	rules   map[string]*inForce // by name
	halted  bool
	misses  bool              // no rule hits anything
	cut     bool              // nobody answers on the admin port
	refuse  map[string]string // by the beginning of method and path: with what reason
	asked   []string          // method and path of every change that was asked for
	percent []string          // when which percentage was set

	handle func(hit *faults.Rule) int // the system: a status; hit is what acts on the request, nil = nothing

	// With a client, requests go to it, and what it sends goes through the proxy, whose records are the tap's.
	client func(ctx context.Context, send func(context.Context) error) error
	tap    verdicttest.Tap
	calls  int
	ahead  time.Duration // the proxy's clock before ours
	forget atomic.Uint64 // exchanges up to this id are forgotten
}

type leased struct {
	span  time.Duration
	until time.Time
}

type inForce struct {
	rule  *faults.Rule // nil = a mode
	lease string
	hits  uint64
	spare uint64 // by a limit
}

func newLab() *lab {
	l := &lab{leases: map[string]*leased{}, rules: map[string]*inForce{}, refuse: map[string]string{}}
	l.handle = func(hit *faults.Rule) int {
		if hit != nil {
			return 503
		}
		return 200
	}
	l.tap.Answer(l.serve)
	return l
}

// RoundTrip is a request through the proxy, or to the client.
func (l *lab) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	if l.client != nil {
		l.calls++
		call := l.calls
		l.mu.Unlock()
		return l.askClient(r, call)
	}
	hit, handle := l.hit(), l.handle
	l.mu.Unlock()
	if hit != nil && hit.Kind == "delay" {
		if err := wait.For(r.Context(), time.Duration(hit.Attributes.(*faults.Delay).Latency)); err != nil {
			return nil, err
		}
	}
	return reply(r, handle(hit)), nil
}

// hit is what acts on a request, and counts it. The lock is held.
func (l *lab) hit() *faults.Rule {
	var hit *faults.Rule
	for _, f := range l.rules {
		if !l.alive(f.lease) || l.misses {
			continue
		}
		f.hits++
		hit = &faults.Rule{Kind: "abort"}
		if f.rule != nil {
			hit = f.rule
		}
	}
	return hit
}

func reply(r *http.Request, status int) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok")), Request: r}
}

// askClient is a request to the client, which sends its own through the proxy.
func (l *lab) askClient(r *http.Request, call int) (*http.Response, error) {
	send := func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://stock/%d", call), nil)
		if err != nil {
			return err
		}
		answer, err := l.tap.RoundTrip(request)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode >= 500 {
			return errors.New(answer.Status)
		}
		return nil
	}
	if err := l.client(r.Context(), send); err != nil {
		return reply(r, 502), nil
	}
	return reply(r, 200), nil
}

// serve answers what comes through the proxy.
func (l *lab) serve(verdicttest.Arrival) verdicttest.Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	fine := verdicttest.Answer{Wait: 10 * time.Millisecond, Status: 200, Body: "fine"}
	switch hit := l.hit(); {
	case hit == nil:
		return fine
	case hit.Kind == "delay":
		fine.Wait, fine.Delayed = time.Duration(hit.Attributes.(*faults.Delay).Latency), true
		return fine
	}
	return verdicttest.Answer{Wait: time.Millisecond, Status: 503, Body: "sorry", Injected: true}
}

func (l *lab) alive(lease string) bool {
	held := l.leases[lease]
	return held != nil && time.Now().Before(held.until)
}

// acts says whether anything is in force.
func (l *lab) acts() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.rules {
		if l.alive(f.lease) {
			return true
		}
	}
	return false
}

// Do is the admin API, as far as a runner asks it.
func (l *lab) Do(_ context.Context, method, path string, body any) ([]byte, error) {
	u, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	written, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	var recorded any // the tap's lock comes ahead of ours
	switch u.Path {
	case "/admin/verdict":
		recorded, err = l.verdict(written)
	case "/admin/exchanges":
		recorded, err = l.exchanges(u.Query())
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errors.New("connection refused")
	}
	for prefix, reason := range l.refuse {
		if strings.HasPrefix(method+" "+path, prefix) {
			return nil, errors.New(reason)
		}
	}
	if method != http.MethodGet && !u.Query().Has("dry_run") && !strings.HasSuffix(path, "/renew") {
		l.asked = append(l.asked, method+" "+u.Path)
	}
	if recorded != nil {
		return json.Marshal(recorded)
	}
	answer, err := l.answer(method, u, written)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

func (l *lab) answer(method string, u *url.URL, body []byte) (any, error) {
	rule, isRule := strings.CutPrefix(u.Path, "/admin/faults/rules/")
	lease, isLease := strings.CutPrefix(u.Path, "/admin/leases/")
	switch {
	case u.Query().Has("dry_run"):
		return nil, nil
	case u.Path == "/admin/halt":
		return map[string]any{"halted": l.halted}, nil
	case isRule && method == http.MethodPut:
		return nil, l.putRule(rule, body)
	case isRule && method == http.MethodPatch:
		l.percent = append(l.percent, string(body))
		return nil, nil
	case isRule:
		f := l.rules[rule]
		return map[string]any{"status": faults.Status{Hit: f.hits, Skipped: faults.Skipped{Limit: f.spare}}}, nil
	case u.Path == "/admin/faults":
		return nil, l.putMode(body)
	case u.Path == "/admin/wait":
		if f := l.rules[u.Query().Get("rule")+" "+u.Query().Get("proxy")]; f != nil {
			return map[string]any{"hits": f.hits}, nil
		}
		return map[string]any{"hits": 0}, nil
	case isLease:
		return nil, l.moveLease(method, strings.TrimSuffix(lease, "/renew"))
	case u.Path == "/admin/leases":
		return map[string]any{"leases": []any{}}, nil
	}
	return nil, fmt.Errorf("the lab does not know %s %s", method, u)
}

// verdict is that of package verdict, on what the tap has recorded.
func (l *lab) verdict(body []byte) (any, error) {
	var q verdictQuery
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	in := verdict.Input{Client: l.records(q.Since), Phases: q.Phases, Thresholds: q.Thresholds, Now: time.Now().Add(l.ahead)}
	report, err := verdict.Judge(in)
	report.Records.Overrun = l.forget.Load() > 0
	return report, err
}

// records are what the tap has recorded since a time, by the proxy's clock.
func (l *lab) records(since time.Time) verdict.Tap {
	all := l.tap.Records()
	kept := all.Exchanges[:0]
	for _, e := range all.Exchanges {
		e.At = e.At.Add(l.ahead)
		if e.Method != "" && !e.At.Before(since) {
			kept = append(kept, e)
		}
	}
	return verdict.Tap{Exchanges: kept}
}

// exchanges lists those behind an id, or since a time.
func (l *lab) exchanges(q url.Values) (any, error) {
	seen, err := strconv.ParseUint(q.Get("since"), 10, 64)
	var since time.Time
	if err != nil {
		if since, err = time.Parse(time.RFC3339Nano, q.Get("since")); err != nil {
			return nil, err
		}
	}
	list := []any{}
	for _, e := range l.records(since).Exchanges {
		if e.ID > max(seen, l.forget.Load()) {
			list = append(list, map[string]any{
				"id": e.ID, "at": e.At, "method": e.Method, "status": e.Status, "duration": e.Duration.String(),
				"outcome": e.Outcome, "closed_by": e.Attempt.ClosedBy,
			})
		}
	}
	slices.Reverse(list)
	return map[string]any{"exchanges": list, "truncated": seen > 0 && seen < l.forget.Load()}, nil
}

func (l *lab) putRule(name string, body []byte) error {
	var sent struct {
		Lease      faults.Lease
		Kind       string
		Attributes struct{ Latency string }
	}
	if err := json.Unmarshal(body, &sent); err != nil && !strings.Contains(err.Error(), "for") {
		return err
	}
	var spans struct{ Lease struct{ ID, For string } }
	if err := json.Unmarshal(body, &spans); err != nil {
		return err
	}
	rule := &faults.Rule{Kind: sent.Kind}
	if latency, err := time.ParseDuration(sent.Attributes.Latency); err == nil {
		rule.Attributes = &faults.Delay{Latency: faults.Duration(latency)}
	}
	l.rules[name] = &inForce{rule: rule, lease: spans.Lease.ID}
	return l.grant(spans.Lease.ID, spans.Lease.For)
}

func (l *lab) putMode(body []byte) error {
	type lease struct{ ID, For string }
	var sent struct {
		Mode  string
		Modes map[string]struct {
			Mode  string
			Lease lease
		}
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return err
	}
	for proxy, m := range sent.Modes {
		l.rules["mode/"+m.Mode+" "+proxy] = &inForce{lease: m.Lease.ID}
		return l.grant(m.Lease.ID, m.Lease.For)
	}
	return errors.New("no mode")
}

func (l *lab) grant(id, span string) error {
	d, err := time.ParseDuration(span)
	if err != nil {
		return err
	}
	l.leases[id] = &leased{d, time.Now().Add(d)}
	return nil
}

func (l *lab) moveLease(method, id string) error {
	if !l.alive(id) {
		return errors.New("no such lease")
	}
	if method == http.MethodDelete {
		delete(l.leases, id)
		return nil
	}
	l.leases[id].until = time.Now().Add(l.leases[id].span)
	return nil
}

// experiment is a file with a load of 10 requests a second, the first 50 ms behind the end of the warmup, a check that no more than 10 % of them
// fail, and what else the test needs.
func experiment(t *testing.T, more string) *experiments.Experiment {
	t.Helper()
	text := "version: v1\ntitle: a test\n" + more
	if !strings.Contains(more, "load:\n") {
		text += "\nload: {main: {url: 'http://shop/', rate: 10/s, warmup: 4950ms, timeout: 3s}}"
	}
	if !strings.Contains(more, "steady_state:") {
		text += "\nsteady_state: {checks: [{name: errors, load: main, max_error: 10%}]}"
	}
	e, err := experiments.Parse("test.yaml", []byte(text), experiments.Run{ID: "run", Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
