package client

import (
	"errors"
	"fmt"
	"net/http"
	"time"
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

	// Observe is told of every attempt, retry and fallback, on the goroutine that makes the call. It must not block,
	// and must be safe for concurrent use when the Client is. May be nil.
	Observe func(Event)

	random func() float64 // in [0, 1), for jitter only; nil: math/rand/v2. Tests pin it.
}

// Retry says how often and how soon a failed attempt is repeated: after a connection error, a timeout, 429, or 5xx
// except 501, and only if the method is idempotent (RFC 9110 9.2.2) or the request carries an Idempotency-Key.
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
}

// Fallback says what a GET or HEAD is answered with when all attempts have failed: last-good data, then the service's
// own degraded answer, then a canned one. Source tells the caller which. Other methods get the failure: an answer to a
// write must not be made up.
type Fallback struct {
	// MaxStale is how long after its freshness ended (at once, when the service names no max-age) a last-good answer may
	// still stand in for an error. The service's own stale-if-error (RFC 5861) shortens it, must-revalidate, no-cache and
	// no-store forbid it. Needs BodyLimit. 0 (no last-good data kept) to 720h.
	MaxStale time.Duration
	// IgnoreRevalidate serves last-good data although the service asked for must-revalidate or no-cache.
	IgnoreRevalidate bool
	// StoreBytes bounds the memory that last-good answers take. 0: 16 MiB; up to 1 GiB.
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

// Default has everything on, with limits that suit a service answering within seconds.
func Default() Config {
	return Config{
		Deadline:       time.Minute,
		AttemptTimeout: 10 * time.Second,
		BodyLimit:      1 << 20,
		Retry:          Retry{Max: 3, Base: 100 * time.Millisecond, Cap: 5 * time.Second, Jitter: true},
		Fallback:       Fallback{MaxStale: 5 * time.Minute, Degraded: DegradedMarker},
	}
}

// Lab6Retry is the lab's retrying client: maxRetries retries, a fixed delay between attempts, then FallbackMessage. An
// answer cut short counts as failed, as it does there. Beyond the lab, an attempt has 10 s, so that a silent service
// cannot hold it forever, and an answer that a retry cannot mend (404, say) is returned at once.
func Lab6Retry(maxRetries int, delay time.Duration) Config {
	return Config{
		AttemptTimeout: 10 * time.Second,
		BodyLimit:      1 << 20,
		Retry:          Retry{Max: maxRetries, Base: delay},
		Fallback:       Fallback{Canned: []byte(FallbackMessage)},
	}
}

// Lab6Fallback is the lab's second step: Lab6Retry, and it recognises the service's fallback mode and keeps last-good
// data for up to 5 minutes.
func Lab6Fallback(maxRetries int, delay time.Duration) Config {
	cfg := Lab6Retry(maxRetries, delay)
	cfg.Fallback.MaxStale = 5 * time.Minute
	cfg.Fallback.Degraded = DegradedMarker
	return cfg
}

// validate holds the bounds that the fields' comments state.
func (c *Config) validate() error {
	const day = 24 * time.Hour
	err := errors.Join(
		within("Deadline", c.Deadline, day),
		within("AttemptTimeout", c.AttemptTimeout, day),
		within("BodyLimit", c.BodyLimit, 64<<20),
		within("Retry.Max", c.Retry.Max, 100),
		within("Retry.Base", c.Retry.Base, time.Hour),
		within("Retry.Cap", c.Retry.Cap, time.Hour),
		within("Retry.RetryAfterCap", c.Retry.RetryAfterCap, time.Hour),
		within("Fallback.MaxStale", c.Fallback.MaxStale, 30*day),
		within("Fallback.StoreBytes", c.Fallback.StoreBytes, 1<<30),
		within("Fallback.Canned bytes", len(c.Fallback.Canned), 1<<20),
	)
	switch {
	case err != nil:
		return err
	case c.Retry.Cap != 0 && c.Retry.Cap < c.Retry.Base:
		return fmt.Errorf("Retry.Cap %v is less than Retry.Base %v", c.Retry.Cap, c.Retry.Base)
	case c.Fallback.MaxStale > 0 && c.BodyLimit == 0:
		return errors.New("Fallback.MaxStale needs BodyLimit: a body that only streams cannot be kept")
	}
	return nil
}

func within[T int | int64 | time.Duration](name string, v, limit T) error {
	if v < 0 || v > limit {
		return fmt.Errorf("%s %v is outside 0 to %v", name, v, limit)
	}
	return nil
}

// filled returns a copy with the defaults that the fields' comments name.
func (c Config) filled() Config {
	if c.Transport == nil {
		c.Transport = newTransport()
	}
	if c.Retry.Cap == 0 {
		c.Retry.Cap = c.Retry.Base
	}
	if c.Retry.RetryAfterCap == 0 {
		c.Retry.RetryAfterCap = time.Minute
	}
	if c.Fallback.StoreBytes == 0 {
		c.Fallback.StoreBytes = 16 << 20
	}
	if c.Fallback.CannedType == "" {
		c.Fallback.CannedType = "application/json"
	}
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	return c
}

// newTransport keeps as many idle connections for one host as http.DefaultTransport keeps in all: with its own 2 a host,
// a burst of calls would open a connection for nearly each of them.
func newTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = 100
	return t
}
