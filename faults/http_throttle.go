package faults

import "github.com/squall-proxy/squall/internal/document"

// Throttle slows bodies down to a rate, smoothly: no more than 50 ms worth go at once, and never less than a byte.
// Trailers wait for the body. Requests for an upgrade pass, and so do, with side request, those without a body: the rule
// has not hit.
type Throttle struct {
	Rate  Size   `json:"rate"`            // bytes per second, each way
	Side  Side   `json:"side,omitempty"`  // whose body: "response" (default), "request", "both"
	Scope string `json:"scope,omitempty"` // who has the rate: each "exchange" (default), or all that the "rule" hits
}

func newThrottle() Attributes { return &Throttle{} }

func (t *Throttle) check(Phase) error {
	switch {
	case t.Rate == 0:
		return document.Errorf("rate", `missing: want bytes per second, such as "10KB", at least 1`)
	case t.Side != "" && t.Side != OfResponse && t.Side != OfRequest && t.Side != OfBoth:
		return document.Errorf("side", "want response, request or both, got %q", clip(string(t.Side)))
	case t.Scope != "" && t.Scope != "exchange" && t.Scope != "rule":
		return document.Errorf("scope", "want exchange or rule, got %q", clip(t.Scope))
	}
	return document.At(t.Rate.check(), "rate")
}

func (t *Throttle) decide(hit) Action {
	side := t.Side
	if side == "" {
		side = OfResponse
	}
	return Pace{Rate: int64(t.Rate), Side: side, Shared: t.Scope == "rule"}
}
