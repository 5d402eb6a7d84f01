package faults

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Truncate cuts a reply's body short: the head and the first bytes arrive, then the connection ends. A body that is
// known to be no longer than that cannot be cut: the rule has not hit, unless it ends by reset. Where the length is not
// known, a fraction does not hit, and a body of no more bytes arrives without its end. (An HTTP/1.0 client gets bodies of
// unknown length up to the end of the connection, so it cannot tell a cut by close from the end.)
type Truncate struct {
	After *Part  `json:"after"`         // how much of the body arrives
	How   string `json:"how,omitempty"` // "close" (default), "reset", "hang"
}

// Part is the beginning of a body: so many bytes, or a fraction of all of them.
type Part struct {
	Bytes    Size
	Fraction float64 // instead of Bytes, where not 0: more than 0, less than 1
}

// DecodeDocument reads a fraction, which has a decimal point, or a [Size].
func (p *Part) DecodeDocument(n *document.Node) error {
	*p = Part{}
	if n.Kind != document.Number || !strings.ContainsAny(n.Text, ".eE") {
		return p.Bytes.DecodeDocument(n)
	}
	fraction, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || fraction <= 0 || fraction >= 1 {
		return document.Errorf("", "want whole bytes, or a fraction of more than 0 and less than 1, got %s", clip(n.Text))
	}
	p.Fraction = fraction
	return nil
}

// MarshalJSON writes the fraction or the number of bytes.
func (p Part) MarshalJSON() ([]byte, error) {
	if p.Fraction != 0 {
		return json.Marshal(p.Fraction)
	}
	return json.Marshal(p.Bytes)
}

func newTruncate() Attributes { return &Truncate{} }

func (t *Truncate) check(Phase) error {
	_, known := ways[t.How]
	switch {
	case t.After == nil:
		return document.Errorf("after", "missing: want how many bytes of the body arrive, or a fraction such as 0.5")
	case t.After.Fraction != 0 && (!(t.After.Fraction > 0 && t.After.Fraction < 1) || t.After.Bytes != 0):
		return document.Errorf("after", "want bytes, or a fraction of more than 0 and less than 1")
	case !known:
		return document.Errorf("how", "want close, reset or hang, got %q", clip(t.How))
	}
	return document.At(t.After.Bytes.check(), "after")
}

// ways are the endings by the names that rules have for them.
var ways = map[string]How{"": EndClose, "close": EndClose, "reset": EndReset, "hang": EndHang}

func (t *Truncate) decide(hit) Action {
	return End{How: ways[t.How], Body: true, Bytes: int64(t.After.Bytes), Fraction: t.After.Fraction}
}
