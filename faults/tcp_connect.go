package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Connect acts before the upstream is dialled, on a client that was accepted.
type Connect struct {
	As      string   `json:"as"`                // "refuse" resets the connection, "delay" dials later, "hang" never
	Latency Duration `json:"latency,omitempty"` // of delay: how much later
	For     Duration `json:"for,omitempty"`     // of hang: then the connection is closed; 0 = when the client leaves
}

func newConnect() Attributes { return &Connect{} }

func (c *Connect) check(Phase) error {
	switch {
	case c.As != "refuse" && c.As != "delay" && c.As != "hang":
		return document.Errorf("as", "want refuse, delay or hang, got %q", clip(c.As))
	case c.As == "delay" && c.Latency <= 0:
		return document.Errorf("latency", "missing: want how much later to dial, more than 0s")
	case c.As != "delay" && c.Latency != 0:
		return document.Errorf("latency", "only beside delay")
	case c.As != "hang" && c.For != 0:
		return document.Errorf("for", "only beside hang")
	}
	if err := checkDuration("latency", c.Latency); err != nil {
		return err
	}
	return checkDuration("for", c.For)
}

func (c *Connect) decide(hit) Action {
	switch c.As {
	case "delay":
		return Wait{For: time.Duration(c.Latency)}
	case "hang":
		return Hold{For: time.Duration(c.For)}
	}
	return End{How: EndReset}
}
