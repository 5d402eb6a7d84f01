package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/experiments"
	"github.com/squall-proxy/squall/faults"
)

// The pause behind the last fault is a part of the recovery.
func TestRecoveryIsTimedFromTheLastFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := newLab(), time.Now()
		l.handle = func(*faults.Rule) int { // well again 1.2 s behind the end of the fault, at 14.95 s
			if since := time.Since(start); since >= 5*time.Second && since < 16150*time.Millisecond {
				return 503
			}
			return 200
		}
		r := run(t.Context(), t, l, "\nmethod: [{fault: slow, for: 10s, rule: {proxy: stock, delay: 1ms}}, {pause: 20s}, {http: {url: 'http://shop/'}}]")
		if took := 2 * time.Second; r.Recovery.Took == nil || *r.Recovery.Took != took || !r.Recovery.FaultEnded.Equal(r.Steps[0].Ended) {
			t.Errorf("recovery %+v, want it after %v", r.Recovery, took)
		}
		// The steps behind the fault were done all the same, and the checks of the end came behind them.
		last := r.Checks[len(r.Checks)-1]
		if len(r.Steps) != 3 || last.Phase != "after" || last.At.Sub(start) < 34950*time.Millisecond {
			t.Errorf("steps %+v, the last check %+v", r.Steps, last)
		}
	})
}

// A step beside the last fault that takes longer than the recovery may is no metastable failure.
func TestARecoveryThatIsLookedAtLateIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.client = func(ctx context.Context, send send) error {
			if until, _ := ctx.Deadline(); time.Until(until) > 10*time.Second { // the step's, not the load's
				time.Sleep(20 * time.Second)
			}
			return send(ctx)
		}
		r := run(t.Context(), t, l, `
method:
  - parallel:
      - {fault: slow, for: 2s, rule: {proxy: stock, delay: 1ms}}
      - {http: {url: "http://shop/", timeout: 60s}}
recovery: {within: 1s}
`)
		want(t, r, Passed, Completed, 0, "")
		if took := 18 * time.Second; r.Recovery.Took == nil || *r.Recovery.Took < took {
			t.Errorf("recovery %+v, want it after %v", r.Recovery, took)
		}
	})
}

// Whatever stops a run is heard in every phase, and the rollbacks are made once something was done.
func TestARunIsStoppedInEveryPhase(t *testing.T) {
	dir := t.TempDir()
	for phase, at := range map[string]time.Duration{"before": 2 * time.Second, "during": 8 * time.Second, "recovery": 16 * time.Second, "trial": 8 * time.Second} {
		for _, by := range []string{"signal", "lever", "file"} {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(dir, phase+by)
				ctx, signal := context.WithCancel(t.Context())
				defer signal()
				l, start := newLab(), time.Now()
				l.handle = func(*faults.Rule) int {
					if phase == "recovery" && time.Since(start) > 6*time.Second {
						return 503
					}
					return 200
				}
				time.AfterFunc(at, func() {
					l.mu.Lock()
					defer l.mu.Unlock()
					switch by {
					case "signal":
						signal()
					case "lever":
						l.halted = true
					case "file":
						if err := os.WriteFile(file, nil, 0o600); err != nil {
							t.Error(err)
						}
					}
				})
				text := slow
				if phase == "trial" {
					text = searching
				}
				r := run(ctx, t, l, text+"\nsafety: {stop_file: "+file+"}\nrollbacks: [{http: {url: 'http://shop/1'}}, {http: {url: 'http://shop/2'}}]")
				state := map[string]State{"signal": Interrupted, "lever": Halted, "file": Halted}[by]
				if r.Verdict != Aborted || r.State != state || len(r.Reasons) == 0 {
					t.Errorf("%s by %s: %s, %s, %q", phase, by, r.Verdict, r.State, r.Reasons)
				}
				if late := r.Ended.Sub(start) - at; late > guardEvery+3*time.Second { // of which 3 s are the timeout of a request
					t.Errorf("%s by %s: it went on for %v", phase, by, late)
				}
				var rolled []string
				for _, s := range r.Steps {
					if strings.HasPrefix(s.Name, "GET ") {
						rolled = append(rolled, s.Name)
					}
				}
				wanted := []string{"GET http://shop/2", "GET http://shop/1"} // the last one first
				if phase == "before" {
					wanted = nil
				}
				if !slices.Equal(rolled, wanted) {
					t.Errorf("%s by %s: rolled back by %q", phase, by, rolled)
				}
			})
		}
	}
}

func TestAStopFileThatIsThereAlready(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stop")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		want(t, run(t.Context(), t, l, slow+"\nsafety: {stop_file: "+file+"}"), Aborted, Halted, 2, "the stop file ")
		if len(l.asked) > 0 {
			t.Errorf("asked for %q", l.asked)
		}
	})
}

