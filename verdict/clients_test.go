package verdict_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/squall-proxy/squall/verdict/verdicttest"
)

// client is a client as people write them, with what they get right or wrong as settings. The zero value makes one attempt,
// waits for ever, and reads and closes what it gets.
type client struct {
	tap      *verdicttest.Tap
	chance   *chance
	attempts int
	timeout  time.Duration // of an attempt
	pause    func(n int, header http.Header) time.Duration
	again    func(status int) bool // 0 = no reply; nil = 0, 429 and 5xx but 501
	breaker  *breaker
	key      func(i, n int) string // Idempotency-Key of attempt n of call i
	budget   *budget

	keepsBody  bool // never closes what it retries
	closesBody bool // closes without reading what it retries
	spentBody  bool // sends the body once, and then what is left of it
	forgets    bool // does not cancel an attempt that takes too long
}

// do makes a call and gives the last status, header and body; status 0 for none.
func (c *client) do(ctx context.Context, i int, method, path, payload string) (status int, header http.Header, body string) {
	sent := strings.NewReader(payload)
	for n := 1; ; n++ {
		if c.breaker != nil && !c.breaker.allow(path) {
			return 0, nil, ""
		}
		if !c.spentBody {
			sent = strings.NewReader(payload)
		}
		req, _ := http.NewRequest(method, "http://stock"+path, io.NopCloser(sent))
		if payload == "" {
			req.Body = nil
		}
		if c.key != nil {
			req.Header.Set("Idempotency-Key", c.key(i, n))
		}
		if id := verdicttest.RequestID(ctx); id != "" {
			req.Header.Set("X-Request-Id", id)
		}
		status, header, body = c.attempt(ctx, req)
		if c.breaker != nil {
			c.breaker.done(path, status)
		}
		if n >= c.attempts || !c.worth(status) || c.budget != nil && !c.budget.take() {
			return status, header, body
		}
		if !c.wait(ctx, n, header) {
			return status, header, body
		}
	}
}

func (c *client) wait(ctx context.Context, n int, header http.Header) bool {
	if c.pause == nil {
		return ctx.Err() == nil
	}
	d := c.pause(n, header)
	return d >= 0 && waitFor(ctx, d)
}

func waitFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (c *client) worth(status int) bool {
	if c.again != nil {
		return c.again(status)
	}
	return status == 0 || status == 429 || status >= 500 && status != 501
}

// attempt makes one. One that takes too long is given up, and left alone by a client that forgets.
func (c *client) attempt(ctx context.Context, req *http.Request) (int, http.Header, string) {
	if c.timeout > 0 && c.forgets {
		type result struct {
			status int
			header http.Header
			body   string
		}
		got := make(chan result, 1)
		go func() {
			status, header, body := c.send(req.WithContext(ctx))
			got <- result{status, header, body}
		}()
		select {
		case r := <-got:
			return r.status, r.header, r.body
		case <-time.After(c.timeout):
			return 0, nil, ""
		}
	}
	if c.timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		ctx = limited
	}
	return c.send(req.WithContext(ctx))
}

func (c *client) send(req *http.Request) (int, http.Header, string) {
	resp, err := c.tap.RoundTrip(req)
	switch {
	case err != nil:
		return 0, nil, ""
	case resp.StatusCode >= 400 && c.keepsBody:
		return resp.StatusCode, resp.Header, ""
	case resp.StatusCode >= 400 && c.closesBody:
		resp.Body.Close()
		return resp.StatusCode, resp.Header, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, ""
	}
	return resp.StatusCode, resp.Header, string(body)
}

// get calls a target of its own for each call.
func (c *client) get(ctx context.Context, i int) {
	c.do(ctx, i, "GET", fmt.Sprintf("/stock/%d", i), "")
}

func (c *client) post(ctx context.Context, i int) {
	c.do(ctx, i, "POST", fmt.Sprintf("/orders?n=%d", i), fmt.Sprintf(`{"order": %d, "note": %q}`, i, strings.Repeat("x", 50)))
}

// chance is drawn from by all goroutines of a client.
type chance struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newChance(seed uint64) *chance { return &chance{rng: rand.New(rand.NewPCG(seed, 1))} }

func (c *chance) draw() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.Float64()
}

// between draws a time.
func (c *chance) between(low, high time.Duration) time.Duration {
	return low + time.Duration(c.draw()*float64(high-low))
}

// backoff doubles, with full jitter, as it should be.
func (c *chance) backoff(base time.Duration) func(int, http.Header) time.Duration {
	return func(n int, _ http.Header) time.Duration { return c.between(0, base<<(n-1)) }
}

// doubling doubles without jitter.
func doubling(base time.Duration) func(int, http.Header) time.Duration {
	return func(n int, _ http.Header) time.Duration { return base << (n - 1) }
}

// fixed is the same each time.
func fixed(d time.Duration) func(int, http.Header) time.Duration {
	return func(int, http.Header) time.Duration { return d }
}

// asked is what Retry-After says, without any more; else, of none or garbage, a second.
func asked(header http.Header) time.Duration {
	field := header.Get("Retry-After")
	if n, err := strconv.Atoi(field); err == nil {
		return time.Duration(n) * time.Second
	}
	if date, err := http.ParseTime(field); err == nil {
		return max(0, time.Until(date))
	}
	return time.Second
}

// breaker opens after failures in a row, for all routes or for each.
type breaker struct {
	mu       sync.Mutex
	opensAt  int
	open     func() time.Duration
	floods   bool    // half-open lets everything through
	sticks   float64 // half-open for ever, with this share let through; 0 = it closes
	routes   bool    // one for each first segment of paths
	counts4x bool
	chance   *chance
	states   map[string]*state
}

type state struct {
	failed int
	until  time.Time
	open   bool
	probes int
}

func (b *breaker) of(path string) *state {
	route := ""
	if b.routes {
		route = strings.SplitN(path, "/", 3)[1]
	}
	if b.states == nil {
		b.states = map[string]*state{}
	}
	if b.states[route] == nil {
		b.states[route] = &state{}
	}
	return b.states[route]
}

func (b *breaker) allow(path string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.of(path)
	switch {
	case !s.open:
		return true
	case time.Now().Before(s.until):
		return false
	case b.sticks > 0:
		return b.chance.draw() < b.sticks
	case !b.floods && s.probes > 0:
		return false
	}
	s.probes++
	return true
}

func (b *breaker) done(path string, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.of(path)
	failed := status == 0 || status >= 500 || b.counts4x && status >= 400
	if !failed {
		s.failed = 0
		if b.sticks == 0 {
			s.open, s.probes = false, 0
		}
		return
	}
	if s.failed++; s.failed >= b.opensAt && !time.Now().Before(s.until) {
		s.open, s.until, s.probes = true, time.Now().Add(b.open()), 0
	}
}

// budget allows a share of calls to be retried, and a few a second.
type budget struct {
	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.tokens = min(10, b.tokens+now.Sub(b.at).Seconds()*3)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
