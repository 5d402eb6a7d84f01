package proxy

import (
	"sync/atomic"
	"time"
)

// bounds are the upper bounds, inclusive, of a Histogram's buckets.
var bounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// Histogram counts durations by buckets from 0.5 ms to a minute. The zero Histogram is ready; all methods may be called
// concurrently.
type Histogram struct {
	counts [len(bounds) + 1]atomic.Uint64 // the last one of what is longer
	sum    atomic.Int64                   // nanoseconds
}

// Observe counts a duration.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Read gives how many durations there were, their sum in seconds, and how many were at most so many seconds, by the
// buckets' bounds.
func (h *Histogram) Read() (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(bounds))
	for i, bound := range bounds {
		count += h.counts[i].Load()
		buckets[bound.Seconds()] = count
	}
	count += h.counts[len(bounds)].Load()
	return count, time.Duration(h.sum.Load()).Seconds(), buckets
}
