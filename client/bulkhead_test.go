package client

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBulkhead(t *testing.T) {
	slow := status(200)
	slow.after = time.Second
	for name, tc := range map[string]struct {
		cfg  Bulkhead
		held int // of 10 calls at once; -1: whoever gets a place at the last moment may be one of them or not
		took time.Duration
	}{
		"room for all":          {Bulkhead{Max: 10}, 0, time.Second},
		"nobody waits":          {Bulkhead{Max: 4}, 6, time.Second},
		"some wait":             {Bulkhead{Max: 4, Queue: 4, Wait: 5 * time.Second}, 2, 2 * time.Second},
		"all wait":              {Bulkhead{Max: 2, Queue: 8, Wait: 5 * time.Second}, 0, 5 * time.Second},
		"not for ever":          {Bulkhead{Max: 2, Queue: 8, Wait: 1500 * time.Millisecond}, 6, 2 * time.Second},
		"not beyond the call's": {Bulkhead{Max: 2, Queue: 8, Wait: time.Hour}, -1, 2500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := Config{Bulkhead: tc.cfg, BodyLimit: 1 << 20, Retry: Retry{Max: 2, Base: time.Second}}
				if strings.Contains(name, "beyond") {
					cfg.Deadline = 2500 * time.Millisecond
				}
				up := upstream(slow)
				c := through(t, up, cfg)
				var all sync.WaitGroup
				var mu sync.Mutex
				held := 0
				start := time.Now()
				for range 10 {
					all.Go(func() {
						g := get(t, c)
						mu.Lock()
						defer mu.Unlock()
						if errors.Is(g.err, ErrHeldBack) {
							held++
						}
					})
				}
				all.Wait()
				if took := time.Since(start).Round(time.Millisecond); tc.held >= 0 && held != tc.held || took != tc.took {
					t.Errorf("%d held back, %v in all, want %d and %v", held, took, tc.held, tc.took)
				}
			})
		})
	}
}

func TestBulkheadHoldsAPlaceUntilTheBodyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200))
		c := through(t, up, Config{Bulkhead: Bulkhead{Max: 1}})
		resp, err := c.RoundTrip(request(t, "GET", ""))
		if err != nil {
			t.Fatal(err)
		}
		if g := get(t, c); !errors.Is(g.err, ErrHeldBack) || g.err.Error() != "not sent: bulkhead of upstream is full: 1 attempts are under way" {
			t.Errorf("got %d %v", g.status, g.err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		get(t, c).is(t, 200, Fresh, goodBody)
	})
}

func TestBulkheadIsNotWaitedForBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200))
		c := through(t, up, Config{Deadline: 2 * time.Second, Bulkhead: Bulkhead{Max: 1, Queue: 1, Wait: time.Hour}})
		resp, err := c.RoundTrip(request(t, "GET", ""))
		if err != nil {
			t.Fatal(err)
		}
		if g := get(t, c); !errors.Is(g.err, ErrHeldBack) || g.took != 2*time.Second {
			t.Errorf("got %v after %v", g.err, g.took)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBulkheadSurvivesAPanic(t *testing.T) {
	fails := true
	up := upstream(status(200))
	c := through(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		if fails {
			panic("a broken Transport")
		}
		return up.RoundTrip(req)
	}), Config{Bulkhead: Bulkhead{Max: 1}})
	func() {
		defer func() { _ = recover() }()
		get(t, c)
	}()
	fails = false
	get(t, c).is(t, 200, Fresh, goodBody)
}
