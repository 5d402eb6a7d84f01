package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// SlowClose passes all data, and the end of the stream so much later.
type SlowClose struct {
	Delay Duration `json:"delay"` // 0s to 24h
}

func newSlowClose() Attributes { return &SlowClose{} }

func (c *SlowClose) check(Phase) error {
	if c.Delay <= 0 || c.Delay > MaxDuration {
		return document.Errorf("delay", "must be more than 0s and at most %v, got %v", MaxDuration, c.Delay)
	}
	return nil
}

func (c *SlowClose) shape(_ *toxicState, p *Piece) {
	if p.Head.Bytes == 0 {
		p.At = p.At.Add(time.Duration(c.Delay))
	}
}
