package faults

import (
	"sync/atomic"
	"time"
)

// Deadline is an instant that can be put off while rules refer to it: the end of a lease. Once anybody has seen it over it
// is over for all and for ever, so that what one goroutine took away no other brings back. All methods may be called
// concurrently.
type Deadline struct{ is atomic.Pointer[instant] }

// instant is where a deadline stands.
type instant struct {
	at   time.Time
	over bool
}

// NewDeadline makes a deadline; at must come from a clock with a monotonic reading.
func NewDeadline(at time.Time) *Deadline {
	d := &Deadline{}
	d.is.Store(&instant{at: at})
	return d
}

// At is when it is, or was, over.
func (d *Deadline) At() time.Time { return d.is.Load().at }

// Over reports whether it has passed.
func (d *Deadline) Over(now time.Time) bool {
	for {
		is := d.is.Load()
		switch {
		case is.over:
			return true
		case now.Before(is.at):
			return false
		case d.is.CompareAndSwap(is, &instant{at: is.at, over: true}):
			return true
		}
	}
}

// PutOff moves the deadline, never to an earlier time. It gives false if it has passed: what is over stays over.
func (d *Deadline) PutOff(now, to time.Time) bool {
	for {
		is := d.is.Load()
		switch {
		case is.over || !now.Before(is.at):
			return false
		case !to.After(is.at), d.is.CompareAndSwap(is, &instant{at: to}):
			return true
		}
	}
}
