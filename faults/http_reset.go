package faults

import "github.com/squall-proxy/squall/internal/document"

// Reset ends the connection with a TCP reset. In phase after the upstream did its work, and its reply is dropped.
type Reset struct {
	At    string `json:"at,omitempty"`    // "start" (default), "head": half a status line went out, "body" of the reply
	After Size   `json:"after,omitempty"` // at body: so many bytes of it arrive first; a shorter body arrives whole
}

// halfHead is what a reset at the head sends: half a status line.
const halfHead = "HTTP/1.1 2"

func newReset() Attributes { return &Reset{} }

// implies makes phase after the default of a reset in the body.
func (r *Reset) implies() Phase {
	if r.At == "body" {
		return After
	}
	return ""
}

func (r *Reset) check(phase Phase) error {
	switch {
	case r.At != "" && r.At != "start" && r.At != "head" && r.At != "body":
		return document.Errorf("at", "want start, head or body, got %q", clip(r.At))
	case r.At == "body" && phase != After:
		return document.Errorf("at", "in phase %s there is no body yet: want phase after, or none", phase)
	case r.At != "body" && r.After != 0:
		return document.Errorf("after", "only with at body")
	}
	return document.At(r.After.check(), "after")
}

func (r *Reset) decide(hit) Action {
	switch r.At {
	case "head":
		return End{How: EndReset, Raw: []byte(halfHead)}
	case "body":
		return End{How: EndReset, Body: true, Bytes: int64(r.After)}
	}
	return End{How: EndReset}
}
