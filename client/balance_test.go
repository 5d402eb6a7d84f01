package client

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/client/balance"
	"github.com/squall-proxy/squall/internal/wait"
)

// backends are servers a and b, as a Transport.
type backends struct {
	mu   sync.Mutex
	seen strings.Builder
	dead map[string]bool
	slow map[string]time.Duration
}

func (b *backends) RoundTrip(req *http.Request) (*http.Response, error) {
	name := req.URL.Host
	b.mu.Lock()
	if req.URL.Path == "/items" {
		b.seen.WriteString(name)
	}
	dead, takes := b.dead[name], b.slow[name]
	b.mu.Unlock()
	if err := wait.For(req.Context(), takes); err != nil {
		return nil, err
	}
	if dead {
		return nil, refused.err
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(strings.NewReader(name)),
	}, nil
}

func twoBackends() balance.Config {
	return balance.Config{Backends: []balance.Backend{{URL: "http://a"}, {URL: "http://b"}}}
}

func TestL3TheCallerSeesNoErrorOfADeadBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &backends{dead: map[string]bool{"b": true}}
		cfg := Config{Retry: Retry{Max: 1}, Balance: twoBackends(), BodyLimit: 1 << 20}
		cfg.Balance.Outlier.Failures = 3
		var told []string
		cfg.Observe = func(e Event) {
			if e.Kind == EventBackend {
				told = append(told, e.Backend.String())
			}
		}
		c := through(t, up, cfg)
		for i := range 30 {
			if g := get(t, c); g.err != nil || g.body != "a" {
				t.Errorf("call %d: %q %v", i+1, g.body, g.err)
			}
		}
		if got := up.seen.String(); strings.Count(got, "b") != 3 || strings.Contains(got, "bb") {
			t.Errorf("called %s", got)
		}
		if len(told) != 1 || told[0] != "http://b: ejected for 10s: 3 in a row failed" {
			t.Errorf("told %q", told)
		}
		if s := c.Backends(); len(s) != 2 || !s[1].Ejected || s[0].InFlight != 0 {
			t.Errorf("backends %+v", s)
		}
	})
}

func TestM1ChecksAreInNobodysMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &backends{dead: map[string]bool{"b": true}}
		cfg := Config{Balance: twoBackends(), Breaker: Default().Breaker}
		cfg.Balance.Health = balance.Health{Path: "/health", Every: time.Second}
		var mu sync.Mutex
		var told []string
		cfg.Observe = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, string(e.Kind))
		}
		c := through(t, up, cfg)
		pass(t, 10*time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(told) != 1 || told[0] != "backend" {
			t.Errorf("told %q, want that b is down", told)
		}
		if s := c.Backends(); !s[1].Down || s[0].Down {
			t.Errorf("backends %+v", s)
		}
		if s := c.Breakers().Status(); len(s) != 0 {
			t.Errorf("breakers %+v", s)
		}
	})
}

func TestCloseEndsTheChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &backends{slow: map[string]time.Duration{"a": time.Hour, "b": time.Hour}}
		cfg := Config{Balance: twoBackends()}
		cfg.Balance.Health = balance.Health{Path: "/health", Every: time.Hour, Timeout: time.Hour}
		c := through(t, up, cfg)
		pass(t, time.Minute)
		start := time.Now()
		c.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}
