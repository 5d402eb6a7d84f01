package verdict_test

import (
	"context"
	"fmt"
	"time"

	"github.com/squall-proxy/squall/verdict"
	"github.com/squall-proxy/squall/verdict/verdicttest"
)

// breakerTrials are about how a client spares a service, and comes back.
func breakerTrials() []trial {
	return []trial{
		{
			id: "D16", lead: outage(30 * time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.broken(&breaker{}).get },
			bad:  func(l *lab) call { return l.spared(client{}).get },
		},
		{
			id: "D17", rate: 20, lead: partly(503, 0.05, 15*time.Second),
			good: func(l *lab) call { return l.broken(&breaker{}).get },
			bad: func(l *lab) call {
				return l.broken(&breaker{opensAt: 1, open: func() time.Duration { return 10 * time.Second }}).get
			},
		},
		{
			id: "D17", variant: " at 4xx", lead: partly(404, 1, 10*time.Second),
			good: func(l *lab) call { return l.broken(&breaker{}).get },
			bad:  func(l *lab) call { return l.broken(&breaker{counts4x: true}).get },
		},
		{
			id: "D18", rate: 30, lead: laming(12 * time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.broken(&breaker{}).get },
			bad:  func(l *lab) call { return l.herd(l.broken(&breaker{floods: true})) },
		},
		{
			id: "D19", lead: longRecovery, after: 10 * time.Second,
			good: func(l *lab) call { return l.broken(&breaker{}).get },
			bad:  func(l *lab) call { return l.broken(&breaker{sticks: 0.2}).get },
		},
		{
			id: "D19", variant: " never", lead: longRecovery,
			good: func(l *lab) call { return l.broken(&breaker{}).get },
			bad: func(l *lab) call {
				return l.broken(&breaker{open: func() time.Duration { return time.Hour }}).get
			},
		},
		{
			id: "D20", lead: outage(60 * time.Second), want: verdict.Warn,
			good: func(l *lab) call { return l.broken(&breaker{}).get },
			bad: func(l *lab) call {
				return l.broken(&breaker{open: func() time.Duration { return 3 * time.Second }}).get
			},
		},
		{
			id: "D21", rate: 24, lead: oneRoute,
			good: func(l *lab) call { return l.twoRoutes(&breaker{routes: true, opensAt: 3}) },
			bad:  func(l *lab) call { return l.twoRoutes(&breaker{opensAt: 1}) },
		},
	}
}

// laming refuses late, so that it takes a while to see that a probe failed.
func laming(length time.Duration) func(*lab) {
	return func(l *lab) {
		l.Lead(verdicttest.Fault("abort 503", 1), length, func(verdicttest.Arrival) verdicttest.Answer {
			return verdicttest.Answer{Wait: 300 * time.Millisecond, Status: 503, Body: "sorry", Injected: true}
		})
	}
}

// longRecovery is an outage with a long time behind it.
func longRecovery(l *lab) {
	l.Lead(verdicttest.Fault("abort 503", 1), 10*time.Second, l.refuse(503, 1))
	l.Lead(verdicttest.Recovery(), 70*time.Second, l.fine)
}

// oneRoute fails one of two routes.
func oneRoute(l *lab) {
	refuse := l.refuse(503, 1)
	l.Lead(verdicttest.Fault("abort 503 on /price", 0), 10*time.Second, func(a verdicttest.Arrival) verdicttest.Answer {
		if len(a.Path) > 6 && a.Path[:6] == "/price" {
			return refuse(a)
		}
		return l.fine(a)
	})
}

// twoRoutes calls one and the other in turn.
func (l *lab) twoRoutes(b *breaker) call {
	c := l.broken(b)
	return func(ctx context.Context, i int) {
		c.do(ctx, i, "GET", fmt.Sprintf("/%s/%d", []string{"stock", "price"}[i%2], i), "")
	}
}

// herd lets callers wait for an open breaker, so that many are there when it half-opens.
func (l *lab) herd(c *client) call {
	return func(ctx context.Context, i int) {
		for !c.breaker.allow("/") {
			if !waitFor(ctx, 200*time.Millisecond) {
				return
			}
		}
		c.get(ctx, i)
	}
}