// An aborted run's recovery is timed, too: the abort decides, and what follows is told behind it.
func TestTheRecoveryOfAnAbortedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, broken := newLab(), false
		l.handle = func(hit *faults.Rule) int {
			l.mu.Lock()
			defer l.mu.Unlock()
			if broken = broken || hit != nil; broken {
				return 503
			}
			return 200
		}
		r := run(t.Context(), t, l, abort+"\nsafety: {abort_on: [errors]}\nrecovery: {within: 4s}")
		want(t, r, Aborted, Completed, 2, "errors: 12 of 12 requests failed")
		if !r.Recovery.Metastable || len(r.Reasons) != 2 {
			t.Errorf("recovery %+v, %q", r.Recovery, r.Reasons)
		}
	})
}

// A load that cannot be made says so, in the result and as an event.
func TestALoadThatIsTheBottleneckSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.handle = func(*faults.Rule) int { time.Sleep(2 * time.Second); return 200 }
		var told []string
		r := Runner{
			Experiment: experiment(t, `
load:
  main: {url: "http://shop/", rate: 40000/s, warmup: 100ms, timeout: 3s}
steady_state: {every: 10ms, checks: [{name: errors, load: main, max_error: 10%, mode: during}]}
method: [{pause: 100ms}]
recovery: {within: 3s}
`), RunID: "run", Targets: map[string]Target{"": l}, Transport: l,
			Tell: func(e Event) {
				if e.What == "load" && e.Why != "" {
					told = append(told, e.Name+": "+e.Why)
				}
			},
		}
		result := r.Run(t.Context())
		const says = "the load itself could not keep up: of "
		if got := result.Loads[0]; !strings.HasPrefix(got.Warning, says) || got.Effort.Dropped == 0 {
			t.Errorf("%+v", got)
		}
		if len(told) != 1 || !strings.HasPrefix(told[0], "main: "+says) {
			t.Errorf("told %q", told)
		}
	})
}

// Each check that made a run deviate leaves an experiment that is sound, and repeats what led to it and no more.
func TestAFailedCheckLeavesItsReplay(t *testing.T) {
	const text = `
configuration: {token: {type: env, key: TOKEN, default: none}}
load:
  main: {url: "http://shop/", rate: 10/s, warmup: 4950ms, timeout: 3s, headers: {Authorization: "${token}"}}
steady_state: {checks: [{name: late, load: main, over: 1s, max_share: 1%}, {name: errors, load: main, max_error: 10%}]}
method:
  - {fault: slow, for: 5s, rule: {proxy: stock, delay: 1ms}}
  - {fault: bad, for: 5s, rule: {proxy: stock, abort: 503}}
  - {fault: more, for: 5s, rule: {proxy: stock, delay: 1ms}}
expect: [{hits: {fault: more, min: 1}}]
recovery: {within: 5s, checks: [errors, late]}
safety: {abort_on: [late]}
report: {json: run.json}
`
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.handle = func(hit *faults.Rule) int {
			if hit != nil && hit.Kind == "abort" {
				return 503
			}
			return 200
		}
		e, err := experiments.Parse("x", []byte("version: v1\ntitle: a test\n"+text), experiments.Run{Getenv: func(string) string { return "secret" }})
		if err != nil {
			t.Fatal(err)
		}
		kept := map[string]string{}
		r := Runner{Experiment: e, RunID: "run", Targets: map[string]Target{"": l}, Transport: l, SaveReplay: func(check string, text []byte) (string, error) {
			kept[check] = string(text)
			return "/there/" + check, nil
		}}
		result := r.Run(t.Context())
		if result.Verdict != Deviated || len(kept) != 1 || !slices.Equal(result.Replays, []Replay{{Check: "errors", Path: "/there/errors"}}) {
			t.Fatalf("%s, %q, %+v", result.Verdict, result.Reasons, result.Replays)
		}
		again, err := experiments.Parse("replay", []byte(kept["errors"]), experiments.Run{Getenv: func(string) string { return "" }})
		if err != nil {
			t.Fatalf("%v in %s", err, kept["errors"])
		}
		if strings.Contains(kept["errors"], "secret") || len(again.Method) != 2 || len(again.SteadyState.Checks) != 1 || len(again.Expect) != 0 {
			t.Errorf("the replay is %s", kept["errors"])
		}
		r = Runner{Experiment: again, RunID: "again", Targets: map[string]Target{"": l}, Transport: l, SaveReplay: func(string, []byte) (string, error) {
			return "", errors.New("no room")
		}}
		result = r.Run(t.Context())
		want(t, result, Deviated, Completed, 1, "while faults acted: errors: ")
		if len(result.Replays) != 1 || result.Replays[0].Error != "no room" {
			t.Errorf("%+v", result.Replays)
		}
	})
}
