package breaker

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/squall-proxy/squall/internal/lru"
)

// Group has a breaker for each key, up to Config.Keys of them: the one that was asked for longest ago is forgotten first,
// and begins closed if it is asked for again.
type Group struct{ breakers *lru.Map[Key, *Breaker] }

// NewGroup makes a Group. changed is told each change of a state, one at a time and in order for each breaker, on the
// goroutine that caused it; no lock is held, so it may ask the breakers. It may be nil. random draws from [0, 1) how long
// a breaker stays open; nil: math/rand/v2. An error names the field of cfg that is outside of its bounds.
func NewGroup(cfg Config, changed func(Change), random func() float64) (*Group, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.filled()
	if changed == nil {
		changed = func(Change) {}
	}
	if random == nil {
		random = rand.Float64
	}
	return &Group{lru.New(cfg.Keys, func(key Key) *Breaker { return newBreaker(key, cfg, changed, random) })}, nil
}

// Get returns the breaker of key.
func (g *Group) Get(key Key) *Breaker { return g.breakers.Get(key) }

// Status is a breaker at one moment.
type Status struct {
	Key    Key
	State  State
	Forced bool
	Until  time.Time // of Open that is not forced: when the first probe may go

	Outcomes, Failed, Slow int // in the window

	History []Change // the latest 32, the oldest first
}

// Status returns all breakers, the one that was asked for last first.
func (g *Group) Status() []Status {
	all := g.breakers.All()
	statuses := make([]Status, len(all))
	for i, b := range all {
		statuses[i] = b.Status()
	}
	return statuses
}

// Status returns how the breaker is now.
func (b *Breaker) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.window.expire(time.Now())
	s := Status{
		Key: b.key, State: b.state, Forced: b.forced,
		Outcomes: b.window.n, Failed: b.window.failed, Slow: b.window.slow,
		History: append([]Change(nil), b.changes.history...),
	}
	if b.state == Open && !b.forced {
		s.Until = b.until
	}
	return s
}

// Wait returns for how long the breaker surely lets no call pass: 0 if one may pass now, and the longest time that there is
// if it was forced open.
func (b *Breaker) Wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.state != Open:
		return 0
	case b.forced:
		return math.MaxInt64
	}
	return max(0, time.Until(b.until))
}

// Force holds the breaker open, or closed if open is false, whatever happens, until Release.
func (b *Breaker) Force(open bool) {
	b.mu.Lock()
	defer b.unlock()
	b.forced = true
	to := Closed
	if open {
		to = Open
	}
	b.change(to, time.Now(), "forced")
}

// Release ends Force. A breaker that was forced open probes next.
func (b *Breaker) Release() {
	b.mu.Lock()
	defer b.unlock()
	if !b.forced {
		return
	}
	b.forced = false
	b.until = time.Now()
}
