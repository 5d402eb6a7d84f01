package faults

import (
	"container/list"
	"sync"

	"github.com/squall-proxy/squall/internal/document"
)

// Concurrency makes the upstream's capacity small: Max exchanges have a place at once, each until it is over. Up to Queue
// others wait for one, in the order in which they came, until they have it, their client leaves, or the proxy drains (then
// they go on without, as a delay is cut short); all others are refused at once. The rule hits what waits and what it
// refuses; what gets a place at once it has skipped, with the reason "room".
type Concurrency struct {
	Max    uint64 `json:"max"`              // 0 refuses all
	Queue  uint64 `json:"queue,omitempty"`  // how many wait at once
	Status int    `json:"status,omitempty"` // of a refusal, 200 to 599; absent = 503
}

// maxPlaces bounds the places and the queue of a [Concurrency].
const maxPlaces = 1_000_000

func newConcurrency() Attributes { return &Concurrency{Max: notGiven} }

func (c *Concurrency) check(Phase) error {
	switch {
	case c.Max == notGiven:
		return document.Errorf("max", "missing: want how many exchanges pass at once, 0 for none")
	case c.Max > maxPlaces:
		return document.Errorf("max", "must be 0 to %d, got %d", maxPlaces, c.Max)
	case c.Queue > maxPlaces:
		return document.Errorf("queue", "must be 0 to %d, got %d", maxPlaces, c.Queue)
	case c.Queue > 0 && c.Max == 0:
		return document.Errorf("queue", "with max 0 nobody would ever get out of it")
	case c.Status != 0 && (c.Status < 200 || c.Status > 599):
		return document.Errorf("status", "must be 200 to 599, got %d", c.Status)
	}
	return nil
}

func (c *Concurrency) bucketKey(string) string { return "" }

func (c *Concurrency) admit(a arrival) verdict {
	queue := c.Queue
	if a.shadow {
		queue = 0
	}
	p := a.counter.slots.take(c.Max, queue)
	return verdict{passed: p != nil && p.granted == nil, slot: p}
}

func (c *Concurrency) decide(h hit) Action {
	if h.verdict.slot != nil {
		return Acquire{}
	}
	status := c.Status
	if status == 0 {
		status = 503
	}
	answer := Answer{Status: status}
	answer.Body, answer.ContentType = statusBody(status)
	return answer
}

// slots are the places of a [Concurrency]. All of the zero slots are free.
type slots struct {
	mu    sync.Mutex // guards what follows, and the queued of every place
	max   uint64     // as the rule said last
	taken uint64
	queue list.List // of *slot
}

// slot is the place that an exchange has, or waits for.
type slot struct {
	of      *slots
	granted chan struct{} // closed when it is the exchange's; nil = it was so at once
	queued  *list.Element // nil = not in the queue any more
}

// take takes a place, or one in the queue; nil if there is no room in either.
func (p *slots) take(most, queue uint64) *slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.max = most
	p.grant()
	switch {
	case p.taken < p.max:
		p.taken++
		return &slot{of: p}
	case uint64(p.queue.Len()) >= queue:
		return nil
	}
	waiting := &slot{of: p, granted: make(chan struct{})}
	waiting.queued = p.queue.PushBack(waiting)
	return waiting
}

// grant gives free places to those who wait.
func (p *slots) grant() {
	for p.taken < p.max && p.queue.Len() > 0 {
		next := p.queue.Remove(p.queue.Front()).(*slot)
		next.queued = nil
		p.taken++
		close(next.granted)
	}
}

// giveBack ends what take began. It is called once.
func (s *slot) giveBack() {
	p := s.of
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.queued != nil {
		p.queue.Remove(s.queued)
		s.queued = nil
		return
	}
	p.taken--
	p.grant()
}
