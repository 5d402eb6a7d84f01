package client

import (
	"time"

	"github.com/squall-proxy/squall/client/breaker"
)

// Default has everything on that one service needs, with limits that suit one answering within seconds. Off are Balance,
// which needs to know backends, and Throttle, which answers the same question as the breaker: it would hold probes back.
func Default() Config {
	return Config{
		Deadline:       time.Minute,
		AttemptTimeout: 10 * time.Second,
		BodyLimit:      1 << 20,
		Retry: Retry{
			Max: 3, Base: 100 * time.Millisecond, Cap: 5 * time.Second, Jitter: true,
			Budget: Budget{Share: 0.2, PerSecond: 10},
		},
		Fallback: Fallback{Fresh: true, MaxStale: 5 * time.Minute, Degraded: DegradedMarker},
		Breaker:  defaultBreaker(),
		Hedge:    Hedge{After: time.Second},
		Bulkhead: Bulkhead{Max: 100, Queue: 100},
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

// Lab6Breaker is the lab's third step: Lab6Fallback, and a circuit breaker.
func Lab6Breaker(maxRetries int, delay time.Duration) Config {
	cfg := Lab6Fallback(maxRetries, delay)
	cfg.Breaker = defaultBreaker()
	return cfg
}

// defaultBreaker opens when at least 80 % of the last 20 attempts failed: the lab's normal 30 % never come near that, while
// 5 in a row, or half of 5, would open it every few minutes. It takes 2 of 3 probes to close it, for the same reason.
func defaultBreaker() breaker.Config {
	return breaker.Config{
		Last: 20, Ratio: 0.8, Minimum: 10,
		Base: time.Second, Max: 8 * time.Second, Probes: 3, Needed: 2,
	}
}
