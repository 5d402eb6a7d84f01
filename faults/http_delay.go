package faults

import (
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Delay holds an exchange: in phase before the request on its way to the upstream, in phase after the reply. It ends
// at once when the client leaves.
type Delay struct {
	Latency      Duration `json:"latency"`
	Jitter       Duration `json:"jitter,omitempty"`
	Distribution string   `json:"distribution,omitempty"` // "" or "uniform": latency ± jitter, below 0 = 0

	P50       Duration       `json:"p50,omitempty"`
	P99       Duration       `json:"p99,omitempty"`
	Quantiles *document.Node `json:"quantiles,omitempty"`
	Alpha     float64        `json:"alpha,omitempty"`
	Max       Duration       `json:"max,omitempty"`
	Mode      string         `json:"mode,omitempty"`
}

func newDelay() Attributes { return &Delay{} }

func (d *Delay) check(Phase) error {
	switch {
	case d.Distribution != "" && d.Distribution != "uniform":
		return document.Errorf("distribution", "%q is %s: want uniform", clip(d.Distribution), later)
	case d.P50 != 0:
		return document.Errorf("p50", later)
	case d.P99 != 0:
		return document.Errorf("p99", later)
	case d.Quantiles != nil:
		return document.Errorf("quantiles", later)
	case d.Alpha != 0:
		return document.Errorf("alpha", later)
	case d.Max != 0:
		return document.Errorf("max", later)
	case d.Mode != "" && d.Mode != "add":
		return document.Errorf("mode", "%q is %s: want add", clip(d.Mode), later)
	}
	for _, given := range []struct {
		name  string
		value Duration
	}{{"latency", d.Latency}, {"jitter", d.Jitter}} {
		if given.value < 0 || given.value > MaxDuration {
			return document.Errorf(given.name, "must be 0s to %v, got %v", MaxDuration, given.value)
		}
	}
	if d.Latency == 0 && d.Jitter == 0 {
		return document.Errorf("latency", "missing: want how long to hold, more than 0s")
	}
	return nil
}

func (d *Delay) decide(h hit) Action {
	wait := time.Duration(d.Latency)
	if d.Jitter > 0 {
		wait += time.Duration((2*h.draw(1) - 1) * float64(d.Jitter))
	}
	return Wait{For: max(wait, 0)}
}
