package runner

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// external is the traffic through the proxy stock as a load.
const external = `
load:
  there: {external: true, proxy: stock, warmup: 2s}
steady_state: {every: 200ms, checks: [{name: errors, load: there, max_error: 10%}]}
recovery: {within: 5s}
`

// users send so many requests a second through the proxy of a lab until ctx is done.
func users(ctx context.Context, l *lab, pause time.Duration, done *sync.WaitGroup) {
	defer done.Done()
	u := &url.URL{Scheme: "http", Host: "stock", Path: "/"}
	for wait.For(ctx, pause) == nil {
		reply, err := l.tap.RoundTrip((&http.Request{URL: u, Method: http.MethodGet}).WithContext(context.WithoutCancel(ctx)))
		if err == nil {
			_ = reply.Body.Close()
		}
	}
}

// watched runs an experiment beside users, who are there for a time; 0 = all of it.
func watched(t *testing.T, l *lab, stay time.Duration, more string) *Result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	if stay > 0 {
		time.AfterFunc(stay, cancel)
	}
	var there sync.WaitGroup
	there.Add(1)
	go users(ctx, l, 20*time.Millisecond, &there)
	r := run(t.Context(), t, l, external+more)
	cancel()
	there.Wait()
	return r
}

func TestTheTrafficThatIsThereIsJudged(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Hour} {
		for _, test := range []struct {
			method string
			want   Verdict
			reason string
		}{
			{"method: [{fault: slow, for: 3s, rule: {proxy: stock, delay: 50ms}}]", Passed, ""},
			{"method: [{fault: bad, for: 3s, rule: {proxy: stock, abort: 503}}]", Deviated, "while faults acted: errors: "},
		} {
			synctest.Test(t, func(t *testing.T) {
				l := newLab()
				l.ahead = ahead
				r := watched(t, l, 0, test.method)
				want(t, r, test.want, Completed, map[Verdict]int{Passed: 0, Deviated: 1}[test.want], test.reason)
				phases := r.Loads[0].Phases
				during := phases[1]
				if during.Phase != "during" || during.Requests < 40 || during.Requests > 145 || (during.Errors >= during.Requests-1) != (test.want == Deviated) {
					t.Errorf("figures %+v", during)
				}
				if r.Recovery.Took == nil {
					t.Errorf("recovery %+v", r.Recovery)
				}
			})
		}
	}
}

// A check that ends a method does so by what others see, too.
func TestTheTrafficThatIsThereAborts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		r := watched(t, l, 0, "method: [{fault: bad, for: 60s, rule: {proxy: stock, abort: 503}}]\nsafety: {abort_on: [errors]}")
		want(t, r, Aborted, Completed, 2, "errors: 12 of 1")
		if took := r.Steps[0].Ended.Sub(r.Steps[0].Began); took > time.Second {
			t.Errorf("the fault was there for %v", took)
		}
	})
}

// What was not seen is said, and no check passes by what is left.
func TestAGapInTheTrafficIsInconclusive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab()
		time.AfterFunc(3*time.Second, func() { l.forget.Store(uint64(len(l.tap.Records().Exchanges)) + 50) })
		r := watched(t, l, 0, "method: [{fault: slow, for: 3s, rule: {proxy: stock, delay: 50ms}}]")
		want(t, r, Inconclusive, Completed, 3, "errors, during: exchanges were missed")
		if r.Loads[0].Warning == "" {
			t.Error("the load has no warning")
		}
	})
}

// Users who have gone are no sign of a system that is broken, and none of one that is well.
func TestNoTrafficIsNoVerdict(t *testing.T) {
	for stay, reason := range map[time.Duration]string{
		time.Millisecond:         "not in its steady state before anything was touched: errors: no request has been answered",
		1900 * time.Millisecond:  "nobody knows whether it was healthy again within 5s of the last fault's end: errors: no request was answered in time",
		4500 * time.Millisecond:  "nobody knows whether it was healthy again",
		59000 * time.Millisecond: "",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := watched(t, newLab(), stay, "method: [{fault: slow, for: 3s, rule: {proxy: stock, delay: 50ms}}]")
			if reason == "" {
				want(t, r, Passed, Completed, 0, "")
			} else {
				want(t, r, Inconclusive, Completed, 3, reason)
			}
		})
	}
}

func TestWhatCountsAsAFailureOfAnExchange(t *testing.T) {
	for x, good := range map[seenExchange]bool{
		{Status: 200, Outcome: "ok"}:                              true,
		{Status: 200, Outcome: "ok", ClosedBy: "client"}:          true,
		{Status: 200, Outcome: "injected"}:                        true, // degraded, but whole
		{Status: 200, Outcome: "injected", ClosedBy: "proxy"}:     false,
		{Status: 200, Outcome: "client_left", ClosedBy: "client"}: false,
		{Status: 200, Outcome: "real_error", ClosedBy: "proxy"}:   false,
		{Status: 0, Outcome: "injected", ClosedBy: "proxy"}:       false,
		{Status: 404, Outcome: "ok"}:                              false,
		{Status: 503, Outcome: "injected"}:                        false,
	} {
		if (x.failure() == nil) != good {
			t.Errorf("%+v: %v", x, x.failure())
		}
	}
}
