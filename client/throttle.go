package client

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/squall-proxy/squall/internal/lru"
)

// Throttle holds a share of the attempts back that grows as fewer of them succeed, at each host for itself (the client-side
// throttling of Google's SRE book). Where a breaker sends all or nothing, it sends what the service can still answer.
type Throttle struct {
	// Threshold is the share of attempts that must succeed for nothing to be held back. 0 (off) to 1.
	Threshold float64
	// Minimum is the number of attempts below which nothing is held back. 0: 20; to 100,000.
	Minimum int
	// Within is how far back attempts are counted, those that were held back included. 0: 30s; 1s to 1h.
	Within time.Duration
	// Max is the largest share that is held back. Some go on, or nobody would see that the service is back. 0: 0.9; to 1.
	Max float64
}

// throttleStage holds attempts back.
type throttleStage struct {
	next   stage
	cfg    Throttle
	hosts  *lru.Map[string, *record]
	random func() float64
}

// record counts the attempts at one host, and those that succeeded.
type record struct {
	mu    sync.Mutex
	tally tally // attempts, and those of them that succeeded
}

func newThrottleStage(cfg Config, next stage) *throttleStage {
	s := &throttleStage{next: next, cfg: cfg.Throttle, random: cfg.random}
	s.hosts = lru.New(maxHosts, func(string) *record {
		return &record{tally: tally{slot: cfg.Throttle.Within / tallySlots}}
	})
	if s.random == nil {
		s.random = rand.Float64
	}
	return s
}

func (s *throttleStage) do(c *call) (*http.Response, error) {
	host := s.hosts.Get(c.req.URL.Host)
	if s.random() < s.rate(host.ask()) {
		c.drop()
		return nil, heldBack(errThrottled)
	}
	resp, err := s.next.do(c)
	switch {
	case !transient(resp, err):
		host.add(1, 1)
	case c.cancelled(): // which says nothing
		host.add(0, -1)
	}
	return resp, err
}

var errThrottled = errors.New("throttled, because too many attempts have failed")

// rate is the share of attempts that is held back when of so many so many have succeeded.
func (s *throttleStage) rate(asked, ok int) float64 {
	if asked < s.cfg.Minimum {
		return 0
	}
	rate := (float64(asked) - float64(ok)/s.cfg.Threshold) / float64(asked+1)
	return max(0, min(rate, s.cfg.Max))
}

// ask returns what was counted before, and counts an attempt.
func (r *record) ask() (asked, ok int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.tally.slide(now)
	asked, ok = r.tally.sums[0], r.tally.sums[1]
	r.tally.add(now, 0, 1)
	return asked, ok
}

func (r *record) add(thing, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.add(time.Now(), thing, n)
}
