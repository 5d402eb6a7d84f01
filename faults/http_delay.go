package faults

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// Delay holds an exchange: in phase before the request on its way to the upstream, in phase after the reply. It ends
// at once when the client leaves.
//
// How long is drawn anew for each hit, by one of the distributions:
//
//	uniform      latency ± jitter (the default)
//	normal       mean latency, standard deviation jitter
//	exponential  latency, and on top an exponential of mean jitter
//	pareto       at least latency, with the tail index alpha (3 unless given): P(wait > x) = (latency/x)^alpha
//	lognormal    with the median p50 and the 99th percentile p99; the default where these are given
//	quantiles    a measured table, see [Quantiles]; the default where that is given
//
// What is drawn below 0 is 0. What is drawn above Max is drawn again, up to 100 times, and is Max then; at least one draw
// in ten must be within it, so that this happens to less than 3 hits in 100,000.
type Delay struct {
	Latency      Duration `json:"latency,omitempty"`      // 0s to 24h
	Jitter       Duration `json:"jitter,omitempty"`       // what the distribution makes of it
	Distribution string   `json:"distribution,omitempty"` // "uniform", "normal", "exponential", "pareto", "lognormal" or "quantiles"

	P50       Duration  `json:"p50,omitempty"`       // of lognormal: the median
	P99       Duration  `json:"p99,omitempty"`       // of lognormal: more than p50
	Quantiles Quantiles `json:"quantiles,omitempty"` // a table such as {"p50": "20ms", "p99": "300ms"}, linear between, flat outside
	Alpha     float64   `json:"alpha,omitempty"`     // of pareto: 1 to 100; absent = 3
	Max       Duration  `json:"max,omitempty"`       // of one wait; absent = 24h

	// Mode says what the time counts from. "add" (default): from when the rule is reached, so that delays add up. "floor",
	// in phase after only, which it implies: from the exchange's begin; the request goes on at once, and the reply is held
	// for what is left then, maybe nothing. An answer of ours that ends an exchange in phase before is not held.
	Mode string `json:"mode,omitempty"`
}

func newDelay() Attributes { return &Delay{} }

// DecodeDocument reads the attributes. A limit of 0 that is spelt out is refused: it would be none.
func (d *Delay) DecodeDocument(n *document.Node) error {
	type plain Delay
	if err := document.Decode(n, (*plain)(d)); err != nil {
		return err
	}
	return d.refuseZeros(n)
}

func (d *Delay) refuseZeros(n *document.Node) error {
	switch {
	case d.Max == 0 && n.Get("max") != nil:
		return document.Errorf("max", "must be more than 0s: leave it out for no limit but %v", MaxDuration)
	case d.Alpha == 0 && n.Get("alpha") != nil:
		return document.Errorf("alpha", "must be 1 to 100, got 0")
	}
	return nil
}

// implies makes phase after the default of a floor.
func (d *Delay) implies() Phase {
	if d.Mode == "floor" {
		return After
	}
	return ""
}

func (d *Delay) check(phase Phase) error {
	by := d.distribution()
	if by == nil {
		return document.Errorf("distribution", "want one of %s, got %q", distributionNames(), clip(d.Distribution))
	}
	if err := d.checkGiven(by); err != nil {
		return err
	}
	switch {
	case by.name == "uniform" && d.Latency == 0 && d.Jitter == 0:
		return document.Errorf("latency", "missing: want how long to hold, more than 0s")
	case by.name == "lognormal" && d.P99 <= d.P50:
		return document.Errorf("p99", "must be more than p50, got %v and %v", d.P99, d.P50)
	case d.Mode != "" && d.Mode != "add" && d.Mode != "floor":
		return document.Errorf("mode", "want add or floor, got %q", clip(d.Mode))
	case d.Mode == "floor" && phase != After:
		return document.Errorf("mode", "in phase %s there is no answer yet that floor could hold: want phase after, or none", phase)
	}
	if err := d.Quantiles.check(); err != nil {
		return document.At(err, "quantiles")
	}
	if tenth := by.quantile(d, 0.1); tenth > float64(d.most()) {
		field := "latency"
		if d.Max > 0 {
			field = "max"
		}
		return document.Errorf(field, "nine of ten draws would be over the limit of %v: the first tenth ends at %v", d.most(), span(tenth))
	}
	return nil
}

// checkGiven checks the attributes one by one: is each within its bounds, and one that the distribution knows.
func (d *Delay) checkGiven(by *distribution) error {
	for _, duration := range []struct {
		name  string
		value Duration
	}{{"latency", d.Latency}, {"jitter", d.Jitter}, {"p50", d.P50}, {"p99", d.P99}, {"max", d.Max}} {
		if duration.value < 0 || duration.value > MaxDuration {
			return document.Errorf(duration.name, "must be 0s to %v, got %v", MaxDuration, duration.value)
		}
	}
	if d.Alpha != 0 && !(d.Alpha >= 1 && d.Alpha <= 100) {
		return document.Errorf("alpha", "must be 1 to 100, got %v", d.Alpha)
	}
	for _, attribute := range []struct {
		name  string
		given bool
	}{
		{"latency", d.Latency != 0},
		{"jitter", d.Jitter != 0},
		{"p50", d.P50 != 0},
		{"p99", d.P99 != 0},
		{"quantiles", d.Quantiles != nil},
		{"alpha", d.Alpha != 0},
	} {
		needed := slices.Contains(by.needs, attribute.name)
		switch {
		case needed && !attribute.given:
			return document.Errorf(attribute.name, "missing: a delay of distribution %s needs it", by.name)
		case attribute.given && !needed && !slices.Contains(by.takes, attribute.name):
			return document.Errorf(attribute.name, "not in a delay of distribution %s, which knows %s",
				by.name, strings.Join(slices.Concat(by.needs, by.takes), ", "))
		}
	}
	return nil
}

func (d *Delay) decide(h hit) Action {
	wait := d.draw(h)
	if d.Mode == "floor" {
		wait -= h.since
	}
	return Wait{For: max(wait, 0)}
}

// draw gives how long to hold, 0 to most.
func (d *Delay) draw(h hit) time.Duration {
	const draws = 100
	by := d.distribution()
	for i := uint32(1); i <= draws; i++ {
		if wait := by.quantile(d, h.draw(i)); wait <= float64(d.most()) {
			return max(time.Duration(wait), 0)
		}
	}
	return time.Duration(d.most())
}

// most is the longest wait.
func (d *Delay) most() Duration { return cmp.Or(d.Max, MaxDuration) }
