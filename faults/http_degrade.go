package faults

import (
	"encoding/json"
	"fmt"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxDegradeBody bounds the body that a fault rewrites, in bytes; a larger one passes as it came.
const MaxDegradeBody = 10_000_000

// Degrade makes a reply worse: it replaces or edits the body. With Body in phase before, the upstream is not called.
type Degrade struct {
	Body    *document.Node    `json:"body,omitempty"`    // the new body: JSON, or a text
	Merge   *document.Node    `json:"merge,omitempty"`   // an RFC 7396 merge patch
	Headers map[string]string `json:"headers,omitempty"` // set on the reply

	Patch     *document.Node `json:"patch,omitempty"`
	Lists     *int           `json:"lists,omitempty"`
	Drop      []string       `json:"drop,omitempty"`
	Null      []string       `json:"null,omitempty"`
	Stale     Duration       `json:"stale,omitempty"`
	Otherwise string         `json:"otherwise,omitempty"` // a body that is not JSON: "pass" (default) or "abort" (503)
}

func newDegrade() Attributes { return &Degrade{} }

func (d *Degrade) check(phase Phase) error {
	const later = "not available in this version"
	switch {
	case d.Patch != nil:
		return document.Errorf("patch", later)
	case d.Lists != nil:
		return document.Errorf("lists", later)
	case d.Drop != nil:
		return document.Errorf("drop", later)
	case d.Null != nil:
		return document.Errorf("null", later)
	case d.Stale != 0:
		return document.Errorf("stale", later)
	case (d.Body == nil) == (d.Merge == nil):
		return document.Errorf("", "want exactly one of body, merge")
	case phase == Before && d.Body == nil:
		return document.Errorf("merge", "in phase before there is no reply to merge into: want body, or phase after")
	case d.Otherwise != "" && d.Otherwise != "pass" && d.Otherwise != "abort":
		return document.Errorf("otherwise", "want pass or abort, got %q", d.Otherwise)
	}
	return document.At(checkFields(d.Headers), "headers")
}

func (d *Degrade) decide(h hit) Action {
	body, contentType := renderBody(d.Body)
	if h.phase == Before {
		return Answer{Status: 200, Header: sortedFields(d.Headers), ContentType: contentType, Body: body}
	}
	action := Body{Replace: body, ContentType: contentType, Header: sortedFields(d.Headers)}
	if d.Merge != nil {
		action.Merge, _ = d.Merge.MarshalJSON() // a parsed document always marshals
	}
	if d.Otherwise == "abort" {
		body, contentType := statusBody(503)
		action.Otherwise = &Answer{Status: 503, Body: body, ContentType: contentType}
	}
	return action
}

// Apply gives the changed body. A body that cannot be changed is an error, upon which the executor does what
// b.Otherwise says.
func (b Body) Apply(body []byte) ([]byte, error) {
	if b.Merge == nil {
		return b.Replace, nil
	}
	if !json.Valid(body) {
		return nil, fmt.Errorf("degrade: the body is not JSON")
	}
	merged, err := jsonpatch.MergePatch(body, b.Merge)
	if err != nil {
		return nil, fmt.Errorf("degrade: merge: %w", err)
	}
	return merged, nil
}
