// Package breaker has circuit breakers: they let calls pass while a service works, hold them back while it does not, and
// let a few pass now and then to see whether it works again.
//
// A Breaker is asked before each call (Allow) and told afterwards how it ended (Permit.Done). A Group has one for each
// Key. A breaker has no goroutine and no timer: that its time is over shows when it is next asked.
package breaker

import (
	"fmt"
	"sync"
	"time"
)

// Outcome is how a call ended.
type Outcome int

const (
	Success Outcome = iota
	Failure
	// Neutral says nothing about the service, because the caller left, for instance. Nothing is counted.
	Neutral
)

// Breaker is safe for concurrent use. A Group makes them.
type Breaker struct {
	key     Key
	cfg     Config
	changed func(Change)
	random  func() float64

	mu     sync.Mutex
	state  State
	forced bool
	era    uint64    // grows with each change: what began in another one says nothing about this one
	until  time.Time // of Open: when the first probe may go
	opens  int       // in a row, without having been closed in between
	row    int       // consecutive failures
	window window

	out, good, bad int       // probes under way, and how the others of this era ended
	lastProbe      time.Time // when the latest began

	changes queue
}

func newBreaker(key Key, cfg Config, changed func(Change), random func() float64) *Breaker {
	return &Breaker{
		key: key, cfg: cfg, changed: changed, random: random,
		window: window{limit: cfg.Last, within: cfg.Within},
	}
}

// Permit allows one call. Done must be called once, also when the call panics.
type Permit struct {
	breaker *Breaker
	era     uint64
	begun   time.Time
}

// Allow returns a Permit, or an *OpenError.
func (b *Breaker) Allow() (Permit, error) {
	now := time.Now()
	b.mu.Lock()
	defer b.unlock()
	if b.state == Open && !b.forced && !now.Before(b.until) {
		b.change(HalfOpen, now, "its time is over")
	}
	switch {
	case b.state == Open:
		return Permit{}, b.refusal(now)
	case b.state == HalfOpen && b.out >= b.cfg.Permits:
		if now.Sub(b.lastProbe) >= b.cfg.ProbeTimeout {
			b.open(now, fmt.Sprintf("a probe has not ended within %v", b.cfg.ProbeTimeout))
		}
		return Permit{}, b.refusal(now)
	case b.state == HalfOpen:
		b.out++
		b.lastProbe = now
	}
	return Permit{b, b.era, now}, nil
}

func (b *Breaker) refusal(now time.Time) *OpenError {
	e := &OpenError{Key: b.key, State: b.state}
	if b.state == Open && !b.forced {
		e.Remaining = b.until.Sub(now)
	}
	return e
}

// Done tells how the call ended. It counts only in the era in which the call began: a slow success from before the
// breaker opened must not close it.
func (p Permit) Done(o Outcome) {
	now := time.Now()
	b := p.breaker
	b.mu.Lock()
	defer b.unlock()
	if p.era != b.era || b.forced {
		return
	}
	slow := b.cfg.SlowRatio > 0 && now.Sub(p.begun) > b.cfg.SlowAfter
	switch {
	case b.state == HalfOpen:
		b.probed(now, o, slow)
	case o != Neutral:
		b.count(outcome{at: now, failed: o == Failure, slow: slow})
	}
}

// count takes an outcome in while the breaker is closed.
func (b *Breaker) count(o outcome) {
	b.window.add(o)
	b.row++
	if !o.failed {
		b.row = 0
	}
	if why := b.trips(); why != "" {
		b.open(o.at, why)
	}
}

// trips says why the breaker must open, or nothing.
func (b *Breaker) trips() string {
	c, w := &b.cfg, &b.window
	enough := w.n >= c.Minimum
	switch {
	case c.Consecutive > 0 && b.row >= c.Consecutive:
		return fmt.Sprintf("%d in a row failed", b.row)
	case c.Failures > 0 && w.failed >= c.Failures,
		c.Ratio > 0 && enough && share(w.failed, w.n) >= c.Ratio:
		return fmt.Sprintf("%d of the last %d failed", w.failed, w.n)
	case c.SlowRatio > 0 && enough && share(w.slow, w.n) >= c.SlowRatio:
		return fmt.Sprintf("%d of the last %d took more than %v", w.slow, w.n, c.SlowAfter)
	}
	return ""
}

// share is a part of n, which is above 0. Dividing rounds as the text of a ratio is rounded: 3 of 30 is 0.1.
func share(part, n int) float64 { return float64(part) / float64(n) }

// probed takes the outcome of a probe. A neutral one only gives its permit back.
func (b *Breaker) probed(now time.Time, o Outcome, slow bool) {
	b.out--
	switch {
	case o == Neutral:
	case o == Failure || slow:
		b.bad++
	default:
		b.good++
	}
	switch {
	case b.good >= b.cfg.Needed:
		b.change(Closed, now, fmt.Sprintf("%d of %d probes succeeded", b.good, b.good+b.bad))
	case b.bad > b.cfg.Probes-b.cfg.Needed:
		b.open(now, fmt.Sprintf("%d of %d probes failed", b.bad, b.good+b.bad))
	}
}

// open draws how long no call passes: 50 to 100 % of Base, doubled for each time that probes have failed, at most Max.
func (b *Breaker) open(now time.Time, why string) {
	d := b.cfg.Base
	for i := 0; i < b.opens && d < b.cfg.Max; i++ {
		d *= 2 // Max is at most an hour: no overflow
	}
	d = min(d, b.cfg.Max)
	b.until = now.Add(d/2 + time.Duration(b.random()*float64(d-d/2)))
	b.opens++
	b.change(Open, now, why)
}

// change begins a new era, in which nothing has been counted yet. From a state to itself it tells nobody.
func (b *Breaker) change(to State, now time.Time, why string) {
	from := b.state
	b.state = to
	b.era++
	b.window.clear()
	b.row, b.out, b.good, b.bad = 0, 0, 0, 0
	if to == Closed {
		b.opens = 0
	}
	if from == to {
		return
	}
	c := Change{Key: b.key, From: from, To: to, At: now, Why: why}
	if to == Open && !b.forced {
		c.Until = b.until
	}
	b.changes.push(c)
}
