package verdict_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/squall-proxy/squall/verdict"
	"github.com/squall-proxy/squall/verdict/verdicttest"
)

// manyTrials are about many callers of one thing, and many backends of one service.
func manyTrials() []trial {
	return []trial{
		{
			id: "D29", front: true, rate: 40, burst: 20, lead: kept, after: 5 * time.Second,
			good: func(l *lab) call { return l.filled(together()) },
			bad:  func(l *lab) call { return l.filled(&filling{}) },
		},
		{
			id: "D29", variant: " of two", front: true, rate: 40, burst: 20, lead: kept, after: 5 * time.Second, want: verdict.Warn,
			good: func(l *lab) call { return l.filled(together()) },
			bad:  func(l *lab) call { return l.filled(together(), together()) },
		},
		{
			id: "D30", lead: oneDead(20 * time.Second), after: 5 * time.Second,
			good: func(l *lab) call { return l.balanced(&balancer{leavesOut: 6 * time.Second}) },
			bad:  func(l *lab) call { return l.balanced(&balancer{}) },
		},
		{
			id: "D30", variant: " by weights", rate: 40, weights: threeToOne(), lead: quiet,
			good: func(l *lab) call { return l.weighted(turns("aaba")) },
			bad:  func(l *lab) call { return l.weighted(turns("ab")) },
		},
		{
			id: "D30", variant: " by weights and chance", rate: 40, weights: threeToOne(), lead: quiet,
			good: func(l *lab) call { return l.weighted(l.drawn(0.75)) },
			bad:  func(l *lab) call { return l.weighted(l.drawn(0.5)) },
		},
		{
			id: "D30", variant: " by weights, one left out", rate: 40, weights: threeToOne(), lead: oneDead(20 * time.Second), after: 5 * time.Second,
			good: func(l *lab) call { return l.weighted(l.sparing(turns("aaba"))) },
			bad:  func(l *lab) call { return l.weighted(l.sparing(turns("a"))) },
		},
	}
}

// kept lets replies take a while, and be kept for 2 s.
func kept(l *lab) {
	l.Lead(verdicttest.Baseline(), 15*time.Second, func(verdicttest.Arrival) verdicttest.Answer {
		return verdicttest.Answer{
			Wait: l.chance.between(100*time.Millisecond, 200*time.Millisecond), Status: 200, Body: "stock 7",
			Header: http.Header{"Cache-Control": {"max-age=2"}},
		}
	})
}

// filling is a cache of one entry, kept for 2 s. It asks once for all who wait together, or once for each.
type filling struct {
	asking chan struct{} // of one place: whoever has it asks; nil = everybody does

	mu   sync.Mutex
	body string
	at   time.Time
}

func together() *filling { return &filling{asking: make(chan struct{}, 1)} }

func (k *filling) get(ask func() string) string {
	if k.asking != nil {
		k.asking <- struct{}{}
		defer func() { <-k.asking }()
	}
	k.mu.Lock()
	body, fresh := k.body, !k.at.IsZero() && time.Since(k.at) < 2*time.Second
	k.mu.Unlock()
	if fresh {
		return body
	}
	body = ask()
	k.mu.Lock()
	k.body, k.at = body, time.Now()
	k.mu.Unlock()
	return body
}

// filled is a service that keeps what it has asked for, in one cache or in several by turns.
func (l *lab) filled(caches ...*filling) call {
	c := l.client(client{})
	return func(ctx context.Context, i int) {
		l.Front.Ask(ctx, &l.Done, "/page", func(ctx context.Context) verdicttest.Reply {
			body := caches[i%len(caches)].get(func() string {
				_, _, body := c.do(ctx, i, "GET", "/stock/7", "")
				return body
			})
			return verdicttest.Reply{Status: 200, Body: body}
		})
	}
}

// oneDead lets the second of two backends fail.
func oneDead(length time.Duration) func(*lab) {
	return func(l *lab) {
		l.Lead(verdicttest.Fault("abort 503", 0.5), length, func(a verdicttest.Arrival) verdicttest.Answer {
			if a.Host == "b" {
				return verdicttest.Answer{Wait: time.Millisecond, Status: 503, Body: "sorry", Injected: true}
			}
			return l.fine(a)
		})
	}
}

// balancer takes two backends by turns, and tries again with the other one. Perhaps it leaves one out that has failed 3 times in a
// row.
type balancer struct {
	leavesOut time.Duration

	mu     sync.Mutex
	turn   int
	failed [2]int
	until  [2]time.Time
}

func (b *balancer) pick() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	if i := b.turn % 2; time.Now().After(b.until[i]) {
		return i
	}
	b.turn++
	return b.turn % 2
}

func (b *balancer) done(i, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed[i]++
	if status < 500 {
		b.failed[i] = 0
	}
	if b.failed[i] >= 3 && b.leavesOut > 0 {
		b.until[i] = time.Now().Add(b.leavesOut)
	}
}

// balanced makes its calls over both backends, two attempts at most.
func (l *lab) balanced(b *balancer) call {
	l.Tap.ByHost = true
	return func(ctx context.Context, i int) {
		for range 2 {
			backend := b.pick()
			req, _ := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://%c/stock/%d", 'a'+backend, i), nil)
			req.Header.Set("X-Request-Id", fmt.Sprint(i))
			resp, err := l.Tap.RoundTrip(req)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			b.done(backend, resp.StatusCode)
			if resp.StatusCode < 500 {
				return
			}
		}
	}
}

func threeToOne() map[string]int { return map[string]int{"a": 3, "b": 1} }

// quiet is a time without a fault.
func quiet(l *lab) { l.Lead(verdicttest.Baseline(), 20*time.Second, l.fine) }

// turns takes backends strictly in an order, one letter each, for ever.
func turns(order string) func() string {
	n := -1
	return func() string {
		n++
		return order[n%len(order) : n%len(order)+1]
	}
}

// drawn takes the first of two backends in a share of the calls.
func (l *lab) drawn(share float64) func() string {
	return func() string {
		if l.chance.draw() < share {
			return "a"
		}
		return "b"
	}
}

// sparing leaves b out once a fault may have begun.
func (l *lab) sparing(pick func() string) func() string {
	begin := time.Now()
	return func() string {
		if time.Since(begin) > 7*time.Second {
			return "a"
		}
		return pick()
	}
}

// weighted makes its calls where it is told to, one attempt each. pick is called for one at a time.
func (l *lab) weighted(pick func() string) call {
	l.Tap.ByHost = true
	c := l.client(client{})
	var mu sync.Mutex
	return func(ctx context.Context, i int) {
		mu.Lock()
		host := pick()
		mu.Unlock()
		req, _ := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://%s/stock/%d", host, i), nil)
		c.send(req)
	}
}
