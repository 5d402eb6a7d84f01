package balance

import (
	"context"
	"slices"
	"time"
)

// avoiding is the context key of the backends that a call has tried.
type avoiding struct{}

// Avoiding returns a context under which attempts go to backends that earlier ones did not go to, as long as there are
// such: a retry of a call, or a hedge.
func Avoiding(ctx context.Context) context.Context {
	return context.WithValue(ctx, avoiding{}, &tried{})
}

// tried is what a call has tried. The Pool's lock guards it.
type tried struct{ backends []*backend }

// take picks the backend for an attempt, and counts it as under way there.
func (p *Pool) take(ctx context.Context) *backend {
	before, _ := ctx.Value(avoiding{}).(*tried)
	now := time.Now()
	p.mu.Lock()
	back := p.returned(now)
	b := p.pick(before)
	b.inFlight++
	if before != nil {
		before.backends = append(before.backends, b)
	}
	p.mu.Unlock()
	for _, b := range back {
		p.told(Event{Backend: b.url.String(), Kind: Returned})
	}
	return b
}

// pick chooses among the backends that are fit and were not tried; if there is none, among those that are fit; and if there
// is none either, among all: when everything looks ill, it is more likely that our eyes are.
func (p *Pool) pick(before *tried) *backend {
	fit := func(b *backend) bool { return !b.outlier.out && !b.health.down }
	untried := func(b *backend) bool { return before == nil || !slices.Contains(before.backends, b) }
	for _, wanted := range []func(*backend) bool{
		func(b *backend) bool { return fit(b) && untried(b) }, fit, untried,
	} {
		if b := p.next(wanted); b != nil {
			return b
		}
	}
	return p.next(func(*backend) bool { return true })
}

// next chooses among the wanted ones, nil if there are none.
func (p *Pool) next(wanted func(*backend) bool) *backend {
	if !p.cfg.LeastInFlight {
		return p.takeTurn(wanted)
	}
	var least *backend
	for _, b := range p.backends {
		if wanted(b) && (least == nil || b.inFlight*least.weight < least.inFlight*b.weight) {
			least = b
		}
	}
	if least == nil {
		return nil
	}
	return p.takeTurn(func(b *backend) bool {
		return wanted(b) && b.inFlight*least.weight == least.inFlight*b.weight
	})
}

// takeTurn is nginx's smooth weighted round robin: each gains its weight, the richest is chosen and pays for all.
func (p *Pool) takeTurn(wanted func(*backend) bool) *backend {
	var chosen *backend
	total := 0
	for _, b := range p.backends {
		if !wanted(b) {
			continue
		}
		b.turn += b.weight
		total += b.weight
		if chosen == nil || b.turn > chosen.turn {
			chosen = b
		}
	}
	if chosen != nil {
		chosen.turn -= total
	}
	return chosen
}
