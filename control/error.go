package control

import (
	"errors"
	"fmt"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Code classes what can go wrong with a change; admin turns it into an HTTP status, the command line into an exit code.
type Code string

// The codes.
const (
	Invalid   Code = "invalid"   // the request is wrong
	NotFound  Code = "not_found" // it names what does not exist
	Conflict  Code = "conflict"  // it clashes with what exists, or is ambiguous
	Stale     Code = "stale"     // it was made against an older revision
	Forbidden Code = "forbidden" // the policy refuses it
	Storage   Code = "storage"   // it could not be saved
	Full      Code = "full"      // the disk is full
)

// Error is a refused change. Nothing of it has happened.
type Error struct {
	Code       Code
	Field      string // what is wrong, as in "rules[1].attributes.latency"; "" = the whole
	Reason     string
	Candidates []string // of an ambiguous name
	Err        error    // the cause, if there is one
}

func (e *Error) Error() string {
	text := e.Reason
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if len(e.Candidates) > 0 {
		text += " (" + strings.Join(e.Candidates, ", ") + ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// refuse gives an error the form of a refusal.
func refuse(code Code, err error) error {
	refusal := &Error{Code: code, Reason: err.Error(), Err: err}
	var place *document.Error
	if errors.As(err, &place) {
		refusal.Field, refusal.Reason = place.Field, place.Reason
	}
	return refusal
}

// asError gives what documents are refused with the form of a refusal; other errors stay what they are.
func asError(err error) error {
	var place *document.Error
	if codeOf(err) == "" && errors.As(err, &place) {
		return refuse(Invalid, err)
	}
	return err
}

func codeOf(err error) Code {
	var known *Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}

// suggestion is the cause of a name that was not found, with the nearest name that there is.
func suggestion(name string, known []string) error {
	return &document.Error{Reason: fmt.Sprintf("no %q", name), DidYouMean: document.Nearest(name, known)}
}
