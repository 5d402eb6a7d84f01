package balance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/squall-proxy/squall/internal/wait"
)

// health is what checks have shown of one backend.
type health struct {
	down bool
	row  int // checks in a row that speak against what it is taken for
}

// Watch makes the health checks until ctx is done, and returns once the last of them has ended. Without Health.Path it
// returns at once. Checks go through the transport directly: they take no turn, and no call's metrics count them.
func (p *Pool) Watch(ctx context.Context) {
	if p.cfg.Health.Path == "" {
		return
	}
	var all sync.WaitGroup
	for _, b := range p.backends {
		all.Go(func() { p.watch(ctx, b) })
	}
	all.Wait()
}

func (p *Pool) watch(ctx context.Context, b *backend) {
	for {
		err := p.check(ctx, b)
		if ctx.Err() != nil {
			return
		}
		p.checked(b, err)
		if wait.For(ctx, p.cfg.Health.Every) != nil {
			return
		}
	}
}

// check asks b once.
func (p *Pool) check(ctx context.Context, b *backend) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.Health.Timeout,
		fmt.Errorf("no answer within %v", p.cfg.Health.Timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.probeURL(p.cfg.Health.Path), nil)
	if err != nil {
		return err
	}
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	_ = resp.Body.Close()
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// checked takes the outcome of a check.
func (p *Pool) checked(b *backend, err error) {
	e, changed := Event{Backend: b.url.String(), Kind: Up}, false
	needed := p.cfg.Health.Up
	p.mu.Lock()
	h := &b.health
	if !h.down {
		needed = p.cfg.Health.Down
	}
	if h.down == (err == nil) {
		h.row++
	} else {
		h.row = 0
	}
	if h.row >= needed {
		h.down, h.row, changed = !h.down, 0, true
	}
	if h.down && err != nil {
		e.Kind, e.Why = Down, err.Error()
	}
	p.mu.Unlock()
	if changed {
		p.told(e)
	}
}
