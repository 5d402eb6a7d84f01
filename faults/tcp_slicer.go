package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Slicer cuts the data into small pieces, with a pause behind each. How long a piece is is drawn evenly between average_size
// less size_variation and average_size and size_variation, and is a byte at least; none is longer than what was read at
// once.
type Slicer struct {
	AverageSize   Size     `json:"average_size"`             // bytes, at least 1
	SizeVariation Size     `json:"size_variation,omitempty"` // bytes, less than average_size
	Delay         Duration `json:"delay,omitempty"`          // behind each piece
}

func newSlicer() Attributes { return &Slicer{} }

func (c *Slicer) check(Phase) error {
	switch {
	case c.AverageSize < 1:
		return document.Errorf("average_size", "want the bytes of a piece, at least 1, got %d", c.AverageSize)
	case c.SizeVariation < 0 || c.SizeVariation >= c.AverageSize:
		return document.Errorf("size_variation", "must be less than average_size: 0 to %d, got %d", c.AverageSize-1, c.SizeVariation)
	}
	if err := c.AverageSize.check(); err != nil {
		return document.At(err, "average_size")
	}
	return checkDuration("delay", c.Delay)
}

func (c *Slicer) limit(s *toxicState, n int) int {
	own := s.hit
	own.hash += s.pieces * phi
	size := float64(c.AverageSize) + (2*own.draw(1)-1)*float64(c.SizeVariation)
	return max(min(n, int(size)), 1)
}

func (c *Slicer) shape(s *toxicState, p *Piece) { s.leave(p, latest(p.At, s.free)) }

func (c *Slicer) sent(s *toxicState, p Piece, now time.Time) {
	s.pieces++
	s.free = s.left(p, now).Add(time.Duration(c.Delay))
}
