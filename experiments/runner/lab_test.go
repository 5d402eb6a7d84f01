package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// lab is a squall and the system behind it in one: requests of loads and checks come in as at a proxy, and are hit by what is in
// force. Its clock is the bubble's.
type lab struct {
	mu      sync.Mutex
	leases  map[string]*leased
	rules   map[string]*inForce // by name
	halted  bool
	cut     bool              // nobody answers on the admin port
	refuse  map[string]string // by the beginning of method and path: with what reason
	asked   []string          // method and path of every change that was asked for
	percent []string          // when which percentage was set

	handle func(hit *faults.Rule) int // the system: a status; hit is what acts on the request, nil = nothing
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
	return l
}

// RoundTrip is a request through the proxy.
func (l *lab) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	var hit *faults.Rule
	for _, f := range l.rules {
		if !l.alive(f.lease) {
			continue
		}
		f.hits++
		hit = &faults.Rule{Kind: "abort"}
		if f.rule != nil {
			hit = f.rule
		}
	}
	handle := l.handle
	l.mu.Unlock()
	if hit != nil && hit.Kind == "delay" {
		if err := wait.For(r.Context(), time.Duration(hit.Attributes.(*faults.Delay).Latency)); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: handle(hit), Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok")), Request: r}, nil
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errors.New("connection refused")
	}
	u, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	for prefix, reason := range l.refuse {
		if strings.HasPrefix(method+" "+path, prefix) {
			return nil, errors.New(reason)
		}
	}
	if method != http.MethodGet && !u.Query().Has("dry_run") && !strings.HasSuffix(path, "/renew") {
		l.asked = append(l.asked, method+" "+u.Path)
	}
	written, err := json.Marshal(body)
	if err != nil {
		return nil, err
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
	text := `version: v1
title: a test
load: {main: {url: "http://shop/", rate: 10/s, warmup: 4950ms, timeout: 3s}}
` + more
	if !strings.Contains(more, "steady_state:") {
		text += "\nsteady_state: {checks: [{name: errors, load: main, max_error: 10%}]}"
	}
	e, err := experiments.Parse("test.yaml", []byte(text), experiments.Run{ID: "run", Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
