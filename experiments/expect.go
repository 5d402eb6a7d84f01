package experiments

import (
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Expectation is what the proxies' own records must show when the run is over: exactly one of its fields.
type Expectation struct {
	BoundedRetries *BoundedRetries `json:"bounded_retries,omitempty"`
	Timeout        *Timeout        `json:"timeout,omitempty"`
	Breaker        *Breaker        `json:"breaker,omitempty"`
	Hits           *Hits           `json:"hits,omitempty"`
}

// BoundedRetries says that no call was repeated more often.
type BoundedRetries struct {
	Proxy  string `json:"proxy"`
	Max    int    `json:"max"` // repetitions of one call
	Target string `json:"target,omitempty"`
}

// Timeout says that the client gave up on what was too slow.
type Timeout struct {
	Proxy  string          `json:"proxy"`
	Within faults.Duration `json:"within"`
	Target string          `json:"target,omitempty"`
}

// Breaker says whether the client's circuit breaker opened, and how soon it closed when the fault was gone.
type Breaker struct {
	Proxy        string          `json:"proxy"`
	Opens        bool            `json:"opens"`
	ClosesWithin faults.Duration `json:"closes_within,omitempty"`
	Target       string          `json:"target,omitempty"`
}

// Hits says that a fault hit so many exchanges at least.
type Hits struct {
	Fault string `json:"fault"` // of the method
	Min   uint64 `json:"min"`
}

// DecodeDocument reads an expectation.
func (e *Expectation) DecodeDocument(n *document.Node) error {
	type plain Expectation
	if err := document.Decode(n, (*plain)(e)); err != nil {
		return err
	}
	given := 0
	for _, is := range []bool{e.BoundedRetries != nil, e.Timeout != nil, e.Breaker != nil, e.Hits != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return document.Errorf("", "want exactly one of bounded_retries, timeout, breaker and hits")
	case e.BoundedRetries != nil && (e.BoundedRetries.Max < 0 || n.Get("bounded_retries").Get("max") == nil):
		return document.At(document.Errorf("max", "want how often a call may be repeated, 0 or more"), "bounded_retries")
	case e.Timeout != nil:
		return document.At(checkSpan("within", e.Timeout.Within, faults.Duration(time.Millisecond), maxTimeout), "timeout")
	case e.Breaker != nil && e.Breaker.ClosesWithin != 0 && !e.Breaker.Opens:
		return document.At(document.Errorf("closes_within", "a breaker that must not open cannot close"), "breaker")
	case e.Hits != nil && e.Hits.Min == 0:
		return document.At(document.Errorf("min", "want 1 or more"), "hits")
	}
	return nil
}

// Place names the field of an expectation that is about a proxy, its proxy and its target; "" = it is about none.
func (e *Expectation) Place() (field, proxy, target string) {
	switch {
	case e.BoundedRetries != nil:
		return "bounded_retries", e.BoundedRetries.Proxy, e.BoundedRetries.Target
	case e.Timeout != nil:
		return "timeout", e.Timeout.Proxy, e.Timeout.Target
	case e.Breaker != nil:
		return "breaker", e.Breaker.Proxy, e.Breaker.Target
	}
	return "", "", ""
}
