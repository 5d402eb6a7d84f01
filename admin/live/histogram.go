package live

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Buckets are of equal width up to 32 µs, and then 16 to each power of two: a quantile is off by 1/32 at most. What is longer
// than a day is in the last one.
const (
	unitShift = 10 // a unit is 1,024 ns
	perOctave = 16
	octaves   = 33
	buckets   = perOctave * (octaves + 1)
)

// histogram counts durations. It may be added to concurrently.
type histogram [buckets]atomic.Uint64

func (h *histogram) add(d time.Duration) { h[bucketOf(d)].Add(1) }

// bucketOf is the place of a duration's bucket.
func bucketOf(d time.Duration) int {
	units := uint64(max(d, 0)) >> unitShift
	shift := max(bits.Len64(units)-5, 0)
	return min(perOctave*shift+int(units>>shift), buckets-1)
}

// middleOf is the duration in the middle of a bucket.
func middleOf(bucket int) time.Duration {
	shift := max(bucket/perOctave-1, 0)
	units := uint64(bucket - perOctave*shift)
	return time.Duration((2*units+1)<<shift<<unitShift) / 2
}

// counted is what a histogram held at an instant.
type counted [buckets]uint64

// since moves an earlier reading on to now, and gives what came between.
func (h *histogram) since(last *counted) (between counted, sum uint64) {
	for i := range h {
		now := h[i].Load()
		between[i] = now - last[i]
		sum += between[i]
		last[i] = now
	}
	return between, sum
}

// quantile gives the duration that so large a part of them, 0 to 1, does not exceed: the nearest rank's; 0 for none.
func (c *counted) quantile(part float64, sum uint64) time.Duration {
	rank := uint64(part*float64(sum) + 0.9999)
	for i, n := range c {
		if n >= rank && n > 0 {
			return middleOf(i)
		}
		rank -= min(n, rank)
	}
	return 0
}
