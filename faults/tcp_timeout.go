package faults

import "time"

// Timeout loses all data, and closes the connection after a time, counted from when the rule hit it, with traffic or
// without. The end of the stream passes, so that a client who has left takes no place for ever. When the rule is taken away,
// switched off, or runs out, the connections that it has hit are closed.
type Timeout struct {
	Timeout Duration `json:"timeout"` // 0 = the connection is not closed
}

func newTimeout() Attributes { return &Timeout{} }

func (t *Timeout) check(Phase) error { return checkDuration("timeout", t.Timeout) }

func (t *Timeout) shape(_ *toxicState, p *Piece) { p.Drop = true }

func (t *Timeout) deadline() (time.Duration, LinkEnd, bool) {
	return time.Duration(t.Timeout), LinkCloses, t.Timeout > 0
}
