package runner

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/faults"
)

// run runs an experiment against a lab, and holds what is true of every run: no fault is left.
func run(ctx context.Context, t *testing.T, l *lab, more string) *Result {
	t.Helper()
	r := Runner{Experiment: experiment(t, more), RunID: "run", Targets: map[string]Target{"": l}, Transport: l}
	result := r.Run(ctx)
	if l.acts() && !l.cut {
		t.Error("a fault is left")
	}
	return result
}

// want holds a result against a verdict, a state, an exit code and the beginning of the first reason; "" = none.
func want(t *testing.T, r *Result, v Verdict, s State, code int, reason string) {
	t.Helper()
	first := ""
	if len(r.Reasons) > 0 {
		first = r.Reasons[0]
	}
	if r.Verdict != v || r.State != s || r.ExitCode() != code || !strings.HasPrefix(first, reason) || (reason == "") != (first == "") {
		t.Errorf("%s, %s, exit code %d, %q, want %s, %s, %d, %q", r.Verdict, r.State, r.ExitCode(), r.Reasons, v, s, code, reason)
	}
}

const (
	slow  = "\nmethod: [{fault: slow, for: 10s, rule: {proxy: stock, delay: 200ms}}]"
	abort = "\nmethod: [{fault: bad, for: 10s, rule: {proxy: stock, abort: 503}}]"
)

func TestASystemThatBearsTheFaultPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := newLab(), time.Now()
		l.handle = func(*faults.Rule) int { return 200 }
		r := run(t.Context(), t, l, slow+"\nexpect: [{hits: {fault: slow, min: 100}}]")
		want(t, r, Passed, Completed, 0, "")
		hits := uint64(100)
		step := StepResult{Name: "slow", Fault: "slow", Kind: "delay", Proxy: "stock", Began: start.Add(4950 * time.Millisecond), Ended: start.Add(14950 * time.Millisecond), Hits: &hits}
		if diff := cmp.Diff([]StepResult{step}, r.Steps); diff != "" {
			t.Error(diff)
		}
		if took := 500 * time.Millisecond; r.Recovery.Took == nil || *r.Recovery.Took != took || !r.Recovery.FaultEnded.Equal(step.Ended) {
			t.Errorf("recovery %+v, want it after %v", r.Recovery, took)
		}
		// Warmup, method, three windows of recovery, and as long as the warmup again. A request that is due at the very end is waited for.
		if length := r.Ended.Sub(start); length != 21400*time.Millisecond && length != 21410*time.Millisecond {
			t.Errorf("the run took %v", length)
		}
		during := r.Loads[0].Phases[1]
		if during.Phase != "during" || during.Requests != 100 || during.P50 < 200*time.Millisecond || during.Errors != 0 {
			t.Errorf("figures %+v", during)
		}
		if diff := cmp.Diff([]string{"PUT /admin/faults/rules/slow", "DELETE /admin/leases/run.1"}, l.asked); diff != "" {
			t.Error(diff)
		}
	})
}

func TestASystemThatDoesNotBearItDeviates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t.Context(), t, newLab(), abort)
		want(t, r, Deviated, Completed, 1, "while faults acted: errors: ")
		if r.Recovery.Took == nil || r.Recovery.Metastable {
			t.Errorf("recovery %+v", r.Recovery)
		}
	})
}

// At a limit of 10 % the sum is at its threshold with the 12th bad request: 5 s of warmup, and 11 tenths.
func TestACheckThatAbortsEndsTheFaultAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := newLab(), time.Now()
		r := run(t.Context(), t, l, abort+"\nsafety: {abort_on: [errors]}")
		want(t, r, Aborted, Completed, 2, "errors: 12 of 12 requests failed, more than 10%")
		if ended := r.Steps[0].Ended.Sub(start); ended != 6100*time.Millisecond {
			t.Errorf("the fault ended after %v", ended)
		}
	})
}

