package verdict_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/squall-proxy/squall/verdict"
	"github.com/squall-proxy/squall/verdict/verdicttest"
)

// callerTrials are about what the callers of a client get: it is itself a service.
func callerTrials() []trial {
	return []trial{
		{
			id: "D9", front: true, lead: retryAfter(seconds(86400)), after: 200 * time.Second, rate: 2,
			good: func(l *lab) call { return l.serve(l.spared(client{pause: capped}), 0) },
			bad:  func(l *lab) call { return l.serve(l.spared(client{pause: l.obeys}), 3*time.Minute) },
		},
		{
			id: "D9", variant: " still", front: true, lead: retryAfter(seconds(86400)), after: 100 * time.Second, rate: 2,
			good: func(l *lab) call { return l.serve(l.spared(client{pause: capped}), 0) },
			bad:  func(l *lab) call { return l.serve(l.spared(client{pause: l.obeys}), 0) },
		},
		{
			id: "D15", front: true, lead: slow(3*time.Second, 1), after: 30 * time.Second,
			good: func(l *lab) call { return l.serve(l.spared(client{timeout: 2 * time.Second}), time.Second) },
			bad:  func(l *lab) call { return l.detached(l.spared(client{timeout: 2 * time.Second}), time.Second) },
		},
		{
			id: "D26", front: true, lead: stamped("max-age=5, stale-if-error=10"), after: time.Second,
			good: func(l *lab) call { return l.cached(&cache{upTo: 10 * time.Second, marks: true}) },
			bad:  func(l *lab) call { return l.cached(&cache{upTo: time.Hour, marks: true}) },
		},
		{
			id: "D26", variant: " without a mark", front: true, lead: stamped("max-age=5, stale-if-error=100"), after: time.Second,
			good: func(l *lab) call { return l.cached(&cache{upTo: 20 * time.Second, marks: true}) },
			bad:  func(l *lab) call { return l.cached(&cache{upTo: 20 * time.Second}) }, want: verdict.Warn,
		},
		{
			id: "D26", variant: " though it must revalidate", front: true, lead: stamped("max-age=5, must-revalidate"), after: time.Second,
			good: func(l *lab) call { return l.cached(&cache{marks: true}) },
			bad:  func(l *lab) call { return l.cached(&cache{upTo: 20 * time.Second, marks: true}) },
		},
		{
			id: "D27", front: true, lead: degraded, after: time.Second,
			good: func(l *lab) call { return l.cached(&cache{}) },
			bad:  func(l *lab) call { return l.cached(&cache{fallback: time.Minute}) },
		},
		{
			id: "D28", front: true, lead: partly(503, 0.3, 10*time.Second), after: 10 * time.Second,
			good: func(l *lab) call { return l.serve(l.spared(client{}), 0) },
			bad:  func(l *lab) call { return l.serve(l.client(client{}), 0) },
		},
	}
}

// capped does as it is asked, unless that is absurd: then it gives up.
func capped(_ int, h http.Header) time.Duration {
	if pause := asked(h); pause < time.Minute {
		return pause
	}
	return -1
}

// serve makes a service of a client, whose callers wait for a time; 0 = as long as it takes.
func (l *lab) serve(c *client, patience time.Duration) call {
	return func(ctx context.Context, i int) {
		if patience > 0 {
			limited, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			ctx = limited
		}
		l.Front.Ask(ctx, &l.Done, fmt.Sprintf("/page/%d", i), func(ctx context.Context) verdicttest.Reply {
			status, _, body := c.do(ctx, i, "GET", fmt.Sprintf("/stock/%d", i), "")
			if status == 0 {
				status = 502
			}
			return verdicttest.Reply{Status: status, Body: body}
		})
	}
}

// detached is a service that does not hand on that its caller has left.
func (l *lab) detached(c *client, patience time.Duration) call {
	return func(ctx context.Context, i int) {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		l.Front.Ask(limited, &l.Done, fmt.Sprintf("/page/%d", i), func(asked context.Context) verdicttest.Reply {
			c.do(context.WithoutCancel(asked), i, "GET", fmt.Sprintf("/stock/%d", i), "")
			return verdicttest.Reply{Status: 200}
		})
	}
}

// cache keeps the last good reply, for a time behind its freshness of 5 s, and perhaps the degraded one.
type cache struct {
	upTo     time.Duration // serves it stale when the service fails
	fallback time.Duration // goes on serving a degraded reply for so long
	marks    bool          // says how old it is

	mu       sync.Mutex
	body     string
	at       time.Time
	degraded time.Time
}

// stamped lets each reply differ, and be kept as a Cache-Control says; then everything fails.
func stamped(control string) func(*lab) {
	return func(l *lab) {
		n := 0
		l.Lead(verdicttest.Baseline(), 5*time.Second, func(a verdicttest.Arrival) verdicttest.Answer {
			n++
			answer := l.fine(a)
			answer.Body, answer.Header = fmt.Sprintf("stamp %d", n), http.Header{"Cache-Control": {control}}
			return answer
		})
		l.Lead(verdicttest.Fault("abort 503", 1), 25*time.Second, l.refuse(503, 1))
	}
}

// degraded is a time in which the service says that it is in fallback mode, and then a good one.
func degraded(l *lab) {
	l.Lead(verdicttest.Fault("fallback", 1), 2*time.Second, func(a verdicttest.Arrival) verdicttest.Answer {
		answer := l.fine(a)
		answer.Body, answer.Degraded, answer.Injected = "degraded mode", true, true
		return answer
	})
	l.Lead(verdicttest.Recovery(), 18*time.Second, l.fine)
}

// cached is a service with a cache before its client.
func (l *lab) cached(k *cache) call {
	c := l.client(client{})
	return func(ctx context.Context, i int) {
		l.Front.Ask(ctx, &l.Done, "/page", func(ctx context.Context) verdicttest.Reply {
			status, _, body := c.do(ctx, i, "GET", "/stock/7", "")
			return k.reply(status, body)
		})
	}
}

// reply is what a caller gets.
func (k *cache) reply(status int, body string) verdicttest.Reply {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	switch {
	case status == 200 && body == "degraded mode":
		k.degraded = now
		return verdicttest.Reply{Status: 200, Body: body, Degraded: true}
	case k.fallback > 0 && !k.degraded.IsZero() && now.Sub(k.degraded) < k.fallback:
		return verdicttest.Reply{Status: 200, Body: "degraded mode", Degraded: true}
	case status == 200:
		k.body, k.at = body, now
		return verdicttest.Reply{Status: 200, Body: body}
	case k.body != "" && now.Sub(k.at) < 4*time.Second+k.upTo:
		r := verdicttest.Reply{Status: 200, Body: k.body}
		if k.marks {
			r.Age = fmt.Sprint(int(now.Sub(k.at).Seconds()))
		}
		return r
	}
	return verdicttest.Reply{Status: 502}
}
