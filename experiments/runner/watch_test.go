package runner

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/experiments/load"
)

// What was due before a phase is not the phase's, however late it ends.
func TestAPhaseIsJudgedByItsOwnRequests(t *testing.T) {
	e := experiment(t, "\nmethod: [{pause: 1s}]")
	w := &loadWatch{check: &e.SteadyState.Checks[0]}
	start := time.Now()
	w.restart(start, nil)
	failed := load.Sample{Due: start.Add(-time.Millisecond), Took: time.Minute, Err: load.StatusError(503)}
	for range 100 {
		w.observe(failed)
	}
	if o := w.now(); o.total != 0 {
		t.Errorf("%d requests of another phase count", o.total)
	}
	w.observe(load.Sample{Due: start.Add(time.Millisecond)})
	if o := w.now(); o.judge() != "" || o.total != 1 {
		t.Errorf("%q of %d requests", o.judge(), o.total)
	}
}

// What was missed since a time may have been due in each part of the run that goes on behind it.
func TestWhatWasMissedMayBeOfThePartBefore(t *testing.T) {
	e := experiment(t, "\nmethod: [{pause: 1s}]")
	w, start := &loadWatch{check: &e.SteadyState.Checks[0]}, time.Now()
	for i := range 4 {
		w.restart(start.Add(time.Duration(i)*time.Second), nil)
	}
	w.miss(start.Add(1500*time.Millisecond), "gone")
	var missing []string
	for _, part := range w.tallies {
		missing = append(missing, part.missing)
	}
	if want := []string{"", "gone", "gone", "gone"}; !slices.Equal(missing, want) {
		t.Errorf("%q, want %q", missing, want)
	}
}

// A fault that is shorter than the time of a request, than the time between two looks, or than a sum takes to rise, is judged all
// the same: by the requests that were due while it acted.
func TestAShortFaultIsJudged(t *testing.T) {
	for method, says := range map[string]string{
		"\nmethod: [{fault: bad, for: 400ms, rule: {proxy: stock, abort: 503}}]":                                       "4 of 4 requests failed",
		"\nmethod: [{fault: late, for: 2s, rule: {proxy: stock, delay: 1h}}]":                                          "20 of 20 requests failed",
		"\nmethod: [{pause: 2s}, {fault: bad, for: 100ms, rule: {proxy: stock, abort: 503}}]\nrecovery: {within: 20s}": "",
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab()
			r := run(t.Context(), t, l, method)
			if says == "" { // 1 of 21, which is within the limit
				want(t, r, Passed, Completed, 0, "")
				return
			}
			want(t, r, Deviated, Completed, 1, "while faults acted: errors: "+says+", more than 10%")
			if r.Recovery.Took == nil {
				t.Errorf("recovery %+v", r.Recovery)
			}
		})
	}
}

// What hangs is no part of the answers, and no sign of health: neither before nor behind a fault.
func TestWhatIsNotAnsweredIsNotHealthy(t *testing.T) {
	for name, test := range map[string]struct {
		from    time.Duration
		verdict Verdict
		reason  string
	}{
		"before": {0, Inconclusive, "not in its steady state before anything was touched: errors: "},
		"behind": {15 * time.Second, Deviated, "metastable: not healthy again within 4s of the last fault's end: errors: "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, start, n := newLab(), time.Now(), 0
				l.client = func(ctx context.Context, _ send) error {
					l.mu.Lock()
					n++
					stuck := n%2 == 0 && time.Since(start) >= test.from
					l.mu.Unlock()
					if stuck {
						<-ctx.Done()
					}
					return ctx.Err()
				}
				r := run(t.Context(), t, l, "\nload:\n  main: {url: 'http://shop/', rate: 10/s, warmup: 4950ms, timeout: 6s}\n"+slow+"\nrecovery: {within: 4s}")
				if r.Verdict != test.verdict || len(r.Reasons) == 0 || !strings.HasPrefix(r.Reasons[0], test.reason) {
					t.Errorf("%s, %q", r.Verdict, r.Reasons)
				}
			})
		})
	}
}

// A check that asks something is judged by what it asked while a fault acted, however late the answer is; one that was never made
// shows nothing.
func TestAProbeThatHangsIsNoPass(t *testing.T) {
	const probes = `
steady_state: {every: 500ms, checks: [{name: up, http: {url: "http://shop/", timeout: 5s}, tolerance: 200}]}
`
	for name, test := range map[string]struct {
		length  string
		verdict Verdict
		reason  string
	}{
		"hangs":  {"2s", Deviated, "while faults acted: up: "},
		"unmade": {"300ms", Inconclusive, "up: it was not made while faults acted, which is every 500ms"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t.Context(), t, newLab(), probes+"method: [{fault: late, for: "+test.length+", rule: {proxy: stock, delay: 1h}}]")
				if r.Verdict != test.verdict || !slices.ContainsFunc(r.Reasons, func(why string) bool { return strings.HasPrefix(why, test.reason) }) {
					t.Errorf("%s, %q", r.Verdict, r.Reasons)
				}
			})
		})
		t.Run(name+" in a search", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t.Context(), t, newLab(), probes+"search: {vary: rule.attributes.latency, rule: {proxy: stock, delay: 0ms}, range: [0ms, 1h], resolution: 30m, for: "+test.length+"}\nsafety: {max_duration: 10m}")
				switch {
				case name == "unmade":
					want(t, r, Inconclusive, Completed, 3, "trial 1, 0s: up was not made in it, which is every 500ms")
				case len(r.Search.Trials) < 2 || !r.Search.Trials[0].Good || r.Search.Trials[1].Good:
					t.Errorf("%s, %q: %+v", r.Verdict, r.Reasons, r.Search.Trials)
				}
			})
		})
	}
}
