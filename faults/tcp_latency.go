package faults

import (
	"encoding/json"

	"github.com/squall-proxy/squall/internal/document"
)

// Latency delays data, and the end of the stream: what was read at one moment is sent so much later. Several add up, and
// nothing overtakes what was read before it. How long is drawn for each read, by the distributions of [Delay]. A latency of 0
// that is spelt out delays nothing: it is there for Toxiproxy's clients.
type Latency struct {
	Latency      Duration  `json:"latency,omitempty"`      // 0s to 24h
	Jitter       Duration  `json:"jitter,omitempty"`       // what the distribution makes of it
	Distribution string    `json:"distribution,omitempty"` // "uniform", "normal", "exponential", "pareto", "lognormal" or "quantiles"
	P50          Duration  `json:"p50,omitempty"`          // of lognormal: the median
	P99          Duration  `json:"p99,omitempty"`          // of lognormal: more than p50
	Quantiles    Quantiles `json:"quantiles,omitempty"`    // a table such as {"p50": "20ms", "p99": "300ms"}
	Alpha        float64   `json:"alpha,omitempty"`        // of pareto: 1 to 100; absent = 3
	Max          Duration  `json:"max,omitempty"`          // of one wait; absent = 24h
}

func newLatency() Attributes { return &Latency{} }

// DecodeDocument reads the attributes. A limit of 0 that is spelt out is refused, a latency of 0 that is not is missing.
func (l *Latency) DecodeDocument(n *document.Node) error {
	type plain Latency
	if err := document.Decode(n, (*plain)(l)); err != nil {
		return err
	}
	if n.Get("latency") == nil {
		if err := l.delay().check(""); err != nil {
			return err
		}
	}
	return l.delay().refuseZeros(n)
}

// MarshalJSON spells out a latency that delays nothing.
func (l Latency) MarshalJSON() ([]byte, error) {
	type plain Latency
	if !l.isNothing() {
		return json.Marshal(plain(l))
	}
	return json.Marshal(struct {
		Latency Duration `json:"latency"`
		plain
	}{plain: plain(l)})
}

// isNothing reports whether data is not delayed at all.
func (l *Latency) isNothing() bool {
	by := l.delay().distribution()
	return l.Latency == 0 && l.Jitter == 0 && by != nil && by.name == "uniform"
}

func (l *Latency) check(phase Phase) error {
	delay := l.delay()
	if l.isNothing() {
		delay.Latency = 1 // which is one that Delay takes
	}
	return delay.check(phase)
}

// delay is the same as an HTTP fault.
func (l *Latency) delay() *Delay {
	return &Delay{
		Latency: l.Latency, Jitter: l.Jitter, Distribution: l.Distribution,
		P50: l.P50, P99: l.P99, Quantiles: l.Quantiles, Alpha: l.Alpha, Max: l.Max,
	}
}

func (l *Latency) shape(s *toxicState, p *Piece) {
	own := s.hit
	own.hash += p.Head.Number * phi // each read has draws of its own
	p.At = p.At.Add(l.delay().draw(own))
}
