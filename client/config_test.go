package client

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/client/balance"
)

func TestConfigBounds(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"Deadline":              func(c *Config) { c.Deadline = -1 },
		"AttemptTimeout":        func(c *Config) { c.AttemptTimeout = 25 * time.Hour },
		"BodyLimit":             func(c *Config) { c.BodyLimit = 64<<20 + 1 },
		"Retry.Max":             func(c *Config) { c.Retry.Max = 101 },
		"Retry.Base":            func(c *Config) { c.Retry.Base = -time.Second },
		"Retry.Cap":             func(c *Config) { c.Retry.Cap = c.Retry.Base - 1 },
		"Retry.RetryAfterCap":   func(c *Config) { c.Retry.RetryAfterCap = 2 * time.Hour },
		"Fallback.MaxStale":     func(c *Config) { c.Fallback.MaxStale = 721 * time.Hour },
		"Fallback.StoreBytes":   func(c *Config) { c.Fallback.StoreBytes = 1<<30 + 1 },
		"Fallback.Canned":       func(c *Config) { c.Fallback.Canned = make([]byte, 1<<20+1) },
		"MaxStale needs BodyLi": func(c *Config) { c.BodyLimit = 0 },
		"Fresh needs BodyLimit": func(c *Config) { c.BodyLimit, c.Fallback.MaxStale = 0, 0 },
		"Retry.Budget.Share":    func(c *Config) { c.Retry.Budget.Share = math.NaN() },
		"Hedge.After":           func(c *Config) { c.Hedge.After = -1 },
		"Hedge.Budget.PerSec":   func(c *Config) { c.Hedge.Budget.PerSecond = -1 },
		"Bulkhead.Max":          func(c *Config) { c.Bulkhead.Max = -1 },
		"Bulkhead.Queue":        func(c *Config) { c.Bulkhead.Queue = 100_001 },
		"Bulkhead.Wait":         func(c *Config) { c.Bulkhead.Wait = 2 * time.Hour },
		"Throttle.Threshold":    func(c *Config) { c.Throttle.Threshold = 1.1 },
		"Throttle.Minimum":      func(c *Config) { c.Throttle.Minimum = -1 },
		"Throttle.Within":       func(c *Config) { c.Throttle.Within = time.Millisecond },
		"Throttle.Max":          func(c *Config) { c.Throttle.Max = -1 },
		"in Breaker: Ratio":     func(c *Config) { c.Breaker.Ratio = 2 },
		"in Balance: in Backen": func(c *Config) { c.Balance.Backends = []balance.Backend{{}} },
	} {
		t.Run(field, func(t *testing.T) {
			cfg := Default()
			change(&cfg)
			if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("got %v, want an error about %s", err, field)
			}
		})
	}
	for name, cfg := range map[string]Config{
		"zero": {}, "default": Default(), "lab": Lab6Retry(3, time.Second), "lab, not at all": Lab6Fallback(0, 0),
		"lab, third step": Lab6Breaker(3, time.Second),
	} {
		if _, err := New(cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
