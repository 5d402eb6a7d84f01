package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// LimitData lets so many bytes of a direction pass, and closes the connection behind them; with 0 when the first would. What
// has passed counts on when the rule is changed.
type LimitData struct {
	Bytes Size `json:"bytes"` // that pass; 0 = none
}

func newLimitData() Attributes { return &LimitData{Bytes: -1} }

func (d *LimitData) check(Phase) error {
	if d.Bytes < 0 {
		return document.Errorf("bytes", `missing: want how many bytes pass, such as "10KB"`)
	}
	return document.At(d.Bytes.check(), "bytes")
}

// left is how many bytes may still pass.
func (d *LimitData) left(s *toxicState) int64 { return max(int64(d.Bytes)-s.bytes, 0) }

func (d *LimitData) limit(s *toxicState, n int) int { return int(min(int64(n), d.left(s))) }

func (d *LimitData) shape(s *toxicState, p *Piece) {
	if p.Head.Bytes > 0 && int64(p.Bytes) >= d.left(s) && p.Then == LinkGoesOn {
		p.Then = LinkCloses
	}
}

func (d *LimitData) sent(s *toxicState, p Piece, _ time.Time) { s.bytes += int64(p.Bytes) }
