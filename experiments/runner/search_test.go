package runner

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// searching looks for the latency that a system does not bear.
const searching = `
steady_state: {every: 500ms, checks: [{name: errors, load: main, max_error: 10%}]}
search: {vary: rule.attributes.latency, rule: {proxy: stock, delay: 0ms}, range: [0ms, 2s], resolution: 10ms, for: 5s}
`

// breaksAt is a system that fails all that is later than a latency.
func breaksAt(l *lab, point time.Duration) {
	l.handle = func(hit *faults.Rule) int {
		if hit != nil && time.Duration(hit.Attributes.(*faults.Delay).Latency) > point {
			return 503
		}
		return 200
	}
}

func TestASearchFindsTheBreakingPoint(t *testing.T) {
	for seed := range uint64(20) {
		point := time.Duration(rand.New(rand.NewPCG(seed, 1)).Int64N(int64(1990 * time.Millisecond)))
		synctest.Test(t, func(t *testing.T) {
			l := newLab()
			breaksAt(l, point)
			r := run(t.Context(), t, l, searching)
			want(t, r, Passed, Completed, 0, "")
			s := r.Search
			if s.LastGood == nil || s.FirstBad == nil {
				t.Fatalf("%+v", s)
			}
			good, bad := time.Duration(s.LastGood.Value), time.Duration(s.FirstBad.Value)
			if good > point || bad <= point || bad-good != 10*time.Millisecond || len(s.Trials) > 10 {
				t.Errorf("seed %d: it breaks beyond %v, and was found between %v and %v in %d trials", seed, point, good, bad, len(s.Trials))
			}
			for i, trial := range s.Trials {
				isGood := time.Duration(trial.Level.Value) <= point
				if trial.Number != i+1 || trial.Good != isGood || (trial.Why == "") != isGood || trial.Recovered == nil || (trial.Hits == nil) != (trial.Level.Value == 0) {
					t.Errorf("trial %+v", trial)
				}
				if took := trial.Ended.Sub(trial.Began); isGood && took != 5*time.Second || took > 5*time.Second {
					t.Errorf("trial %d took %v", trial.Number, took)
				}
			}
		})
	}
}

// Where both ends say the same there is nothing to be found between them.
func TestASearchWithoutABreakingPoint(t *testing.T) {
	for _, test := range []struct {
		point  time.Duration
		trials int
		reason string
	}{
		{3 * time.Second, 2, "it is still good at 2s, the end of the range that should be bad"},
		{-1, 1, "it is bad already at 10ms, the end of the range that should be good"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab()
			breaksAt(l, test.point)
			r := run(t.Context(), t, l, `
steady_state: {every: 500ms, checks: [{name: errors, load: main, max_error: 10%}]}
search: {vary: rule.attributes.latency, rule: {proxy: stock, delay: 0ms}, range: [10ms, 2s], resolution: 10ms, for: 5s}
`)
			want(t, r, Inconclusive, Completed, 3, test.reason)
			if len(r.Search.Trials) != test.trials {
				t.Errorf("%+v", r.Search)
			}
		})
	}
}

// A value that few of the requests of a trial fail at, but more than are allowed, is bad, though the sum has not risen.
func TestATrialIsJudgedByItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := newLab(), 0
		l.handle = func(hit *faults.Rule) int {
			l.mu.Lock()
			defer l.mu.Unlock()
			if hit == nil {
				return 200
			}
			if n++; n%7 == 0 {
				return 503
			}
			return 200
		}
		r := run(t.Context(), t, l, searching)
		if len(r.Search.Trials) < 2 || r.Search.Trials[1].Good {
			t.Errorf("%+v", r.Search)
		}
	})
}

// What a trial does not hit, or what does not come back, is no answer.
func TestASearchThatShowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.misses = true
		want(t, run(t.Context(), t, l, searching), Inconclusive, Completed, 3, "trial 2, 2s: it hit nothing")
	})
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
		r := run(t.Context(), t, l, searching+"recovery: {within: 4s}")
		want(t, r, Deviated, Completed, 1, "metastable: ")
		if len(r.Search.Trials) != 2 || r.Search.Trials[1].Recovered != nil {
			t.Errorf("%+v", r.Search)
		}
	})
}

// What a squall refuses of either end is refused before anything is touched.
func TestASearchThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.refuse["PUT /admin/faults/rules/search"] = "policy: delay is denied"
		want(t, run(t.Context(), t, l, searching), Invalid, Failed, 4, "search: policy: delay is denied")
		if fmt.Sprint(l.asked) != "[]" {
			t.Errorf("asked for %q", l.asked)
		}
	})
}
