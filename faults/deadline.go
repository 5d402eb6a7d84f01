package faults

import (
	"sync/atomic"
	"time"
)

// Deadline is an instant that can be put off while rules refer to it: the end of a lease. All methods may be called
// concurrently.
type Deadline struct{ at atomic.Pointer[time.Time] }

// NewDeadline makes a deadline; at must come from a clock with a monotonic reading.
func NewDeadline(at time.Time) *Deadline {
	d := &Deadline{}
	d.at.Store(&at)
	return d
}

// At is when it is over.
func (d *Deadline) At() time.Time { return *d.at.Load() }

// Over reports whether it has passed.
func (d *Deadline) Over(now time.Time) bool { return !now.Before(d.At()) }

// PutOff moves the deadline, unless it has passed: what is over stays over.
func (d *Deadline) PutOff(now, to time.Time) bool {
	for {
		old := d.at.Load()
		if !now.Before(*old) {
			return false
		}
		if d.at.CompareAndSwap(old, &to) {
			return true
		}
	}
}
