package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Stall pauses a direction now and then: each time that so long has passed since the rule hit the link, nothing is sent for
// a while. No data is lost.
type Stall struct {
	Every Duration `json:"every"` // from the beginning of a pause to that of the next one, and to that of the first
	For   Duration `json:"for"`   // how long a pause is; less than every
}

func newStall() Attributes { return &Stall{} }

func (s *Stall) check(Phase) error {
	if s.Every <= 0 {
		return document.Errorf("every", "missing: want the time between two pauses, more than 0s")
	}
	if s.For <= 0 || s.For >= s.Every {
		return document.Errorf("for", "must be more than 0s and less than every, got %v", s.For)
	}
	return checkDuration("every", s.Every)
}

func (s *Stall) shape(state *toxicState, p *Piece) {
	at := latest(latest(p.At, state.free), state.since)
	since := at.Sub(state.since)
	if within := since % time.Duration(s.Every); since >= time.Duration(s.Every) && within < time.Duration(s.For) {
		at = at.Add(time.Duration(s.For) - within)
	}
	state.leave(p, at)
}

// sent notes how late the piece was: those behind it are no sooner.
func (s *Stall) sent(state *toxicState, p Piece, now time.Time) {
	state.free = state.at.Add(max(now.Sub(p.At), 0))
}
