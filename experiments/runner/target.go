package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/verdict"
)

// Target is a squall: one request to its admin API and the answer's body, which it also gives beside an error.
type Target interface {
	Do(ctx context.Context, method, path string, body any) ([]byte, error)
}

// squall asks a target. It has no state.
type squall struct{ Target }

// askTimeout bounds one question, in which a local admin API answers within milliseconds.
const askTimeout = 2 * time.Second

func (s squall) ask(ctx context.Context, method, path string, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return s.Do(ctx, method, path, body)
}

// halted asks whether the stop lever is pulled.
func (s squall) halted(ctx context.Context) (bool, error) {
	data, err := s.ask(ctx, http.MethodGet, "/admin/halt", nil)
	var answer struct{ Halted bool }
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	return answer.Halted, err
}

// verdictQuery is what POST /admin/verdict takes.
type verdictQuery struct {
	Proxies    []string           `json:"proxies,omitempty"`
	Since      time.Time          `json:"since"`
	Phases     []verdict.Phase    `json:"phases,omitempty"`
	Thresholds map[string]float64 `json:"thresholds,omitempty"`
}

// verdictTimeout bounds the question for a verdict: they are made one at a time, over all that is remembered.
const verdictTimeout = 20 * time.Second

// verdict asks what the records of proxies say of their client.
func (s squall) verdict(ctx context.Context, q verdictQuery) (verdict.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, verdictTimeout)
	defer cancel()
	var report verdict.Report
	data, err := s.Do(ctx, http.MethodPost, "/admin/verdict?format=json", q)
	if err == nil {
		err = json.Unmarshal(data, &report)
	}
	if err != nil {
		return report, fmt.Errorf("no verdict: %w", err)
	}
	return report, nil
}

// ahead says how far the squall's clock is before ours. One that may be ours is taken for it: how long the question took is not
// known to a half.
func (s squall) ahead(ctx context.Context) (time.Duration, error) {
	before := time.Now()
	report, err := s.verdict(ctx, verdictQuery{Since: before.AddDate(1, 0, 0)})
	after := time.Now()
	if err != nil || !report.End.Before(before) && !report.End.After(after) {
		return 0, err
	}
	return report.End.Sub(before.Add(after.Sub(before) / 2)), nil
}

// disturbance is what holds while a lease does: a rule, or a mode.
type disturbance struct {
	name  string
	kind  string  // in words: "delay", "mode failure"
	proxy string  // "" = all
	share float64 // of the exchanges that it hits, 0 to 1; 0 = unknown
	put   func(lease faults.Lease) (path string, body any)
	rule  string            // the rule's own path; "" = it is a mode
	mode  *experiments.Mode // nil = it is a rule
}

// ofRule disturbs by a rule.
func ofRule(rule faults.Rule) disturbance {
	proxy := rule.Proxy
	if proxy == "" {
		proxy = "*"
	}
	path := "/admin/faults/rules/" + url.PathEscape(rule.Name) + "?" + url.Values{"proxy": {proxy}}.Encode()
	return disturbance{
		name: rule.Name, kind: rule.Kind, proxy: rule.Proxy, share: rule.Percent / 100, rule: path,
		put: func(lease faults.Lease) (string, any) {
			rule.Lease, rule.Owner = &lease, lease.ID
			return path, rule
		},
	}
}

// ofMode disturbs by a mode.
func ofMode(m *experiments.Mode) disturbance {
	return disturbance{
		name: "mode " + m.Mode, kind: "mode " + m.Mode, proxy: m.Proxy, mode: m,
		put: func(lease faults.Lease) (string, any) {
			if m.Proxy == "" {
				return "/admin/faults", map[string]any{"mode": m.Mode, "lease": lease, "owner": lease.ID}
			}
			mode := map[string]any{"mode": m.Mode, "lease": lease}
			return "/admin/faults", map[string]any{"modes": map[string]any{m.Proxy: mode}, "owner": lease.ID}
		},
	}
}

// begin puts a disturbance in force under a lease, or only asks whether that could be.
func (s squall) begin(ctx context.Context, d disturbance, lease faults.Lease, dryRun bool) error {
	path, body := d.put(lease)
	if dryRun {
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		path += separator + "dry_run=1"
	}
	_, err := s.ask(ctx, http.MethodPut, path, body)
	return err
}

