package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// send is how a client sends a request.
type send = func(context.Context) error

// retrying tries again so many times, after a pause.
func retrying(times int, pause time.Duration) func(context.Context, send) error {
	return func(ctx context.Context, send send) error {
		err := send(ctx)
		for i := 0; err != nil && i < times; i++ {
			if err := wait.For(ctx, pause); err != nil {
				return err
			}
			err = send(ctx)
		}
		return err
	}
}

// impatient gives up after a time.
func impatient(most time.Duration) func(context.Context, send) error {
	return func(ctx context.Context, send send) error {
		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		return send(ctx)
	}
}

// breaking sends nothing for a time after a failure.
func breaking(open time.Duration) func(context.Context, send) error {
	until := time.Time{}
	return func(ctx context.Context, send send) error {
		if time.Now().Before(until) {
			return errors.New("open")
		}
		err := send(ctx)
		if err != nil {
			until = time.Now().Add(open)
		}
		return err
	}
}

// bearing is a system of which the client's callers see no failure, with a load of 20 requests a second.
const bearing = `
load:
  main: {url: "http://shop/", rate: 20/s, warmup: 5975ms, timeout: 20s}
steady_state: {checks: [{name: alive, load: main, over: 19s, max_share: 5%}]}
recovery: {within: 60s}
`

const (
	outage  = "method: [{fault: bad, for: 10s, rule: {proxy: stock, abort: 503}}]\n"
	silence = "method: [{fault: late, for: 10s, rule: {proxy: stock, delay: 5s}}]\n"
)

func TestExpectationsAreJudgedByTheRecords(t *testing.T) {
	for _, test := range []struct {
		name   string
		client func(context.Context, send) error
		method string
		expect string
		want   Verdict
		says   string
	}{
		{"retries within the bound", retrying(2, 50*time.Millisecond), outage, "bounded_retries: {proxy: stock, max: 2}", Passed, "no call was repeated more than 2 times"},
		{"retries beyond it", retrying(3, 50*time.Millisecond), outage, "bounded_retries: {proxy: stock, max: 2}", Deviated, "a call was repeated 3 times"},
		{"no retry", retrying(0, 0), outage, "bounded_retries: {proxy: stock, max: 0}", Passed, "no call was repeated more than 0 times"},
		{"retries that nothing calls for", retrying(3, 50*time.Millisecond), silence, "bounded_retries: {proxy: stock, max: 2}", Inconclusive, "calls that failed to the end: 0 seen"},
		{"another proxy", retrying(3, 0), "method: [{fault: bad, for: 10s, rule: {proxy: other, abort: 503}}]\n", "bounded_retries: {proxy: stock, max: 2}", Inconclusive, "nothing was done to that proxy"},

		{"a timeout", impatient(300 * time.Millisecond), silence, "timeout: {proxy: stock, within: 350ms}", Passed, "it waited for 300ms at silence"},
		{"a timeout that is too long", impatient(400 * time.Millisecond), silence, "timeout: {proxy: stock, within: 350ms}", Deviated, "it waited for 350ms or longer at silence"},
		{"no timeout", retrying(0, 0), silence, "timeout: {proxy: stock, within: 350ms}", Deviated, "it waited for 350ms or longer"},
		{"a timeout that nothing tries", impatient(300 * time.Millisecond), outage, "timeout: {proxy: stock, within: 350ms}", Inconclusive, "no fault kept"},

		{"a breaker", breaking(2 * time.Second), outage, "breaker: {proxy: stock, opens: true}", Passed, "of the load is left"},
		{"a breaker that closes", breaking(2 * time.Second), outage, "breaker: {proxy: stock, opens: true, closes_within: 5s}", Passed, "the load was back"},
		{"a breaker that closes late", breaking(9 * time.Second), outage, "breaker: {proxy: stock, opens: true, closes_within: 5s}", Deviated, "the load was not back 7"},
		{"a breaker that closes when the run would be over", breaking(9 * time.Second), outage, "breaker: {proxy: stock, opens: true, closes_within: 12s}", Passed, "the load was back 8"},
		{"a breaker that stays open", breaking(time.Hour), outage, "breaker: {proxy: stock, opens: true, closes_within: 5s}", Deviated, "the load was not back 7"},
		{"no breaker", retrying(0, 0), outage, "breaker: {proxy: stock, opens: true, closes_within: 5s}", Deviated, "nothing opens"},
		{"a breaker that should not be", breaking(2 * time.Second), outage, "breaker: {proxy: stock, opens: false}", Deviated, "of the load is left"},
		{"none, as should be", retrying(0, 0), outage, "breaker: {proxy: stock, opens: false}", Passed, "nothing opens"},
		{"no outage", retrying(0, 0), silence, "breaker: {proxy: stock, opens: true}", Inconclusive, "nothing failed all the time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab()
				l.client = test.client
				r := run(t.Context(), t, l, bearing+test.method+"expect: [{"+test.expect+"}]")
				if len(r.Expectations) != 1 {
					t.Fatalf("%d expectations were judged: %s, %q", len(r.Expectations), r.Verdict, r.Reasons)
				}
				e := r.Expectations[0]
				if e.Outcome != test.want || !strings.Contains(e.Says, test.says) || r.Verdict != test.want {
					t.Errorf("%s: %s, %s, %q, want %s, %q", e.Name, r.Verdict, e.Outcome, e.Says, test.want, test.says)
				}
				if e.Outcome != Inconclusive && len(e.Figures) == 0 {
					t.Errorf("without figures: %+v", e)
				}
			})
		})
	}
}

