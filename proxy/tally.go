package proxy

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/squall-proxy/squall/faults"
)

// Tally counts what a proxy has done since it was made. A proxy that is switched off and on, or that gets another address,
// goes on counting where it was. Adding takes some atomic operations, and neither a lock nor memory.
type Tally struct {
	Proxy string

	Faults   faults.Tally
	Duration Histogram // of exchanges that are over
	Upstream Histogram // until the head of the upstream's reply was there, of TCP until it was connected

	ServiceErrors               atomic.Uint64 // exchanges, as of [Outcome.ServiceError]
	RequestBytes, ResponseBytes atomic.Uint64 // of bodies, of exchanges that are over; of TCP all bytes
	Connections                 atomic.Uint64 // of clients, accepted
	Open                        atomic.Int64  // of these
	Active                      atomic.Int64  // exchanges under way, of HTTP

	exchanges [len(outcomes)][1 + faults.KindCount]atomic.Uint64 // by outcome, and by the place of the last fault that hit and 1
}

// outcomes are all that there are.
var outcomes = [...]Outcome{OK, Injected, RealError, ClientLeft}

// Outcomes lists how exchanges can go.
func Outcomes() []Outcome { return slices.Clone(outcomes[:]) }

// Exchanges counts those of an outcome in which a fault was the last that hit: kind is its place in [faults.Kinds], or
// [faults.NoKind] for those without any.
func (t *Tally) Exchanges(outcome Outcome, kind int) uint64 {
	i := slices.Index(outcomes[:], outcome)
	if i < 0 {
		return 0
	}
	return t.exchanges[i][1+kind].Load()
}

// add counts an exchange that is over.
func (t *Tally) add(e *Exchange) {
	if t == nil {
		return
	}
	last := t.Faults.Add(e.Faults)
	if i := slices.Index(outcomes[:], e.Outcome); i >= 0 {
		t.exchanges[i][1+last].Add(1)
	}
	if e.Outcome.ServiceError(e.Status) {
		t.ServiceErrors.Add(1)
	}
	t.Duration.Observe(e.Duration)
	if e.UpstreamDuration > 0 {
		t.Upstream.Observe(e.UpstreamDuration)
	}
	t.RequestBytes.Add(uint64(e.RequestBytes))
	t.ResponseBytes.Add(uint64(e.ResponseBytes))
}

// enter counts a connection that was accepted, and leave takes it away when it is closed.
func (t *Tally) enter() {
	if t != nil {
		t.Connections.Add(1)
		t.Open.Add(1)
	}
}

func (t *Tally) leave() {
	if t != nil {
		t.Open.Add(-1)
	}
}

// begin counts an exchange that is under way, and end takes it away.
func (t *Tally) begin() {
	if t != nil {
		t.Active.Add(1)
	}
}

func (t *Tally) end() {
	if t != nil {
		t.Active.Add(-1)
	}
}

// Tell counts an exchange that is over, and tells the engine's observer of it. It is called once for each exchange, on
// whatever way it ended; an exchange over which the observer panics is not counted.
func (p *Proxy) Tell(e *Exchange) {
	if observe := p.engine.Observer; observe != nil {
		observe(e)
	}
	p.tally.add(e)
}

// tallies are those of all proxies.
type tallies struct {
	mu  sync.Mutex // a leaf lock
	all []*Tally
}

// of gives the tally of a proxy that is to run.
func (t *tallies) of(name string) *Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, old := range t.all {
		if old.Proxy == name {
			return old
		}
	}
	made := &Tally{Proxy: name}
	t.all = append(t.all, made)
	return made
}

// retain forgets the proxies that are not named.
func (t *tallies) retain(names map[string]*Settings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.DeleteFunc(t.all, func(own *Tally) bool { return names[own.Proxy] == nil })
}

// Tallies lists what the proxies that there are have counted since they were made. The counts go on.
func (e *Engine) Tallies() []*Tally {
	e.tallies.mu.Lock()
	defer e.tallies.mu.Unlock()
	return slices.Clone(e.tallies.all)
}
