package client

import (
	"fmt"
	"net/http"
	"time"
)

// EventKind tells what happened.
type EventKind string

const (
	// EventAttempt: an attempt ended, well or badly (Attempt, Status or Err, Failed, Origin).
	EventAttempt EventKind = "attempt"
	// EventRetry: the call goes on with another attempt after Delay (Attempt: the one that failed).
	EventRetry EventKind = "retry"
	// EventFallback: the caller is answered from Origin instead of with the failure (Status or Err).
	EventFallback EventKind = "fallback"
)

// Event is what Config.Observe is told.
type Event struct {
	Kind EventKind
	// Request is the call's; its context carries the caller's values. It is not to be changed, and its body not read.
	Request *http.Request
	Attempt int           // counted from 1 within the call; 0 with EventFallback
	Status  int           // of the service's answer; 0 when there was none
	Err     error         // why there was none
	Failed  bool          // no answer, or a 4xx or 5xx one
	Delay   time.Duration // with EventRetry
	Origin  Origin        // Degraded for the service's own; with EventFallback what is served
}

// Reason is the outcome in words: "503 Service Unavailable", or the error's text.
func (e Event) Reason() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
}

// ended describes the outcome of an attempt, or of all of them.
func ended(kind EventKind, req *http.Request, resp *http.Response, err error) Event {
	e := Event{Kind: kind, Request: req, Err: err, Failed: true}
	if err == nil {
		e.Status, e.Failed, e.Origin = resp.StatusCode, resp.StatusCode >= 400, Source(resp)
	}
	return e
}
