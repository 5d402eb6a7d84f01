package proxy

import "time"

// Attempt is what an exchange shows of the client that made it: beside the [Exchange], all that a verdict on a client is made
// of. Texts that may be secrets are kept as hashes, keyed by the process, so that they can be compared and nothing else; 0 is
// the hash of what was not there. With [Engine.NoMarks] Target, Body, Call, Number, Key, what goes with them, and Reply are
// left out.
type Attempt struct {
	Connection uint64 // the client's, as in [Connection]
	Nth        uint64 // which exchange of that connection, from 1; above 1 the connection was reused

	RequestEnd time.Duration // from the exchange's begin until the request was read whole; 0 = it never was
	FirstByte  time.Duration // until the reply's first byte went to the client, interim replies left out; 0 = none did
	// ClosedBy says who ended the connection, or the stream of HTTP/2, with this exchange; "" = nobody, or both, of a WebSocket.
	// A client that asks for it (Connection: close) is one who does.
	ClosedBy Side

	Target uint64 // of path and query as they came
	Body   uint64 // of the first 64 KiB of the request's body; its length is the exchange's RequestBytes. Of what was read: all, if RequestEnd is not 0

	// Call is the hash of an id that the client gave the call of which this is an attempt, and CallBy the header field in
	// which it stood, as its name is usually written: [Engine.CallHeader], Idempotency-Key, X-Idempotency-Key,
	// Amz-Sdk-Invocation-Id, X-Request-Id, or the trace-id of Traceparent; the first of them that there is. An X-Request-Id
	// that squall has made is none.
	Call   uint64
	CallBy string
	// Number is which attempt the client says it is, from 1; 0 = it says nothing. NumberBy is the header field:
	// Amz-Sdk-Request, Grpc-Previous-Rpc-Attempts or X-Envoy-Attempt-Count.
	Number   int
	NumberBy string
	Key      uint64 // of the Idempotency-Key, or X-Idempotency-Key

	Reply ReplyMarks
}

// Side is one of the two who can end a connection.
type Side string

// The sides.
const (
	ByClient Side = "client"
	ByProxy  Side = "proxy" // by a fault, or because the upstream has gone
)

// ReplyMarks is what a reply told its client to do, or said of itself.
type ReplyMarks struct {
	RetryAfter   string // the field, at most 64 bytes of it
	CacheControl string // at most 256 bytes
	Age          string // at most 16 bytes
	Date         string // at most 40 bytes
	CacheStatus  string // at most 256 bytes
	Degraded     bool   // X-Service-Mode: fallback, or JSON of at most 4 KiB whose /message contains "degraded mode"
	Token        uint64 // of ETag, or else of the first 16 KiB of its body: which answer of the service it is
}
