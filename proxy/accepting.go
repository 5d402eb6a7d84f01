package proxy

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	acceptPause   = 10 * time.Millisecond // before another try after a failure, such as no descriptor left
	acceptSilence = time.Second           // without a failure after which accepting is well again
)

// AcceptFailures says how often a proxy's listener has failed to accept a client, since it listens. It goes on trying, 100
// times a second: clients wait in the system's queue meanwhile.
type AcceptFailures struct {
	Count uint64    `json:"count"`
	Last  string    `json:"last"` // error
	At    time.Time `json:"at"`   // the last one was
}

// acceptFailures counts them.
type acceptFailures struct {
	mu sync.Mutex
	AcceptFailures
}

// note counts a failure, and reports whether it is the first after a while.
func (f *acceptFailures) note(err error, now time.Time) (first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first = now.Sub(f.At) > acceptSilence
	f.Count++
	f.Last, f.At = err.Error(), now
	return first
}

// get gives what was counted; nil = nothing.
func (f *acceptFailures) get() *AcceptFailures {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Count == 0 {
		return nil
	}
	counted := f.AcceptFailures
	return &counted
}

// failed notes that a client could not be accepted.
func (p *Proxy) failed(err error) {
	if first := p.accepts.note(err, time.Now()); first && p.engine.Warn != nil {
		p.engine.Warn(p.Name, fmt.Errorf("clients wait to be accepted: %w", err))
	}
}

// AcceptFailures gives those of a running proxy; nil if there were none.
func (e *Engine) AcceptFailures(name string) *AcceptFailures {
	if a := e.addresses.Load(); a != nil && a.proxies[name] != nil {
		return a.proxies[name].accepts.get()
	}
	return nil
}

// Ready is nil if no proxy has failed to accept a client in the last second.
func (e *Engine) Ready() error {
	a := e.addresses.Load()
	if a == nil {
		return nil
	}
	var failing []string
	for name, p := range a.proxies {
		if f := p.accepts.get(); f != nil && time.Since(f.At) <= acceptSilence {
			failing = append(failing, fmt.Sprintf("%s cannot accept clients: %s", name, f.Last))
		}
	}
	if len(failing) == 0 {
		return nil
	}
	slices.Sort(failing)
	return fmt.Errorf("%s", failing)
}
