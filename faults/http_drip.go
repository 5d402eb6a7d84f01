package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Drip sends the reply's body in small pieces. The first goes at once, and none is waited for to be full: of a body that
// comes slowly, what is there goes. A body that is known to be no longer than a piece passes: the rule has not hit.
type Drip struct {
	Chunk    Size     `json:"chunk"`    // bytes of a piece
	Interval Duration `json:"interval"` // from the beginning of a piece to that of the next one; 100ms unless given
}

// dripInterval is the time between two pieces where a rule names none.
const dripInterval = Duration(100 * time.Millisecond)

func newDrip() Attributes { return &Drip{Interval: dripInterval} }

func (d *Drip) check(Phase) error {
	switch {
	case d.Chunk == 0:
		return document.Errorf("chunk", "want the bytes of a piece, at least 1, got %d", d.Chunk)
	case d.Interval <= 0 || d.Interval > MaxDuration:
		return document.Errorf("interval", "must be more than 0s, up to %v, got %v", MaxDuration, d.Interval)
	}
	return document.At(d.Chunk.check(), "chunk")
}

func (d *Drip) decide(hit) Action {
	return Pieces{Size: int64(d.Chunk), Interval: time.Duration(d.Interval)}
}
