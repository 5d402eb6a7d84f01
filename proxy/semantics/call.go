package semantics

import (
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/proxy"
)

// Call gathers from the fields of a request what its client says of the call that it is an attempt of. It keeps views of
// them. Where several fields name the call, the one counts that is least likely to be made anew for each attempt.
type Call struct {
	// Header names a field by which clients of this proxy name a call; it counts before all others. "" = none.
	Header string

	id, by   string
	rank     int // of id
	key      string
	number   int
	numberBy string
}

// The fields that name a call, by how much they are worth.
const (
	byTrace     = iota + 1 // a trace may be larger than a call
	byRequestID            // often made for each attempt
	byInvocation
	byKey
	byHeader
)

// Field looks at a field of the request, its name in any case.
func (c *Call) Field(name, value string) {
	if c.Header != "" && isNamed(name, c.Header) {
		c.named(byHeader, c.Header, value)
	}
	switch {
	case isNamed(name, "traceparent"):
		c.named(byTrace, "Traceparent", traceID(value))
	case isNamed(name, "X-Request-Id") && IsRequestID(value):
		c.named(byRequestID, "X-Request-Id", value)
	case isNamed(name, "amz-sdk-invocation-id"):
		c.named(byInvocation, "Amz-Sdk-Invocation-Id", value)
	case isNamed(name, "Idempotency-Key"):
		c.key = value
		c.named(byKey, "Idempotency-Key", value)
	case isNamed(name, "X-Idempotency-Key") && c.key == "": // net/http knows it, too
		c.key = value
		c.named(byKey, "X-Idempotency-Key", value)
	case isNamed(name, "amz-sdk-request"):
		c.numbered("Amz-Sdk-Request", attemptOf(value), 0)
	case isNamed(name, "x-envoy-attempt-count"):
		c.numbered("X-Envoy-Attempt-Count", value, 0)
	case isNamed(name, "grpc-previous-rpc-attempts"):
		c.numbered("Grpc-Previous-Rpc-Attempts", value, 1)
	}
}

// isNamed compares names of fields.
func isNamed(name, known string) bool {
	return len(name) == len(known) && strings.EqualFold(name, known)
}

// named notes an id of the call, unless a better one is known.
func (c *Call) named(rank int, by, id string) {
	if rank > c.rank && id != "" {
		c.rank, c.by, c.id = rank, by, id
	}
}

// numbered notes which attempt this is: what a text says, and so many more. Of several fields the first by name counts.
func (c *Call) numbered(by, text string, more int) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err == nil && (c.numberBy == "" || by < c.numberBy) {
		c.number, c.numberBy = int(n)+more, by
	}
}

// traceID is that of a traceparent (W3C Trace Context, 3.2): version, trace-id, parent-id and flags.
func traceID(value string) string {
	_, rest, _ := strings.Cut(value, "-")
	id, _, found := strings.Cut(rest, "-")
	if !found || len(id) != 32 {
		return ""
	}
	return id
}

// attemptOf finds the number in what AWS's SDKs send: "ttl=…; attempt=2; max=3".
func attemptOf(value string) string {
	for part := range strings.SplitSeq(value, ";") {
		if number, found := strings.CutPrefix(strings.TrimSpace(part), "attempt="); found {
			return number
		}
	}
	return ""
}

// Note puts what was found into a record.
func (c *Call) Note(a *proxy.Attempt) {
	a.Call, a.CallBy = Hash(c.id), c.by
	a.Number, a.NumberBy = c.number, c.numberBy
	a.Key = Hash(c.key)
}
