package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// LimitTime closes the connection a time after the rule hit it, also under traffic. Until then everything passes.
type LimitTime struct {
	After Duration `json:"after"` // more than 0s, up to 24h
}

func newLimitTime() Attributes { return &LimitTime{} }

func (t *LimitTime) check(Phase) error {
	if t.After <= 0 {
		return document.Errorf("after", "want how long the connection lives, more than 0s, got %v", t.After)
	}
	return checkDuration("after", t.After)
}

func (t *LimitTime) deadline() (time.Duration, LinkEnd, bool) {
	return time.Duration(t.After), LinkCloses, true
}
