package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/internal/document"
)

// Error is a refused request, as the API answers it.
type Error struct {
	Status     int      `json:"status"`
	Field      string   `json:"field,omitempty"` // what is wrong, as in "rules[1].attributes.latency"
	Reason     string   `json:"reason"`
	DidYouMean string   `json:"did_you_mean,omitempty"`
	Line       int      `json:"line,omitempty"`       // of the request's body, from 1; 0 = unknown
	Column     int      `json:"column,omitempty"`     // in characters, from 1; 0 = unknown
	Candidates []string `json:"candidates,omitempty"` // what an ambiguous name may stand for
}

func (e *Error) Error() string {
	text := e.Reason
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.DidYouMean != "" {
		text += ", did you mean " + e.DidYouMean + "?"
	}
	if len(e.Candidates) > 0 {
		text += " (" + strings.Join(e.Candidates, ", ") + ")"
	}
	return text
}

func refusef(status int, field, format string, args ...any) *Error {
	return &Error{Status: status, Field: field, Reason: fmt.Sprintf(format, args...)}
}

// statusOf is the one table from what control refuses to HTTP.
func statusOf(code control.Code) int {
	switch code {
	case control.Invalid:
		return http.StatusBadRequest
	case control.Forbidden:
		return http.StatusForbidden
	case control.NotFound:
		return http.StatusNotFound
	case control.Conflict:
		return http.StatusConflict
	case control.Stale:
		return http.StatusPreconditionFailed
	case control.Full:
		return http.StatusInsufficientStorage
	case control.Storage:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// asError gives every error the form in which it is answered.
func asError(err error) *Error {
	var ready *Error
	if errors.As(err, &ready) {
		return ready
	}
	var place *document.Error
	errors.As(err, &place)
	var known *control.Error
	switch {
	case errors.As(err, &known):
		e := &Error{Status: statusOf(known.Code), Field: known.Field, Reason: known.Reason, Candidates: known.Candidates}
		if place != nil {
			e.DidYouMean, e.Line, e.Column = place.DidYouMean, place.Line, place.Column
		}
		return e
	case place != nil:
		return &Error{
			Status: http.StatusBadRequest, Field: place.Field, Reason: place.Reason,
			DidYouMean: place.DidYouMean, Line: place.Line, Column: place.Column,
		}
	case errors.Is(err, errShuttingDown), errors.Is(err, context.Canceled):
		return refusef(http.StatusServiceUnavailable, "", "%v", err)
	}
	return refusef(http.StatusInternalServerError, "", "%v", err)
}

// within tells an error about the whole state in the words of the document that was sent: it gets a place in there, and
// where that is only one element of a list, what the state knows as proxies[2].listen is its listen. list is "" for a
// document of the whole.
func within(sent *document.Node, list string, err error) error {
	var known *control.Error
	if !errors.As(err, &known) || known.Code == control.NotFound {
		return err
	}
	e := asError(err)
	e.Field = withoutElement(e.Field, list)
	if e.Line == 0 {
		e.Line, e.Column = placeOf(sent, e.Field)
	}
	return e
}

// placeOf says where a field stands in a document; 0, 0 if it is not in there.
func placeOf(sent *document.Node, field string) (line, column int) {
	var located *document.Error
	errors.As(document.Locate(sent, document.Errorf(field, "")), &located)
	if located.Line == sent.Line && located.Column == sent.Column {
		return 0, 0
	}
	return located.Line, located.Column
}

// withoutElement takes "list[…]." or "list[…]" from the front of a field.
func withoutElement(field, list string) string {
	rest, found := strings.CutPrefix(field, list+"[")
	if list == "" || !found {
		return field
	}
	_, inner, _ := strings.Cut(rest, "]")
	return strings.TrimPrefix(inner, ".")
}

// refuse answers with an error, and logs it.
func (d *desk) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := asError(err)
	d.log.refused(r, e)
	_ = answer{status: e.Status, body: e}.write(w, r) // an Error always marshals
}