// hold beats a lease for a time, every third of its own, and at the end of it. It fails when the lease cannot have survived: no beat arrived for the whole of it.
func (s squall) hold(ctx context.Context, lease faults.Lease, d time.Duration) error {
	span := time.Duration(lease.For)
	end, alive := time.Now().Add(d), time.Now()
	for left := d; left > 0; left = time.Until(end) {
		if err := wait.For(ctx, min(left, span/3)); err != nil {
			return err
		}
		sent := time.Now()
		if err := s.beat(ctx, lease); err == nil {
			alive = sent
		} else if time.Since(alive) >= span {
			return fmt.Errorf("nobody could keep the fault up for %v, so it has ended by itself: %w", span, err)
		}
	}
	return nil
}

func (s squall) beat(ctx context.Context, lease faults.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(lease.For)/3)
	defer cancel()
	_, err := s.Do(ctx, http.MethodPost, leasePath(lease)+"/renew", nil)
	return err
}

// end takes away what hangs on a lease. It tries until that worked or the lease has run out by itself, whatever becomes of
// the run.
func (s squall) end(lease faults.Lease) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(lease.For))
	defer cancel()
	for {
		_, err := s.ask(ctx, http.MethodDelete, leasePath(lease), nil)
		if err == nil || !s.has(ctx, lease) {
			return nil
		}
		if wait.For(ctx, time.Duration(lease.For)/10) != nil {
			return fmt.Errorf("%s could not be taken away, and has run out by itself: %w", lease.ID, err)
		}
	}
}

// has says that the squall knows the lease, or does not answer.
func (s squall) has(ctx context.Context, lease faults.Lease) bool {
	data, err := s.ask(ctx, http.MethodGet, "/admin/leases", nil)
	var answer struct{ Leases []struct{ ID string } }
	if err != nil || json.Unmarshal(data, &answer) != nil {
		return true
	}
	for _, known := range answer.Leases {
		if known.ID == lease.ID {
			return true
		}
	}
	return false
}

func leasePath(lease faults.Lease) string { return "/admin/leases/" + url.PathEscape(lease.ID) }

// setPercent moves a rule's percentage.
func (s squall) setPercent(ctx context.Context, d disturbance, percent float64) error {
	_, err := s.ask(ctx, http.MethodPatch, d.rule, map[string]any{"percent": percent})
	return err
}

// counted asks how often a disturbance has hit, and how many exchanges a limit of its rule spared.
func (s squall) counted(ctx context.Context, d disturbance) (hits, limited uint64, err error) {
	if d.mode != nil {
		hits, err = s.countedMode(ctx, d.mode)
		return hits, 0, err
	}
	data, err := s.ask(ctx, http.MethodGet, d.rule, nil)
	var answer struct{ Status faults.Status }
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	return answer.Status.Hit, answer.Status.Skipped.Limit, err
}

// countedMode asks how often a mode has hit, on its proxy or on all of them: each has a count of its own.
func (s squall) countedMode(ctx context.Context, m *experiments.Mode) (uint64, error) {
	names := []string{m.Proxy}
	if m.Proxy == "" {
		data, err := s.ask(ctx, http.MethodGet, "/admin/proxies", nil)
		var answer struct{ Proxies []struct{ Name string } }
		if err == nil {
			err = json.Unmarshal(data, &answer)
		}
		if err != nil {
			return 0, err
		}
		names = names[:0]
		for _, p := range answer.Proxies {
			names = append(names, p.Name)
		}
	}
	var sum uint64
	for _, name := range names {
		question := url.Values{"rule": {"mode/" + m.Mode}, "proxy": {name}, "hits": {"1"}, "timeout": {"1ms"}}
		data, _ := s.ask(ctx, http.MethodGet, "/admin/wait?"+question.Encode(), nil) // refused where it has not hit, or is none of the proxy's
		var answer struct{ Hits uint64 }
		if json.Unmarshal(data, &answer) == nil {
			sum += answer.Hits
		}
	}
	return sum, nil
}
