package semantics

import (
	"io"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// Flipping is a body whose bytes are flipped as they are read.
type Flipping struct {
	io.Reader
	Flipper *faults.Flipper
}

// Read reads the body.
func (f *Flipping) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	f.Flipper.Flip(p[:n])
	return n, err
}

// Paced is a body that is read no faster than it may go.
type Paced struct {
	io.Reader
	Pacer *faults.Pacer
	Pause func(time.Duration) error // waits; an error ends the body
}

// Read reads what may go at once, and waits until it may. The error is the body's, or why the waiting ended.
func (r *Paced) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p[:r.Pacer.Limit(len(p))])
	if n == 0 {
		return n, err
	}
	now := time.Now()
	if wait := r.Pacer.Take(now, n); wait > 0 {
		if failed := r.Pause(wait); failed != nil {
			return 0, failed
		}
		now = time.Now()
	}
	r.Pacer.Sent(now, n)
	return n, err
}
