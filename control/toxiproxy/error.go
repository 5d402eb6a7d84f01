package toxiproxy

import (
	"errors"
	"net/http"

	"github.com/squall-proxy/squall/proxy"
)

// Error is a refused request, as Toxiproxy's clients know it. Nothing of it has happened, unless the verb says otherwise.
type Error struct {
	Message string `json:"error"`
	Status  int    `json:"status"` // of HTTP
}

func (e *Error) Error() string { return e.Message }

// What clients look for.
var (
	ErrProxyNotFound = &Error{"proxy not found", http.StatusNotFound}
	ErrProxyExists   = &Error{"proxy already exists", http.StatusConflict}
	ErrToxicNotFound = &Error{"toxic not found", http.StatusNotFound}
	ErrToxicExists   = &Error{"toxic already exists", http.StatusConflict}
	ErrToxicType     = &Error{"invalid toxic type", http.StatusBadRequest}
	ErrStream        = &Error{"stream was invalid, can be either upstream or downstream", http.StatusBadRequest}
)

func badBody(err error) *Error {
	return &Error{"bad request body: " + err.Error(), http.StatusBadRequest}
}

func missing(field string) *Error {
	return &Error{"missing required field: " + field, http.StatusBadRequest}
}

// badName refuses a name that cannot stand in a path. Toxiproxy takes it, and can never be asked for it again.
func badName(field string, err error) *Error {
	return &Error{field + ": " + err.Error(), http.StatusBadRequest}
}

func badListen(err error) *Error { return &Error{err.Error(), http.StatusInternalServerError} }

// AsError gives the refusals of this package, and of listeners that cannot be bound, the form in which they are answered;
// nil for other errors.
func AsError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var busy *proxy.ListenError
	if errors.As(err, &busy) {
		return badListen(busy.Err)
	}
	return nil
}
