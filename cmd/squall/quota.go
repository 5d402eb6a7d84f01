package main

import (
	"sync"
	"time"
)

// quota lets so many lines pass in each second, and counts the others. A nil quota lets all pass.
type quota struct {
	most int // in a second

	mu         sync.Mutex // a leaf lock; guards what follows
	end        time.Time  // of the second
	lines      int        // in it
	suppressed int        // since a line said so
}

// admit reports whether a line may be written, and if so how many were not since the last one.
func (q *quota) admit(now time.Time) (suppressed int, admitted bool) {
	if q == nil {
		return 0, true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !now.Before(q.end) {
		q.end, q.lines = now.Add(time.Second), 0
	}
	if q.lines >= q.most {
		q.suppressed++
		return 0, false
	}
	q.lines++
	suppressed, q.suppressed = q.suppressed, 0
	return suppressed, true
}

// rest gives how many lines were not written since one said so.
func (q *quota) rest() int {
	if q == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.suppressed
}
