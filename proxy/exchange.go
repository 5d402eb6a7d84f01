package proxy

import (
	"time"

	"github.com/squall-proxy/squall/faults"
)

// Outcome says how an exchange went.
type Outcome string

// The outcomes.
const (
	OK         Outcome = "ok"          // the upstream's reply reached the client
	Injected   Outcome = "injected"    // a fault answered, or ended the exchange
	RealError  Outcome = "real_error"  // the upstream could not be reached, or broke off
	ClientLeft Outcome = "client_left" // the client left before its reply was through
)

// ServiceError reports whether a status is an error of the service's own: its reply reached the client, and no fault has made
// it. Such an exchange went well as far as squall goes, and so its outcome is ok.
func (o Outcome) ServiceError(status int) bool { return o == OK && status >= 500 }

// Exchange is the record of one request and its reply; or, without a Method, of a connection of TCP, or of a TLS handshake that
// failed or that a rule was about: its Host is the name that the client asked for, and its Error what the client said. Its texts
// are its own: keeping one keeps no larger buffer.
type Exchange struct {
	ID        uint64
	Proxy     string
	At        time.Time
	Client    string // address
	Method    string
	Host      string
	Path      string // decoded and cleaned
	RequestID string

	Status                      int // sent to the client; 0 = none
	RequestBytes, ResponseBytes int64
	Duration                    time.Duration
	UpstreamDuration            time.Duration // from the dial or the pool to the response head; 0 = not called
	UpstreamAttempts            int
	Outcome                     Outcome
	Error                       string // of a real error
	Delayed                     bool   // flag DI
	Faulted                     bool   // flag FI: an answer, an ending or a change of ours
	FaultPanic                  string // a panic in a fault that was recovered; the request passed
	Faults                      faults.Record

	Front   *Front  // what it came through; nil = nothing says that it came through a proxy
	Trace   *Span   // its part in a trace; nil = none
	Attempt Attempt // what it shows of the client that made it
}

// Flags gives the short marks of log lines: "DI" for a delay injected, "FI" for any other fault.
func (e *Exchange) Flags() []string {
	flags := []string{}
	if e.Delayed {
		flags = append(flags, "DI")
	}
	if e.Faulted {
		flags = append(flags, "FI")
	}
	return flags
}

// Observer is told of every exchange once, when it is over, on whatever way it ended. It is called on the exchange's
// goroutine and must not block. The record is lent: it is read during the call, and what is kept of it is copied.
type Observer func(*Exchange)