func TestAFaultThatHitsTooLittleShowsNothing(t *testing.T) {
	for _, test := range []struct {
		more   string
		spare  uint64
		reason string
	}{
		{slow + "\nexpect: [{hits: {fault: slow, min: 101}}]", 0, "expected hits of slow: 101 at least: inconclusive: it hit 100 exchanges"},
		{slow, 7, "slow: a limit of the rule spared 7 exchanges"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab()
			l.handle = func(*faults.Rule) int {
				l.mu.Lock()
				defer l.mu.Unlock()
				for _, f := range l.rules {
					f.spare = test.spare
				}
				return 200
			}
			want(t, run(t.Context(), t, l, test.more), Inconclusive, Completed, 3, test.reason)
		})
	}
}

func TestARuleThatMatchesNothingIsInconclusive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.handle = func(*faults.Rule) int {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, f := range l.rules {
				f.hits = 0
			}
			return 200
		}
		want(t, run(t.Context(), t, l, abort), Inconclusive, Completed, 3, "bad: it hit nothing")
	})
}

func TestAnUnhealthySystemIsNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.handle = func(*faults.Rule) int { return 500 }
		want(t, run(t.Context(), t, l, slow), Inconclusive, Completed, 3, "not in its steady state before anything was touched: errors: ")
		if len(l.asked) > 0 {
			t.Errorf("asked for %q", l.asked)
		}
	})
}

// What is over its limit before anything is touched is so in few requests, too: a sum over them would have no time to rise.
func TestASystemThatIsALittleUnhealthyIsNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := newLab(), 0
		l.handle = func(*faults.Rule) int {
			l.mu.Lock()
			defer l.mu.Unlock()
			if n++; n%5 == 0 {
				return 500
			}
			return 200
		}
		want(t, run(t.Context(), t, l, slow), Inconclusive, Completed, 3, "not in its steady state before anything was touched: errors: ")
		if len(l.asked) > 0 {
			t.Errorf("asked for %q", l.asked)
		}
	})
}

// A system that stays broken though nothing is done to it any more.
func TestAMetastableFailureIsNamed(t *testing.T) {
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
		r := run(t.Context(), t, l, abort+"\nrecovery: {within: 4s}")
		want(t, r, Deviated, Completed, 1, "metastable: not healthy again within 4s of the last fault's end: errors: ")
		if !r.Recovery.Metastable || r.Recovery.Took != nil {
			t.Errorf("recovery %+v", r.Recovery)
		}
	})
}

// A system that needs three seconds more is timed.
func TestRecoveryIsTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := newLab(), time.Now()
		l.handle = func(*faults.Rule) int {
			if since := time.Since(start); since >= 5*time.Second && since < 18*time.Second {
				return 503
			}
			return 200
		}
		r := run(t.Context(), t, l, slow)
		if took := 3500 * time.Millisecond; r.Recovery.Took == nil || *r.Recovery.Took != took {
			t.Errorf("recovery %+v, want it after %v", r.Recovery, took)
		}
	})
}

func TestASignalEndsTheRunAndItsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		start := time.Now()
		r := run(ctx, t, newLab(), slow+"\nrollbacks: [{http: {url: 'http://shop/restore'}}]")
		want(t, r, Aborted, Interrupted, 2, "interrupted by a signal")
		if ended := r.Steps[0].Ended.Sub(start); ended != 8*time.Second || r.Steps[0].Error != "" {
			t.Errorf("the fault ended after %v, %+v", ended, r.Steps[0])
		}
		if len(r.Steps) != 2 || r.Steps[1].Name != "GET http://shop/restore" {
			t.Errorf("the rollback was not made: %+v", r.Steps)
		}
	})
}

func TestWhatElseStopsARun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stop")
	for name, test := range map[string]struct {
		more   string
		after  func(l *lab)
		state  State
		reason string
	}{
		"the stop lever": {slow, func(l *lab) { l.halted = true }, Halted, "the stop lever was pulled"},
		"the stop file": {slow + "\nsafety: {stop_file: " + file + "}", func(*lab) {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Error(err)
			}
		}, Halted, "the stop file " + file + " is there"},
		"the time": {
			"\nmethod: [{pause: 10s}, {process: {path: sleep, args: ['0']}}]\nsafety: {max_duration: 11s}", func(l *lab) {},
			Completed, "it took longer than max_duration, 11s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab()
				l.handle = func(*faults.Rule) int { return 200 }
				time.AfterFunc(7*time.Second, func() {
					l.mu.Lock()
					defer l.mu.Unlock()
					test.after(l)
				})
				want(t, run(t.Context(), t, l, test.more), Aborted, test.state, 2, test.reason)
			})
		})
	}
}

