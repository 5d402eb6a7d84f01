package faults

import (
	"math"

	"github.com/squall-proxy/squall/internal/document"
)

// Corrupt flips bytes of a body, so that each is another one than before. The body keeps its length, and the head what it
// says of the body: whoever verifies a digest notices. The body of a reply is corrupted in phase after, that of a request
// on its way to the upstream, in phase before; each is the default where the side says so.
//
// The bytes are the first ones, the last ones, or any. Where the length of the body is not known (it comes in chunks, or
// ends with the connection), nothing is held back to find out: the first bytes are flipped, or of any so large a fraction
// as comes out when each has its own chance. What takes the length - the end, so many of any, a fraction of the start -
// passes, and so does what has no body: the rule has not hit.
type Corrupt struct {
	Bytes    Size    `json:"bytes,omitempty"`    // how many; of a shorter body all
	Fraction float64 `json:"fraction,omitempty"` // instead of Bytes: of all, more than 0, up to 1; at least one byte
	Where    string  `json:"where,omitempty"`    // "start" (default), "end", "random"
	Side     Side    `json:"side,omitempty"`     // "response" (default) or "request"
}

func newCorrupt() Attributes { return &Corrupt{} }

// implies makes phase before the default for a request's body.
func (c *Corrupt) implies() Phase {
	if c.Side == OfRequest {
		return Before
	}
	return ""
}

func (c *Corrupt) check(phase Phase) error {
	switch {
	case c.Fraction != 0 && !(c.Fraction > 0 && c.Fraction <= 1):
		return document.Errorf("fraction", "must be more than 0, up to 1, got %v", c.Fraction)
	case c.Bytes == 0 && c.Fraction == 0:
		return document.Errorf("bytes", "missing: want how many bytes, at least 1, or a fraction")
	case c.Bytes != 0 && c.Fraction != 0:
		return document.Errorf("fraction", "want bytes or a fraction, not both")
	case c.Where != "" && c.Where != "start" && c.Where != "end" && c.Where != "random":
		return document.Errorf("where", "want start, end or random, got %q", clip(c.Where))
	case c.Side != "" && c.Side != OfResponse && c.Side != OfRequest:
		return document.Errorf("side", "want response or request, got %q", clip(string(c.Side)))
	case c.Side == OfRequest && phase != Before:
		return document.Errorf("side", "in phase %s the request is gone: want phase before, or none", phase)
	case c.Side != OfRequest && phase != After:
		return document.Errorf("side", "in phase %s there is no reply yet: want side request, phase after, or none", phase)
	}
	return document.At(c.Bytes.check(), "bytes")
}

func (c *Corrupt) decide(h hit) Action {
	side, where := c.Side, c.Where
	if side == "" {
		side = OfResponse
	}
	if where == "" {
		where = "start"
	}
	seed := uint64(h.draw(1) * (1 << 53))
	return Flip{Side: side, Where: where, Bytes: int64(c.Bytes), Fraction: c.Fraction, Seed: seed}
}

// Flip flips bytes of a body; see [Flip.Of].
type Flip struct {
	Side     Side   // OfResponse or OfRequest
	Where    string // "start", "end" or "random"
	Bytes    int64
	Fraction float64 // instead of Bytes, where > 0
	Seed     uint64  // of the random places, and of what the bytes become
}

// Of makes what flips a body of a length, -1 where it is not known; nil where the executor is to withdraw the rule (see
// [Plan.Withdraw]).
func (f Flip) Of(length int64) *Flipper {
	count := f.Bytes
	if f.Fraction > 0 && length > 0 {
		count = max(int64(math.Round(f.Fraction*float64(length))), 1)
	}
	unknown := length < 0
	switch {
	case length == 0:
	case !unknown && f.Where == "end":
		count = min(count, length)
		return &Flipper{seed: f.Seed, from: length - count, of: count, left: count}
	case !unknown && f.Where == "random":
		return &Flipper{seed: f.Seed, of: length, left: min(count, length)}
	case unknown && f.Where == "random" && f.Fraction > 0:
		return &Flipper{seed: f.Seed, chance: f.Fraction}
	case f.Where == "start" && count > 0:
		return &Flipper{seed: f.Seed, of: count, left: count}
	}
	return nil
}

// Flipper flips bytes of one body as it flows.
type Flipper struct {
	seed   uint64
	chance float64 // of each byte, if not 0; else
	from   int64   // of the body's bytes from here on,
	of     int64   // so many still come of which
	left   int64   // so many are still to be flipped
	offset int64   // of the next byte
}

// Flip flips what is to be flipped of the body's next bytes, in place.
func (f *Flipper) Flip(data []byte) {
	for i := range data {
		if f.chance == 0 && f.left == 0 {
			return
		}
		if f.hits() {
			// Never by 0, which changes nothing.
			data[i] ^= 1 + byte(rollFrom(0, f.seed, uint64(f.offset), 1)*255)
		}
		f.offset++
	}
}

// hits decides the next byte. Of the bytes that still come each has the chance that leaves no other number to be flipped
// in the end (Knuth, The Art of Computer Programming, 3.4.2, algorithm S).
func (f *Flipper) hits() bool {
	switch {
	case f.chance > 0:
		return rollFrom(0, f.seed, uint64(f.offset), 0) < f.chance
	case f.offset < f.from:
		return false
	}
	hit := f.left == f.of || rollFrom(0, f.seed, uint64(f.offset), 0)*float64(f.of) < float64(f.left)
	f.of--
	if hit {
		f.left--
	}
	return hit
}
