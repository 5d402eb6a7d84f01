package memnet

import (
	"sync"
	"time"
)

// deadline ends what blocks at a time.
type deadline struct {
	mu    sync.Mutex // guards what follows
	at    time.Time  // zero = never
	timer *time.Timer
	over  chan struct{} // closed when the time has come
	moved chan struct{} // closed when another time is set
}

func newDeadline() deadline {
	return deadline{over: make(chan struct{}), moved: make(chan struct{})}
}

// set moves the deadline.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	over := make(chan struct{})
	close(d.moved)
	d.at, d.timer, d.over, d.moved = t, nil, over, make(chan struct{})
	switch left := time.Until(t); {
	case t.IsZero():
	case left <= 0:
		close(over)
	default:
		d.timer = time.AfterFunc(left, func() { close(over) })
	}
}

// isOver reports whether the time has come.
func (d *deadline) isOver() bool {
	over, _ := d.watch()
	select {
	case <-over:
		return true
	default:
		return false
	}
}

// watch gives what is closed when the time has come, and when another one is set.
func (d *deadline) watch() (over, moved <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over, d.moved
}
