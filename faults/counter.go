package faults

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Counter is the state of a rule: how often it matched and hit, and how far each of its keys has counted. It outlives
// the Sets it is compiled into. Make one with NewCounter; all methods may be called concurrently.
type Counter struct {
	matched, hit, active             atomic.Uint64
	selection, roll, overLimit, body atomic.Uint64
	single                           atomic.Uint64             // n of a rule without keys
	keys                             keyCounts                 // n of the others
	began                            atomic.Pointer[time.Time] // a ramp; see [Entry]
	up, down                         Bucket                    // of a rate that its exchanges share
	room, early                      atomic.Uint64             // see Skipped.Room and Status.Early
	allowances                       keyTable[allowance]       // of a rate limit
	slots                            slots                     // of a concurrency

	rowMu sync.Mutex // guards row
	row   row        // of a rule without keys

	waiting atomic.Bool   // whether changed is not nil
	mu      sync.Mutex    // guards what follows
	changed chan struct{} // closed at the next hit; nil while nobody waits
}

// Status is what answers say of a rule's counters.
type Status struct {
	Matched uint64  `json:"matched"`
	Hit     uint64  `json:"hit"`
	Active  uint64  `json:"active"`
	Skipped Skipped `json:"skipped"`
	Early   uint64  `json:"early,omitempty"` // rate_limit: of clients that came back before their Retry-After
	Evicted uint64  `json:"evicted_keys,omitempty"`
}

// Skipped counts the matching exchanges that were not hit, by reason.
type Skipped struct {
	Selection uint64 `json:"selection"`
	Roll      uint64 `json:"roll"`
	Limit     uint64 `json:"limit"`
	Body      uint64 `json:"body,omitempty"` // hit, and then the body could not be changed
	Room      uint64 `json:"room,omitempty"` // rate_limit, concurrency: let through
}

// NewCounter makes a counter at zero.
func NewCounter() *Counter {
	return &Counter{keys: keyCounts{keyTable[keyCount]{bound: MaxKeys}}, allowances: keyTable[allowance]{bound: MaxKeys}}
}

// Status reads the counters. While traffic flows they are not of one instant.
func (c *Counter) Status() Status {
	return Status{
		Matched: c.matched.Load(),
		Hit:     c.hit.Load(),
		Active:  c.active.Load(),
		Skipped: Skipped{
			Selection: c.selection.Load(), Roll: c.roll.Load(), Limit: c.overLimit.Load(), Body: c.body.Load(),
			Room: c.room.Load(),
		},
		Early:   c.early.Load(),
		Evicted: c.keys.evictions() + c.allowances.evictions(),
	}
}

// take counts a hit, unless that would go over a limit (0 = none). Each true must be followed by one release.
func (c *Counter) take(maxTotal, maxActive uint64) bool {
	if !addBelow(&c.active, maxActive) {
		return false
	}
	if !addBelow(&c.hit, maxTotal) {
		c.release()
		return false
	}
	if c.waiting.Load() {
		c.wake()
	}
	return true
}

// withdraw takes back a hit that had no effect, because the body could not be changed.
func (c *Counter) withdraw() {
	c.release()
	c.hit.Add(^uint64(0))
	c.body.Add(1)
}

// release ends a hit that take counted.
func (c *Counter) release() { c.active.Add(^uint64(0)) }

// addBelow adds one unless the result would exceed limit (0 = none).
func addBelow(value *atomic.Uint64, limit uint64) bool {
	if limit == 0 {
		value.Add(1)
		return true
	}
	for {
		old := value.Load()
		if old >= limit {
			return false
		}
		if value.CompareAndSwap(old, old+1) {
			return true
		}
	}
}

// WaitHits blocks until the rule has hit at least n times or ctx is done, and gives the hits counted.
func (c *Counter) WaitHits(ctx context.Context, n uint64) (uint64, error) {
	for {
		// Watch first, look then: a hit that is not seen here closes the channel.
		changed := c.watch()
		if hits := c.hit.Load(); hits >= n {
			return hits, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return c.hit.Load(), context.Cause(ctx)
		}
	}
}

// watch gives the channel that the next hit closes.
func (c *Counter) watch() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
		c.waiting.Store(true)
	}
	return c.changed
}

func (c *Counter) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
		c.waiting.Store(false)
	}
}
