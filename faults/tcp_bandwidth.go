package faults

import (
	"math"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Bandwidth slows a direction of a connection down to a rate, smoothly: pieces of 25 ms worth, each sent when its time has
// passed. What could not be sent in time is made up for, 25 ms worth at most. A rate of 0 stops the data: nothing is lost,
// and it flows again when the rule is changed or taken away.
type Bandwidth struct {
	Rate  Size   `json:"rate"`            // bytes per second; 0 = nothing passes
	Scope string `json:"scope,omitempty"` // who has the rate: each "link" (default), or all of the "proxy" together
}

func newBandwidth() Attributes { return &Bandwidth{Rate: -1} }

func (b *Bandwidth) check(Phase) error {
	switch {
	case b.Rate < 0:
		return document.Errorf("rate", `missing: want bytes per second, such as "10KB", or 0 for none`)
	case b.Scope != "" && b.Scope != "link" && b.Scope != "proxy":
		return document.Errorf("scope", "want link or proxy, got %q", clip(b.Scope))
	}
	return document.At(b.Rate.check(), "rate")
}

func (b *Bandwidth) limit(_ *toxicState, n int) int {
	if b.Rate == 0 {
		return n
	}
	return int(min(int64(n), max(int64(b.Rate)/int64(time.Second/smoothness), 1)))
}

func (b *Bandwidth) shape(s *toxicState, p *Piece) {
	switch {
	case b.Rate == 0:
		p.At = p.At.Add(never)
	case b.Scope == "proxy":
		s.leave(p, b.reserve(s, p))
	default:
		s.leave(p, latest(p.At, s.free).Add(b.worth(p.Bytes)))
	}
}

// reserve takes a piece's place in the rate that is shared, once its turn on this link has come: others need not wait for what
// is held here.
func (b *Bandwidth) reserve(s *toxicState, p *Piece) time.Time {
	at := latest(p.At, s.free)
	if s.reserved.IsZero() && p.Bytes > 0 && !at.After(p.now) {
		s.reserved = at.Add(s.bucket.Take(at, p.Bytes, int64(b.Rate)))
	}
	return latest(at, s.reserved)
}

func (b *Bandwidth) sent(s *toxicState, p Piece, now time.Time) {
	s.free, s.reserved = s.left(p, now), time.Time{}
}

// worth is the time that bytes take.
func (b *Bandwidth) worth(n int) time.Duration {
	return time.Duration(math.Ceil(float64(n) / float64(b.Rate) * float64(time.Second)))
}
