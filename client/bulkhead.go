package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/internal/lru"
)

// Bulkhead bounds how many attempts are under way at once at each host, until their answers' bodies are read or closed, so
// that a service that has become slow cannot hold all that the caller has.
type Bulkhead struct {
	// Max is the number of attempts. 0 (no bound) to 100,000.
	Max int
	// Queue is how many more may wait for a place; what comes then is held back at once. 0 (none waits) to 100,000.
	Queue int
	// Wait is for how long one waits. 0: 1s; to 1h, and never beyond the call's deadline.
	Wait time.Duration
}

// bulkheadStage gives places.
type bulkheadStage struct {
	next  stage
	cfg   Bulkhead
	hosts *lru.Map[string, *places]
}

// places are those at one host.
type places struct {
	taken   chan struct{}
	waiting atomic.Int64
}

func newBulkheadStage(cfg Config, next stage) *bulkheadStage {
	return &bulkheadStage{next, cfg.Bulkhead, lru.New(maxHosts, func(string) *places {
		return &places{taken: make(chan struct{}, cfg.Bulkhead.Max)}
	})}
}

func (s *bulkheadStage) do(c *call) (*http.Response, error) {
	p := s.hosts.Get(c.req.URL.Host)
	if err := s.enter(c, p); err != nil {
		c.drop()
		return nil, err
	}
	held := true // also if the next stage panics
	defer func() {
		if held {
			p.leave()
		}
	}()
	resp, err := s.next.do(c)
	if err != nil {
		return nil, err
	}
	if body, streams := resp.Body.(*streamBody); streams {
		held = false
		body.then(p.leave)
	}
	return resp, nil
}

func (p *places) leave() { <-p.taken }

// enter takes a place, and waits for one if it may.
func (s *bulkheadStage) enter(c *call, p *places) error {
	select {
	case p.taken <- struct{}{}:
		return nil
	default:
	}
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > int64(s.cfg.Queue) {
		return heldBack(fmt.Errorf("bulkhead of %s is full: %d attempts are under way", c.req.URL.Host, s.cfg.Max))
	}
	ctx, cancel := c.step()
	defer cancel(nil)
	wait, _ := c.left(s.cfg.Wait)
	full := fmt.Errorf("bulkhead of %s was full for %v", c.req.URL.Host, wait)
	ctx, stop := context.WithTimeoutCause(ctx, wait, full)
	defer stop()
	select {
	case p.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		cause := context.Cause(ctx)
		if errors.Is(cause, full) {
			return heldBack(full)
		}
		return cause
	}
}
