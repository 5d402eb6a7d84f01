package client

import (
	"fmt"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/client/balance"
	"github.com/squall-proxy/squall/client/breaker"
)

// EventKind tells what happened.
type EventKind string

const (
	// EventAttempt: an attempt ended, well or badly (Attempt, Status or Err, Failed, Origin).
	EventAttempt EventKind = "attempt"
	// EventRetry: the call goes on with another attempt after Delay (Attempt: the one that failed).
	EventRetry EventKind = "retry"
	// EventHeldBack: an attempt was not sent (Attempt, Err, which matches ErrHeldBack).
	EventHeldBack EventKind = "held back"
	// EventFallback: the caller is answered from Origin instead of with the failure (Status or Err).
	EventFallback EventKind = "fallback"
	// EventCall: the call ended; this is what the caller gets (Status, Header and Origin, or Err; Attempts, Took).
	EventCall EventKind = "call"
	// EventBreaker: a breaker has changed its state (Change). It belongs to no request.
	EventBreaker EventKind = "breaker"
	// EventBackend: a backend's fitness has changed (Backend). It belongs to no request.
	EventBackend EventKind = "backend"
)

// Event is what Config.Observe is told.
type Event struct {
	Kind EventKind
	// Request is the call's; its context carries the caller's values. It is not to be changed, and its body not read.
	Request *http.Request
	Attempt int           // counted from 1 within the call; 0 with EventFallback and EventCall
	Hedge   bool          // the attempt is a hedge, beside the first one of the call
	Status  int           // of the answer; 0 when there was none
	Header  http.Header   // of the answer, not to be changed: what came, or with EventCall what the caller gets
	Err     error         // why there was none
	Failed  bool          // no answer, or a 4xx or 5xx one
	Delay   time.Duration // with EventRetry
	Origin  Origin        // Degraded for the service's own; with EventFallback and EventCall what is served

	Attempts int           // with EventCall: that were sent
	Took     time.Duration // with EventCall: until there was an answer, or none

	Change  *breaker.Change // with EventBreaker
	Backend *balance.Event  // with EventBackend
}

// Reason is the outcome in words: "503 Service Unavailable", or the error's text.
func (e Event) Reason() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
}

// ended describes the outcome of an attempt, or of a call.
func ended(kind EventKind, req *http.Request, resp *http.Response, err error) Event {
	e := Event{Kind: kind, Request: req, Err: err, Failed: true}
	if err == nil {
		e.Status, e.Header, e.Failed, e.Origin = resp.StatusCode, resp.Header, resp.StatusCode >= 400, Source(resp)
	}
	return e
}
