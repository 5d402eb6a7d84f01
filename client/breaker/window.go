package breaker

import "time"

// window holds the latest outcomes, up to a number and up to an age. It slides by single outcomes, so that there is no
// seam at which failures that came together would be counted apart.
type window struct {
	limit  int
	within time.Duration // 0: whatever their age

	ring         []outcome // grows up to limit
	first, n     int
	failed, slow int
}

type outcome struct {
	at           time.Time
	failed, slow bool
}

// add takes o in. What is then too much, or too old, goes.
func (w *window) add(o outcome) {
	w.expire(o.at)
	if w.n == w.limit {
		w.drop()
	}
	if w.n == len(w.ring) {
		w.grow()
	}
	w.ring[(w.first+w.n)%len(w.ring)] = o
	w.n++
	w.failed += count(o.failed)
	w.slow += count(o.slow)
}

func (w *window) grow() {
	larger := make([]outcome, min(w.limit, max(16, 2*len(w.ring))))
	for i := range w.n {
		larger[i] = w.ring[(w.first+i)%len(w.ring)]
	}
	w.ring, w.first = larger, 0
}

// expire drops what is more than within old at now.
func (w *window) expire(now time.Time) {
	for w.within > 0 && w.n > 0 && now.Sub(w.ring[w.first].at) > w.within {
		w.drop()
	}
}

func (w *window) drop() {
	o := w.ring[w.first]
	w.first = (w.first + 1) % len(w.ring)
	w.n--
	w.failed -= count(o.failed)
	w.slow -= count(o.slow)
}

func (w *window) clear() { w.first, w.n, w.failed, w.slow = 0, 0, 0, 0 }

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
