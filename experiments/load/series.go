package load

import (
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Second is what became of the requests of a load that were due in one second.
type Second struct {
	At       time.Time     `json:"at"` // its begin
	Requests int64         `json:"requests"`
	Errors   int64         `json:"errors"`
	P50      time.Duration `json:"p50"` // nanoseconds, errors included, exact to 1 %
	P99      time.Duration `json:"p99"`
}

// Series sorts samples into seconds, by when they were due. A second changes for as long as requests that were due in it are
// under way, so each is told of again when it has changed. It may be used concurrently.
type Series struct {
	Settle time.Duration // a request may take this long; then its second is done, and what comes later still is counted, but not timed

	mu      sync.Mutex
	seconds map[int64]*second // by their Unix time
}

type second struct {
	Second
	changed bool
	took    *hdrhistogram.Histogram // microseconds; nil = settled
}

// Observe counts a sample.
func (s *Series) Observe(sample Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seconds == nil {
		s.seconds = map[int64]*second{}
	}
	at := sample.Due.Truncate(time.Second)
	of := s.seconds[at.Unix()]
	if of == nil {
		of = &second{Second: Second{At: at}, took: hdrhistogram.New(leastTook, mostTook, digits-1)}
		s.seconds[at.Unix()] = of
	}
	of.changed = true
	of.Requests++
	if sample.Err != nil {
		of.Errors++
	}
	if of.took != nil {
		_ = of.took.RecordValue(inBounds(sample.Took)) // fails out of bounds only
	}
}

// Changed gives the seconds that changed since it was last called, in order.
func (s *Series) Changed(now time.Time) []Second {
	s.mu.Lock()
	defer s.mu.Unlock()
	var changed []Second
	for _, of := range s.seconds {
		if of.changed && of.took != nil {
			of.P50 = time.Duration(of.took.ValueAtQuantile(50)) * time.Microsecond
			of.P99 = time.Duration(of.took.ValueAtQuantile(99)) * time.Microsecond
		}
		if of.changed {
			changed = append(changed, of.Second)
		}
		of.changed = false
		if now.Sub(of.At) > time.Second+s.Settle {
			of.took = nil
		}
	}
	slices.SortFunc(changed, func(a, b Second) int { return a.At.Compare(b.At) })
	return changed
}
