package proxy

import (
	"slices"
	"sync"
	"time"
)

// keptConnections is how many closed connections an engine remembers.
const keptConnections = 4096

// closed is a connection that was. Its account goes on until its last exchange is over.
type closed struct {
	*Live
	at time.Time
}

// registry keeps the connections of an engine's clients. Its lock is taken when one is opened or closed, never for what
// happens on it.
type registry struct {
	mu     sync.Mutex // guards what follows
	last   uint64     // ID
	open   map[uint64]*client
	closed []closed // a ring
	oldest int      // its place in the ring, once that is full
}

func (r *registry) enter(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = make(map[uint64]*client)
	}
	r.last++
	c.live.ID = r.last
	r.open[r.last] = c
}

func (r *registry) leave(c *client, now time.Time) {
	gone := closed{c.live, now}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c.live.ID)
	if len(r.closed) < keptConnections {
		r.closed = append(r.closed, gone)
		return
	}
	r.closed[r.oldest] = gone
	r.oldest = (r.oldest + 1) % keptConnections
}

// clients gives those that are connected.
func (r *registry) clients() []*client {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*client, 0, len(r.open))
	for _, c := range r.open {
		all = append(all, c)
	}
	return all
}

// ended gives those that were closed, in that order.
func (r *registry) ended() []closed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Concat(r.closed[r.oldest:], r.closed[:r.oldest])
}

func (r *registry) client(id uint64) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id]
}

// Connections gives the clients' connections that are open, by their IDs.
func (e *Engine) Connections() []Connection {
	clients := e.registry.clients()
	all := make([]Connection, len(clients))
	for i, c := range clients {
		all[i] = c.live.connection()
	}
	slices.SortFunc(all, func(a, b Connection) int { return int(a.ID) - int(b.ID) })
	return all
}

// ClosedConnections gives the last 4,096 that were closed, the last one last. The last exchange on one may be under way for a
// moment longer than it.
func (e *Engine) ClosedConnections() []Connection {
	ended := e.registry.ended()
	all := make([]Connection, len(ended))
	for i, c := range ended {
		all[i] = c.connection()
		all[i].Closed, all[i].ClosedBy, all[i].Busy = c.at, *c.endedBy.Load(), false
	}
	return all
}

// DropConnection ends a client's connection at once, and waits for nobody: by a reset, which what was not sent yet does not
// survive, or by a FIN. It reports whether there was one of that ID.
func (e *Engine) DropConnection(id uint64, reset bool) bool {
	c := e.registry.client(id)
	if c == nil {
		return false
	}
	c.drop(reset)
	return true
}
