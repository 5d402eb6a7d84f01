package faults

import "time"

// ResetPeer resets the connection, on both sides and by a true RST, a time after the rule hit it. Until then all data is
// lost, and the end of a stream, too; a connection that has lost some is also reset when the rule is taken away, switched off, or runs out.
type ResetPeer struct {
	Timeout Duration `json:"timeout"` // 0 = at once
}

func newResetPeer() Attributes { return &ResetPeer{} }

func (r *ResetPeer) check(Phase) error { return checkDuration("timeout", r.Timeout) }

func (r *ResetPeer) shape(_ *toxicState, p *Piece) {
	p.Drop = true
	if p.Head.Bytes == 0 { // a stream that ends before is reset all the same
		p.At = p.At.Add(never)
	}
}

func (r *ResetPeer) deadline() (time.Duration, LinkEnd, bool) {
	return time.Duration(r.Timeout), LinkResets, true
}
