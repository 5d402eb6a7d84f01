package tcp

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestQueuesShareABound: a link may have more in its queue than others as long as there is room for all.
func TestQueuesShareABound(t *testing.T) {
	for _, test := range []struct {
		waiting int
		others  int64
		room    bool
	}{
		{maxQueue - 1, 0, true},
		{maxQueue, 0, false},
		{leastQueue, maxQueued - leastQueue - 1, true},
		{leastQueue, maxQueued - leastQueue, false},
		{leastQueue - 1, maxQueued, true},
	} {
		var all atomic.Int64
		q := newQueue(&all)
		q.put(make([]byte, test.waiting), time.Now())
		all.Add(test.others)
		if got := !q.isFull(); got != test.room {
			t.Errorf("%d wait here, %d elsewhere: room %t", test.waiting, test.others, got)
		}
		q.take(1)
		if got := all.Load() - test.others; got != int64(test.waiting-1) {
			t.Errorf("%d are counted of %d", got, test.waiting-1)
		}
		q.forget()
		if got := all.Load(); got != test.others {
			t.Errorf("%d stay behind", got-test.others)
		}
	}
}