// Calls of before the run do not count, whatever the squall's clock says.
func TestOnlyTheRunsOwnExchangesCount(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab()
			l.ahead = ahead
			never := http.Request{URL: &url.URL{Scheme: "http", Host: "stock", Path: "/never"}, Method: http.MethodGet}
			l.rules["x"], l.leases["x"] = &inForce{lease: "x"}, &leased{until: time.Now().Add(time.Second)}
			for range 20 { // the same request, all of which failed
				_, _ = l.tap.RoundTrip(never.WithContext(t.Context()))
			}
			delete(l.rules, "x")
			time.Sleep(time.Second)
			l.client = retrying(1, 50*time.Millisecond)
			r := run(t.Context(), t, l, bearing+outage+"expect: [{bounded_retries: {proxy: stock, max: 1}}]")
			want(t, r, Passed, Completed, 0, "")
		})
	}
}

// What is forgotten might have said otherwise; what is seen to be wrong stays wrong.
func TestForgottenExchangesAreNoPass(t *testing.T) {
	for retries, verdict := range map[int]Verdict{2: Inconclusive, 3: Deviated} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab()
			l.client = retrying(retries, 50*time.Millisecond)
			l.forget.Store(1)
			r := run(t.Context(), t, l, bearing+outage+"expect: [{bounded_retries: {proxy: stock, max: 2}}]")
			if r.Verdict != verdict {
				t.Errorf("%d retries: %s, %q, want %s", retries, r.Verdict, r.Reasons, verdict)
			}
		})
	}
}

// Where a call that breaks the bound is known, another expectation that nobody can judge does not hide it.
func TestWhatIsBrokenComesBeforeWhatNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		l.client = retrying(3, 50*time.Millisecond)
		r := run(t.Context(), t, l, bearing+outage+`expect:
  - {timeout: {proxy: stock, within: 1s}}
  - {bounded_retries: {proxy: stock, max: 2}}
`)
		want(t, r, Deviated, Completed, 1, "expected bounded_retries of stock: 2 at most: a call was repeated 3 times")
		if got := fmt.Sprintf("%s %s %d", r.Expectations[0].Outcome, r.Expectations[1].Outcome, len(r.Reasons)); got != "inconclusive deviated 2" {
			t.Error(got)
		}
	})
}
