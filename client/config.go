package client

import (
	"net/http"
	"time"

	"github.com/squall-proxy/squall/client/balance"
	"github.com/squall-proxy/squall/client/breaker"
)

// FallbackMessage is the canned answer of the retrying client in the lab.
const FallbackMessage = `{"message":"Service unavailable (fallback)"}`

// Config is everything a Client can be told. A zero field is off unless its comment names another default, so the zero
// Config is the bare Transport; start from Default, Lab6Retry or Lab6Fallback.
type Config struct {
	// Transport makes the attempts. Nil: a clone of http.DefaultTransport that keeps up to 100 idle connections a host.
	Transport http.RoundTripper

	// Deadline bounds the whole call: every attempt, every delay between them, and reading the answer's body.
	// 0 (none) to 24h.
	Deadline time.Duration

	// AttemptTimeout bounds one attempt, its answer's body included. 0 (none) to 24h.
	AttemptTimeout time.Duration

	// BodyLimit is how many bytes of a 2xx answer's body are read before the attempt counts as answered. A body that is
	// cut or stalls within them is a failed attempt and may be retried; only such a body can be kept as last-good data.
	// Longer bodies, and text/event-stream, stream to the caller as they come. 0 (all stream) to 64 MiB.
	BodyLimit int64

	Retry    Retry
	Fallback Fallback

	// Breaker holds attempts back while those of the same method, host and Route fail.
	Breaker breaker.Config
	// Route groups requests of a method and host that fail together. Nil: client.Route, the path without ids.
	Route func(*http.Request) string
	// BreakerFailure tells whether an attempt counts as failed for the breaker. The caller's leaving, and errors of
	// certificates, never count at all. Nil: no answer, or a 5xx one other than 501.
	BreakerFailure func(resp *http.Response, err error) bool

	Hedge    Hedge
	Bulkhead Bulkhead
	Throttle Throttle

	// Balance spreads all requests over backends, whatever host they name; that name stays their Host field.
	Balance balance.Config

	// Observe is told what happens, on the goroutine where it does: that of the call as a rule, one of the Client's own for
	// a hedge, a refresh or a health check. It must not block, and must be safe for concurrent use. May be nil.
	Observe func(Event)

	random func() float64 // in [0, 1), for jitter only; nil: math/rand/v2. Tests pin it.
}

// Retry says how often and how soon a failed attempt is repeated: after a connection error, a timeout, 429, or 5xx
// except 501, and only if the method is idempotent (RFC 9110 9.2.2) or the request carries an Idempotency-Key. The answer's
// "X-Should-Retry: false" forbids it. With Config.Balance a retry goes to another backend.
type Retry struct {
	// Max is the number of retries, so a call makes at most Max+1 attempts. 0 to 100.
	Max int
	// Base is the delay before the first retry, or its ceiling with Jitter; it doubles from retry to retry. 0 to 1h.
	Base time.Duration
	// Cap is where the doubling ends, Base to 1h. 0: Base, which means the delay is fixed.
	Cap time.Duration
	// Jitter draws each delay evenly from 0 to its ceiling ("full jitter"), so that clients which failed together do
	// not come back together.
	Jitter bool
	// RetryAfterCap is the longest Retry-After (on 429 and 503) worth waiting for; a longer one ends the call at once.
	// A shorter one is never undercut: jitter only adds to it. 0: 1 minute; up to 1h.
	RetryAfterCap time.Duration
	// Budget bounds the retries. What is beyond it is not made, and not waited for either.
	Budget Budget
}

// Fallback says what a GET or HEAD is answered with when all attempts have failed: last-good data, then the service's
// own degraded answer, then a canned one. Source tells the caller which. Other methods get the failure: an answer to a
// write must not be made up.
type Fallback struct {
	// Fresh answers from the store without asking the service for as long as its Cache-Control says (max-age, Expires),
	// and while a new answer is fetched in the background as long as stale-while-revalidate says. Needs BodyLimit.
	Fresh bool
	// MaxStale is how long after its freshness ended (at once, when the service names no max-age) a last-good answer may
	// still stand in for an error. The service's own stale-if-error (RFC 5861) shortens it, must-revalidate, no-cache and
	// no-store forbid it. Needs BodyLimit. 0 (no last-good data kept) to 720h.
	MaxStale time.Duration
	// IgnoreRevalidate serves last-good data although the service asked for must-revalidate or no-cache.
	IgnoreRevalidate bool
	// StoreBytes bounds the memory that stored answers take. 0: 16 MiB; up to 1 GiB.
	StoreBytes int64

	// Degraded recognises a 2xx answer of a service that is itself in fallback mode: such an answer is marked, and never
	// kept as last-good. body is nil when it streams (see Config.BodyLimit). Nil: none is recognised. See DegradedMarker.
	Degraded func(header http.Header, body []byte) bool
	// RetryDegraded takes a degraded answer for a failure: it is retried, and last-good data is preferred to it. Off, it
	// is a success.
	RetryDegraded bool

	// Canned is the body of the last resort, status 200. Nil: the failure itself is returned. Up to 1 MiB.
	Canned []byte
	// CannedType is Canned's Content-Type. Empty: application/json.
	CannedType string
}

// stores tells whether answers are kept.
func (f Fallback) stores() bool { return f.Fresh || f.MaxStale > 0 }
