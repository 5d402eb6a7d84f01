package client

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

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
		within("Hedge.After", c.Hedge.After, time.Hour),
		within("Bulkhead.Max", c.Bulkhead.Max, 100_000),
		within("Bulkhead.Queue", c.Bulkhead.Queue, 100_000),
		within("Bulkhead.Wait", c.Bulkhead.Wait, time.Hour),
		within("Throttle.Threshold", c.Throttle.Threshold, 1),
		within("Throttle.Minimum", c.Throttle.Minimum, 100_000),
		within("Throttle.Within", c.Throttle.Within, time.Hour),
		within("Throttle.Max", c.Throttle.Max, 1),
		c.Retry.Budget.validate("Retry.Budget"),
		c.Hedge.Budget.validate("Hedge.Budget"),
	)
	switch {
	case err != nil:
		return err
	case c.Retry.Cap != 0 && c.Retry.Cap < c.Retry.Base:
		return fmt.Errorf("Retry.Cap %v is less than Retry.Base %v", c.Retry.Cap, c.Retry.Base)
	case c.Fallback.MaxStale > 0 && c.BodyLimit == 0:
		return errors.New("Fallback.MaxStale needs BodyLimit: a body that only streams cannot be kept")
	case c.Fallback.Fresh && c.BodyLimit == 0:
		return errors.New("Fallback.Fresh needs BodyLimit: a body that only streams cannot be kept")
	case c.Throttle.Within != 0 && c.Throttle.Within < time.Second:
		return fmt.Errorf("Throttle.Within %v is less than 1s", c.Throttle.Within)
	}
	if err := c.Breaker.Validate(); err != nil {
		return fmt.Errorf("in Breaker: %w", err)
	}
	return nil
}

func (b Budget) validate(name string) error {
	return errors.Join(within(name+".Share", b.Share, 10), within(name+".PerSecond", b.PerSecond, 10_000))
}

func within[T int | int64 | float64 | time.Duration](name string, v, limit T) error {
	if !(v >= 0 && v <= limit) { // so that NaN fails, too
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
	if c.Route == nil {
		c.Route = Route
	}
	if c.BreakerFailure == nil {
		c.BreakerFailure = breakerFailure
	}
	if c.Breaker.ProbeTimeout == 0 {
		c.Breaker.ProbeTimeout = c.AttemptTimeout
	}
	if c.Hedge.Budget == (Budget{}) {
		c.Hedge.Budget = Budget{Share: 0.05, PerSecond: 1}
	}
	if c.Bulkhead.Wait == 0 {
		c.Bulkhead.Wait = time.Second
	}
	c.Throttle = c.Throttle.filled()
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	return c
}

func (t Throttle) filled() Throttle {
	if t.Minimum == 0 {
		t.Minimum = 20
	}
	if t.Within == 0 {
		t.Within = 30 * time.Second
	}
	if t.Max == 0 {
		t.Max = 0.9
	}
	return t
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
