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
// first. The other one is cancelled. A second attempt is not retried, and a first one that has failed is left to its retries.
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
	over   bool  // the first leg has its answer
	second *call // nil: there is no second leg, or not yet

	resp *http.Response // of the second leg, if it is to be taken; to be read once ended is closed
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

// hedge is the second leg. Its answer is taken whenever it has one: if the first leg has one at the same moment, either will
// do.
func (r *race) hedge() {
	defer close(r.ended)
	c := r.enter()
	if c == nil {
		return
	}
	resp, err := r.stage.next.do(c)
	if transient(resp, err) { // the first leg may do better, and has the retries
		discard(resp)
		return
	}
	r.resp = resp
	r.first.abandon(errLost)
}

// enter makes the second leg's call, unless the first leg is over or has begun to retry, or too many hedges were made.
func (r *race) enter() *call {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.first.hasFailed() || !r.stage.accounts.Get(r.first.req.URL.Host).spend() {
		return nil
	}
	r.second = &call{ctx: r.first.ctx, req: r.first.req, out: r.first.req, deadline: r.first.deadline, hedge: true}
	return r.second
}

// settle takes the first leg's outcome, and returns the race's once both legs are over.
func (r *race) settle(resp *http.Response, err error) (*http.Response, error) {
	if !transient(resp, err) {
		r.finish()
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

// finish ends the second leg, or keeps it from beginning: the first has an answer.
func (r *race) finish() {
	r.mu.Lock()
	r.over = true
	second := r.second
	r.mu.Unlock()
	if second != nil {
		second.abandon(errLost)
	}
}
