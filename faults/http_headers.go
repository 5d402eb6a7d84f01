package faults

import (
	"fmt"
	"slices"

	"github.com/squall-proxy/squall/internal/document"
)

// Headers changes header fields of the request, the reply, or both. In phase after the request is gone already.
type Headers struct {
	Request  *HeaderEdit `json:"request,omitempty"`  // {"set": {…}, "add": {…}, "remove": […]}: removed first, then set, then added
	Response *HeaderEdit `json:"response,omitempty"` // likewise
}

// HeaderEdit changes the header fields of one message: first Remove, then Set, then Add.
type HeaderEdit struct {
	Set    map[string]string `json:"set,omitempty"`
	Add    map[string]string `json:"add,omitempty"`
	Remove []string          `json:"remove,omitempty"`
}

func newHeaders() Attributes { return &Headers{} }

func (h *Headers) check(phase Phase) error {
	switch {
	case h.Request == nil && h.Response == nil:
		return document.Errorf("", "want request, response, or both")
	case h.Request != nil && phase == After:
		return document.Errorf("request", "in phase after the request is gone already: want phase before")
	}
	if err := h.Request.check(); err != nil {
		return document.At(err, "request")
	}
	return document.At(h.Response.check(), "response")
}

func (e *HeaderEdit) check() error {
	if e == nil {
		return nil
	}
	if len(e.Set)+len(e.Add)+len(e.Remove) == 0 {
		return document.Errorf("", "want set, add or remove")
	}
	if err := checkFields(e.Set); err != nil {
		return document.At(err, "set")
	}
	if err := checkFields(e.Add); err != nil {
		return document.At(err, "add")
	}
	for i, name := range e.Remove {
		if err := checkFieldName(name); err != nil {
			return document.At(document.At(err, fmt.Sprintf("[%d]", i)), "remove")
		}
	}
	return nil
}

func (e *HeaderEdit) edit() Edit {
	if e == nil {
		return Edit{}
	}
	return Edit{Set: sortedFields(e.Set), Add: sortedFields(e.Add), Remove: slices.Clone(e.Remove)}
}

func (h *Headers) decide(hit) Action {
	return Header{Request: h.Request.edit(), Response: h.Response.edit()}
}
