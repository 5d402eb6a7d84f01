package verdict_test

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/verdict"
	"github.com/squall-proxy/squall/verdict/verdicttest"
)

// retryTrials are about what a client does after a failure.
func retryTrials() []trial {
	return []trial{
		{
			id: "D1", lead: outage(12 * time.Second), after: 20 * time.Second,
			good: func(l *lab) call {
				c := l.broken(&breaker{})
				c.attempts, c.pause = 3, l.chance.backoff(time.Second)
				return c.get
			},
			bad: func(l *lab) call { return l.spared(client{attempts: 5}).get },
		},
		{
			id: "D2", rate: 3, lead: outage(5 * time.Second), after: 20 * time.Second,
			good: func(l *lab) call { return l.spared(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{attempts: 40, pause: fixed(200 * time.Millisecond)}).get },
		},
		{
			id: "D3", lead: outage(5 * time.Second), after: 20 * time.Second,
			good: func(l *lab) call { return l.spared(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{pause: fixed(0)}).get },
		},
		{
			id: "D3", variant: " too short", lead: outage(5 * time.Second), after: 20 * time.Second, want: verdict.Warn,
			good: func(l *lab) call { return l.client(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{pause: l.chance.backoff(30 * time.Millisecond)}).get },
		},
		{
			id: "D3", variant: " in one retry", lead: outage(5 * time.Second), after: 20 * time.Second,
			good: func(l *lab) call { return l.client(client{attempts: 2, pause: fixed(time.Second)}).get },
			bad:  func(l *lab) call { return l.client(client{attempts: 2}).get },
		},
		{
			id: "D4", lead: outage(5 * time.Second), after: 20 * time.Second, want: verdict.Warn,
			good: func(l *lab) call { return l.spared(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{pause: fixed(time.Second)}).get },
		},
		{
			id: "D5", lead: outage(5 * time.Second), after: 20 * time.Second,
			good: func(l *lab) call { return l.spared(client{pause: l.chance.backoff(time.Second)}).get },
			bad:  func(l *lab) call { return l.spared(client{pause: doubling(200 * time.Millisecond)}).get },
		},
		{
			id: "D6", burst: 30, lead: outage(5 * time.Second), after: 20 * time.Second,
			good: func(l *lab) call { return l.spared(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{pause: doubling(200 * time.Millisecond)}).get },
		},
		{
			id: "D7", lead: retryAfter(seconds(2)), after: 30 * time.Second,
			good: func(l *lab) call { return l.spared(client{pause: l.obeys}).get },
			bad:  func(l *lab) call { return l.spared(client{}).get },
		},
		{
			id: "D7", variant: " as a date", lead: retryAfter(date(4 * time.Second)), after: 30 * time.Second,
			good: func(l *lab) call { return l.spared(client{pause: l.obeys}).get },
			bad:  func(l *lab) call { return l.spared(client{}).get },
		},
		{
			id: "D8", lead: retryAfter(seconds(2)), after: 30 * time.Second, want: verdict.Warn,
			good: func(l *lab) call { return l.spared(client{pause: l.obeys}).get },
			bad: func(l *lab) call {
				return l.spared(client{pause: func(_ int, h http.Header) time.Duration { return asked(h) }}).get
			},
		},
		{
			id: "D10", lead: partly(422, 1, 5*time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.spared(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{again: func(status int) bool { return status >= 400 }}).get },
		},
		{
			id: "D11", lead: outage(5 * time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.spared(client{key: perCall}).post },
			bad:  func(l *lab) call { return l.spared(client{}).post },
		},
		{
			id: "D11", variant: " with another key", lead: outage(5 * time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.client(client{}).post },
			bad: func(l *lab) call {
				return l.spared(client{key: func(i, n int) string { return fmt.Sprintf("%d-%d", i, n) }}).post
			},
		},
		{
			id: "D11", variant: " with a key for two", lead: outage(5 * time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.spared(client{key: perCall}).post },
			bad: func(l *lab) call {
				return l.client(client{key: func(i, _ int) string { return strconv.Itoa(i / 2) }}).post
			},
		},
		{
			id: "D12", lead: outage(5 * time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.spared(client{key: perCall}).post },
			bad:  func(l *lab) call { return l.spared(client{key: perCall, spentBody: true}).post },
		},
		{
			id: "D22", rate: 50, lead: partly(503, 0.5, 30*time.Second), after: 10 * time.Second, want: verdict.Warn,
			good: func(l *lab) call { return l.spared(client{budget: &budget{}}).get },
			bad:  func(l *lab) call { return l.client(client{attempts: 2, pause: l.chance.backoff(time.Second)}).get },
		},
		{
			id: "D22", variant: " at all", rate: 50, lead: partly(503, 0.5, 30*time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.client(client{}).get },
			bad:  func(l *lab) call { return l.spared(client{attempts: 6}).get },
		},
	}
}

func perCall(i, _ int) string { return fmt.Sprintf("order-%d", i) }

// obeys waits as long as it is asked to, and then a little more, each time another one.
func (l *lab) obeys(_ int, h http.Header) time.Duration {
	pause := asked(h)
	return pause + l.chance.between(0, max(pause/2, 500*time.Millisecond))
}

// seconds and date are the forms of Retry-After.
func seconds(n int) func() string { return func() string { return strconv.Itoa(n) } }

func date(in time.Duration) func() string {
	return func() string { return time.Now().Add(in).UTC().Format(http.TimeFormat) }
}

// retryAfter refuses everything for a time, and asks for a pause.
func retryAfter(field func() string) func(*lab) {
	return func(l *lab) {
		l.Lead(verdicttest.Fault("abort 503", 1), 5*time.Second, func(verdicttest.Arrival) verdicttest.Answer {
			return verdicttest.Answer{
				Wait: time.Millisecond, Status: 503, Header: http.Header{"Retry-After": {field()}}, Injected: true,
			}
		})
		l.Lead(verdicttest.Recovery(), 10*time.Second, l.fine)
	}
}
