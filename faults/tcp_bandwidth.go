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
		if s.reserved.IsZero() && p.Bytes > 0 {
			s.reserved = p.now.Add(s.bucket.Take(p.now, p.Bytes, int64(b.Rate)))
		}
		p.At = latest(p.At, s.reserved)
	default:
		p.At = latest(p.At, s.free).Add(b.worth(p.Bytes))
	}
}

func (b *Bandwidth) sent(s *toxicState, p Piece, now time.Time) {
	s.free, s.reserved = moved(p.At, now), time.Time{}
}

// worth is the time that bytes take.
func (b *Bandwidth) worth(n int) time.Duration {
	return time.Duration(math.Ceil(float64(n) / float64(b.Rate) * float64(time.Second)))
}
