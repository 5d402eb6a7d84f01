package proxy

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// Traffic counts the bytes of a proxy as they flow, for as long as it has one address and one upstream. A proxy that is
// switched off and on again goes on counting where it was.
type Traffic struct {
	Proxy, Listener, Upstream string

	Up   Flow // from the client to the upstream
	Down Flow // from the upstream to the client
}

// Flow counts one direction.
type Flow struct {
	Received atomic.Int64 // bytes that were read
	Sent     atomic.Int64 // bytes that were written: what faults hold back or lose is not among them
}

// maxTraffics bounds how many addresses and upstreams of one proxy are counted apart, before the oldest are forgotten.
const maxTraffics = 8

// traffics holds what all proxies have counted.
type traffics struct {
	mu  sync.Mutex // a leaf lock
	all []*Traffic // those that were used last at the end
}

// of gives the count of a proxy that is to run.
func (t *traffics) of(name string, listener net.Addr, upstream string) *Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := &Traffic{Proxy: name, Listener: AddressText(listener), Upstream: upstream}
	own := 0
	for i := len(t.all) - 1; i >= 0; i-- {
		old := t.all[i]
		if old.Proxy != name {
			continue
		}
		own++
		same := old.Listener == found.Listener && old.Upstream == upstream
		if same {
			found = old
		}
		if same || own >= maxTraffics {
			t.all = slices.Delete(t.all, i, i+1)
		}
	}
	t.all = append(t.all, found)
	return found
}

// retain forgets the proxies that are not named.
func (t *traffics) retain(names map[string]*Settings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.DeleteFunc(t.all, func(own *Traffic) bool { return names[own.Proxy] == nil })
}

// Traffic lists what the proxies have counted since they were made. The counts go on.
func (e *Engine) Traffic() []*Traffic {
	e.traffic.mu.Lock()
	defer e.traffic.mu.Unlock()
	return slices.Clone(e.traffic.all)
}
