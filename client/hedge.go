package client

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/squall-proxy/squall/internal/lru"
)

// Hedge makes a second attempt beside a slow first one, for safe methods without a body, and takes the answer that comes
// first. The other one is cancelled. A second attempt is not retried.
type Hedge struct {
	// After is how long the first attempt may take: best what 19 of 20 calls take less than. 0 (no hedges) to 1h.
	After time.Duration
	// Budget bounds the hedges. The zero Budget is 5 % and one a second.
	Budget Budget
}

// hedgeStage races a second leg against a slow first one.
type hedgeStage struct {
	next     stage
	after    time.Duration
	accounts *lru.Map[string, *account]
	races    sync.Pool // of those that had no second leg, nearly all
}

func newHedgeStage(cfg Config, next stage) *hedgeStage {
	return &hedgeStage{next: next, after: cfg.Hedge.After, accounts: newAccounts(cfg.Hedge.Budget)}
}

func (s *hedgeStage) do(c *call) (*http.Response, error) {
	if !safe(c.req.Method) || hasBody(c.req) {
		return s.next.do(c)
	}
	s.accounts.Get(c.req.URL.Host).earn()
	r := s.begin(c)
	resp, err := s.next.do(c)
	if r.timer.Stop() {
		r.first = nil
		s.races.Put(r)
		return resp, err
	}
	return r.settle(resp, err)
}

// errLost is why the leg that came second ends. It is a cancellation: nobody waits for it any more.
var errLost = fmt.Errorf("another attempt was faster: %w", context.Canceled)

// race is a first leg, and perhaps a second one, which the timer's goroutine makes.
type race struct {
	stage *hedgeStage
	timer *time.Timer
	first *call
	ended chan struct{} // closed when the second leg is over; settle waits for it

	mu     sync.Mutex
	winner *call
	second *call          // nil: there was nothing left of the budget, or the first leg was over
	resp   *http.Response // of the second leg, if it has won
}

func (s *hedgeStage) begin(c *call) *race {
	if r, ok := s.races.Get().(*race); ok {
		r.first = c
		r.timer.Reset(s.after)
		return r
	}
	r := &race{stage: s, first: c, ended: make(chan struct{})}
	r.timer = time.AfterFunc(s.after, r.hedge)
	return r
}

// hedge is the second leg.
func (r *race) hedge() {
	defer close(r.ended)
	c := r.enter()
	if c == nil {
		return
	}
	resp, err := r.stage.next.do(c)
	switch {
	case transient(resp, err): // the first leg may do better, and has the retries
		discard(resp)
	case !r.wins(c):
		discard(resp)
	default:
		r.resp = resp
		r.first.abandon(errLost)
	}
}

// enter makes the second leg's call, unless the first leg is over, or too many hedges were made.
func (r *race) enter() *call {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.winner != nil || !r.stage.accounts.Get(r.first.req.URL.Host).spend() {
		return nil
	}
	r.second = &call{ctx: r.first.ctx, req: r.first.req, out: r.first.req, deadline: r.first.deadline, hedge: true}
	return r.second
}

// wins tells whether c is the first to have an answer.
func (r *race) wins(c *call) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.winner == nil {
		r.winner = c
	}
	return r.winner == c
}

// settle takes the first leg's outcome, and returns the race's once both legs are over.
func (r *race) settle(resp *http.Response, err error) (*http.Response, error) {
	if !transient(resp, err) && r.wins(r.first) {
		if second := r.entered(); second != nil {
			second.abandon(errLost)
		}
	}
	<-r.ended
	if r.second != nil {
		r.first.attempts += r.second.attempts
	}
	if r.resp == nil {
		return resp, err
	}
	discard(resp)
	r.first.resume()
	return r.resp, nil
}

func (r *race) entered() *call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.second
}
