package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Blackhole accepts a request and never answers: in phase before the upstream does not see it, in phase after its
// reply is lost.
type Blackhole struct {
	For Duration `json:"for"` // then the connection is closed; 0 = when the client leaves
}

func newBlackhole() Attributes { return &Blackhole{} }

func (b *Blackhole) check(Phase) error {
	if b.For < 0 || b.For > MaxDuration {
		return document.Errorf("for", "must be 0s to %v, got %v", MaxDuration, b.For)
	}
	return nil
}

func (b *Blackhole) decide(hit) Action { return Hold{For: time.Duration(b.For)} }