// Once nobody hears the runner any more, the lease ends the fault, and the runner says so.
func TestASquallThatIsCutOffEndsTheFaultByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := newLab(), time.Now()
		l.handle = func(*faults.Rule) int { return 200 }
		time.AfterFunc(7*time.Second, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.cut = true
		})
		r := run(t.Context(), t, l, "\nmethod: [{fault: slow, for: 60s, rule: {proxy: stock, delay: 200ms}}]\nsafety: {lease: 3s}")
		if r.State != Failed || r.ExitCode() != 5 {
			t.Errorf("%s, %s, %q", r.Verdict, r.State, r.Reasons)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if until := l.leases["run.1"].until.Sub(start); until < 7*time.Second || until > 10*time.Second {
			t.Errorf("the fault held until %v, want at most a lease longer than the cut", until)
		}
	})
}

func TestWhatASquallRefusesIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.refuse["PUT /admin/faults/rules/bad"] = "policy: abort is denied"
		r := run(t.Context(), t, l, abort)
		want(t, r, Invalid, Failed, 4, "bad: policy: abort is denied")
		l = newLab()
		l.halted = true
		want(t, run(t.Context(), t, l, abort), Invalid, Halted, 4, "the stop lever is pulled")
		l = newLab()
		l.cut = true
		want(t, run(t.Context(), t, l, abort), Inconclusive, Failed, 5, "a squall cannot be asked: connection refused")
		if len(l.asked) > 0 {
			t.Errorf("asked for %q", l.asked)
		}
	})
}

func TestStepsOfEveryKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := newLab(), time.Now()
		l.handle = func(*faults.Rule) int { return 200 }
		r := run(t.Context(), t, l, `
method:
  - {fault: climbing, for: 4s, ramp: [1, 10, 50, 100], rule: {proxy: stock, abort: 503}}
  - {pause: 2s}
  - parallel:
      - {fault: slow, for: 6s, rule: {proxy: stock, delay: 100ms}}
      - {mode: failure, proxy: stock, for: 3s}
  - {toxic: {proxy: redis, type: bandwidth, attributes: {rate: 10}}, for: 2s}
  - {http: {url: "http://shop/"}, tolerance: 200}
`)
		want(t, r, Passed, Completed, 0, "")
		var took []string
		for _, s := range r.Steps {
			took = append(took, s.Name+" "+s.Began.Sub(start).String()+" "+s.Ended.Sub(start).String())
		}
		wantSteps := []string{
			"climbing 4.95s 8.95s", "pause 2s 8.95s 10.95s", "mode failure 10.95s 13.95s", "slow 10.95s 16.95s",
			"bandwidth_downstream 16.95s 18.95s", "GET http://shop/ 18.95s 18.95s",
		}
		if diff := cmp.Diff(wantSteps, took); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{`{"percent":1}`, `{"percent":10}`, `{"percent":50}`, `{"percent":100}`}, l.percent); diff != "" {
			t.Error(diff)
		}
		ended := slices.DeleteFunc(slices.Clone(l.asked), func(a string) bool { return !strings.HasPrefix(a, "DELETE") })
		if len(ended) != 4 {
			t.Errorf("%d leases were ended: %q", len(ended), ended)
		}
	})
}

func TestAStepThatCannotBeDoneFailsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t.Context(), t, newLab(), "\nmethod: [{http: {url: 'http://shop/'}, tolerance: 404}, {pause: 1s}]")
		want(t, r, Inconclusive, Failed, 5, "want 404, got 200")
		if len(r.Steps) != 1 {
			t.Errorf("the steps behind it were done: %+v", r.Steps)
		}
	})
}
