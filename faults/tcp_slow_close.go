package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// SlowClose passes all data, and the end of the stream so much later.
type SlowClose struct {
	Delay Duration `json:"delay"` // 0s to 24h
}

func newSlowClose() Attributes { return &SlowClose{Delay: -1} }

func (c *SlowClose) check(Phase) error {
	if c.Delay < 0 {
		return document.Errorf("delay", `missing: want how much later, such as "1s"`)
	}
	return checkDuration("delay", c.Delay)
}

func (c *SlowClose) shape(_ *toxicState, p *Piece) {
	if p.Head.Bytes == 0 {
		p.At = p.At.Add(time.Duration(c.Delay))
	}
}
