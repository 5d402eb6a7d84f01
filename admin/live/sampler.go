package live

import (
	"sync"
	"sync/atomic"

	"github.com/squall-proxy/squall/proxy"
)

// PerSecond is how many exchanges of each sort, those that a fault hit and the others, are shown in a second at most.
const PerSecond = 25

// Sampler takes the first exchanges of each second, and counts the others. Until Refill is called it takes none. Observe may
// be called concurrently with all other methods, which have one caller.
type Sampler struct {
	// Taken gets a token when there is something to take. It has room for one.
	Taken chan struct{}

	seen atomic.Uint64
	room [2]atomic.Int64 // for exchanges that no fault has hit, and that one has

	mu    sync.Mutex // a leaf lock of the data path: held for the copy of one exchange, PerSecond times a second at most
	taken []proxy.Exchange
}

// Observe is a [proxy.Observer].
func (s *Sampler) Observe(e *proxy.Exchange) {
	s.seen.Add(1)
	room := &s.room[0]
	if e.Faulted || e.Delayed {
		room = &s.room[1]
	}
	if room.Load() <= 0 || room.Add(-1) < 0 {
		return
	}
	s.mu.Lock()
	s.taken = append(s.taken, *e)
	s.mu.Unlock()
	select {
	case s.Taken <- struct{}{}:
	default:
	}
}

// NewSampler makes a sampler.
func NewSampler() *Sampler { return &Sampler{Taken: make(chan struct{}, 1)} }

// Refill makes room for a second's exchanges, none where nobody watches, and says how many exchanges there were since.
func (s *Sampler) Refill(watched bool) (seen uint64) {
	room := int64(0)
	if watched {
		room = PerSecond
	}
	for i := range s.room {
		s.room[i].Store(room)
	}
	return s.seen.Swap(0)
}

// Take gives the exchanges that were taken since it was called last.
func (s *Sampler) Take() []proxy.Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.taken
	s.taken = nil
	return taken
}
