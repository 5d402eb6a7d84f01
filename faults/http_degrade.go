package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

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

	Patch     *document.Node `json:"patch,omitempty"`     // later
	Lists     *int           `json:"lists,omitempty"`     // later
	Drop      []string       `json:"drop,omitempty"`      // later
	Null      []string       `json:"null,omitempty"`      // later
	Stale     Duration       `json:"stale,omitempty"`     // later
	Otherwise string         `json:"otherwise,omitempty"` // a body that is not JSON: "pass" (default) or "abort" (503)
}

func newDegrade() Attributes { return &Degrade{} }

// DecodeDocument reads the attributes.
func (d *Degrade) DecodeDocument(n *document.Node) error {
	type plain Degrade
	err := document.Decode(n, (*plain)(d))
	d.Body, d.Merge = unplaced(d.Body), unplaced(d.Merge)
	return err
}

func (d *Degrade) check(phase Phase) error {
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
	case d.Merge != nil && dropsInLists(d.Merge, false):
		return document.Errorf("merge", "inside a list an object cannot take members away: null is %s there", later)
	case d.Otherwise != "" && d.Otherwise != "pass" && d.Otherwise != "abort":
		return document.Errorf("otherwise", "want pass or abort, got %q", clip(d.Otherwise))
	case d.Otherwise != "" && d.Merge == nil:
		return document.Errorf("otherwise", "only beside merge: body replaces whatever came")
	}
	return document.At(checkFields(d.Headers), "headers")
}

// dropsInLists reports whether an object inside a list has a null member. RFC 7396 takes a list as it stands, nulls
// included; json-patch takes the nulls out.
func dropsInLists(n *document.Node, inList bool) bool {
	for _, m := range n.Members {
		if inList && m.Value.Kind == document.Null || dropsInLists(m.Value, inList) {
			return true
		}
	}
	for _, item := range n.Items {
		if dropsInLists(item, true) {
			return true
		}
	}
	return false
}

func (d *Degrade) decide(h hit) Action {
	var body []byte
	var contentType string
	if d.Body != nil {
		body, contentType = renderBody(d.Body)
	}
	header, contentType := splitContentType(d.Headers, contentType)
	if h.phase == Before {
		return Answer{Status: http.StatusOK, Header: header, ContentType: contentType, Body: body}
	}
	action := Body{Replace: body, ContentType: contentType, Header: header}
	if d.Merge != nil {
		action.Merge, _ = d.Merge.MarshalJSON() // a parsed document always marshals
	}
	if d.Otherwise == "abort" {
		body, contentType := statusBody(http.StatusServiceUnavailable)
		action.Otherwise = &Answer{Status: http.StatusServiceUnavailable, Body: body, ContentType: contentType}
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
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		body = []byte("{}") // RFC 7396, 2: what is no object is merged into as if it were an empty one
	}
	merged, err := jsonpatch.MergePatch(body, b.Merge)
	if err != nil {
		return nil, fmt.Errorf("degrade: merge: %w", err)
	}
	return merged, nil
}
