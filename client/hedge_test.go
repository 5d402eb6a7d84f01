package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hedging makes a second attempt after 100 ms, as often as it likes.
func hedging() Config {
	return Config{BodyLimit: 1 << 20, Hedge: Hedge{After: 100 * time.Millisecond, Budget: Budget{Share: 1}}}
}

func slow(d time.Duration) answer {
	a := status(200)
	a.after = d
	return a
}

func TestH1TheSecondComesAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			first    time.Duration
			attempts int
			took     time.Duration
		}{
			{99 * time.Millisecond, 1, 99 * time.Millisecond},
			{101 * time.Millisecond, 2, 101 * time.Millisecond},
			{time.Hour, 2, 150 * time.Millisecond},
		} {
			up := upstream(slow(tc.first), slow(50*time.Millisecond))
			cfg := hedging()
			var total int
			var hedges []bool
			cfg.Observe = func(e Event) {
				switch e.Kind {
				case EventAttempt:
					hedges = append(hedges, e.Hedge)
				case EventCall:
					total = e.Attempts
				}
			}
			g := get(t, through(t, up, cfg))
			g.is(t, 200, Fresh, goodBody)
			up.attempts(t, tc.attempts)
			if g.took != tc.took || total != tc.attempts {
				t.Errorf("first %v: took %v, %d attempts counted", tc.first, g.took, total)
			}
			if tc.attempts == 2 && up.gaps()[0] != 100*time.Millisecond {
				t.Errorf("the second came after %v", up.gaps()[0])
			}
			if slices.Contains(hedges, true) != (tc.attempts == 2) {
				t.Errorf("told hedges %v", hedges)
			}
		}
	})
}

// TestH1NotBesideARetry: what waits for its retry, because the service has asked for that, is not hedged meanwhile.
func TestH1NotBesideARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(answer{status: 503, header: map[string]string{"Retry-After": "2"}}, status(200))
		cfg := hedging()
		cfg.Retry = Retry{Max: 3, Base: time.Millisecond}
		get(t, through(t, up, cfg)).is(t, 200, Fresh, goodBody)
		up.attempts(t, 2)
		if got := up.gaps()[0]; got != 2*time.Second {
			t.Errorf("the next attempt came after %v", got)
		}
	})
}

func TestH2TheLoserIsCancelled(t *testing.T) {
	for name, answers := range map[string][]answer{
		"the first loses":        {slow(time.Hour), slow(10 * time.Millisecond)},
		"the second loses":       {slow(110 * time.Millisecond), slow(time.Hour)},
		"the first body stalls":  {{status: 200, body: "{", stall: true}, status(200)},
		"the second body stalls": {slow(110 * time.Millisecond), {status: 200, body: "{", stall: true}},
		"at the same moment":     {slow(110 * time.Millisecond), slow(10 * time.Millisecond)},
		"the first fails late":   {{status: 503, after: 105 * time.Millisecond}, slow(10 * time.Millisecond)},
		"the second fails":       {slow(150 * time.Millisecond), status(503)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(answers...)
				g := get(t, through(t, up, hedging()))
				g.is(t, 200, Fresh, goodBody)
				up.attempts(t, 2)
				if g.took > 150*time.Millisecond {
					t.Errorf("took %v", g.took)
				}
			}) // its end shows that no goroutine is left
		})
	}
	t.Run("both fail", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(answer{status: 500, after: 110 * time.Millisecond}, status(503))
			if g := get(t, through(t, up, hedging())); g.status != 500 {
				t.Errorf("got %d %v", g.status, g.err)
			}
			up.attempts(t, 2)
		})
	})
	t.Run("a body that streams goes on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(slow(time.Hour), status(200))
			cfg := hedging()
			cfg.BodyLimit = 0
			get(t, through(t, up, cfg)).is(t, 200, Fresh, goodBody)
			up.attempts(t, 2)
		})
	})
}

func TestH2TheServiceSeesTheClose(t *testing.T) {
	var seen atomic.Int32
	left := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1) == 1 {
			<-r.Context().Done()
			close(left)
			return
		}
		_, _ = io.WriteString(w, goodBody)
	}))
	defer up.Close()
	cfg := hedging()
	cfg.Hedge.After = 20 * time.Millisecond
	c := through(t, nil, cfg)
	req, err := http.NewRequestWithContext(t.Context(), "GET", up.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, req).is(t, 200, Fresh, goodBody)
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Error("the service still works for the attempt that lost")
	}
}

func TestH3OnlySafeMethodsWithoutABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			method, body string
			want         int
		}{
			{"GET", "", 2},
			{"HEAD", "", 2},
			{"OPTIONS", "", 2},
			{"GET", "a body", 1},
			{"POST", "", 1},
			{"POST", "a body", 1},
			{"PUT", "", 1},
			{"DELETE", "", 1},
			{"PATCH", "", 1},
		} {
			up := upstream(slow(time.Second))
			send(t, through(t, up, hedging()), request(t, tc.method, tc.body, "Idempotency-Key", "k-1"))
			if len(up.seen) != tc.want {
				t.Errorf("%s %q: %d attempts, want %d", tc.method, tc.body, len(up.seen), tc.want)
			}
		}
	})
}

func TestH4Budget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(slow(150 * time.Millisecond))
		cfg := hedging()
		cfg.Hedge.Budget = Budget{Share: 0.05}
		c := through(t, up, cfg)
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() { get(t, c) })
		}
		all.Wait()
		up.attempts(t, 210)
	})
}

func TestHedgesAndRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The first leg's attempts are at 0 and 250 ms; the second leg, at 100 ms, fails and is not retried.
		first := status(503)
		first.after = 150 * time.Millisecond
		up := upstream(first, status(503), slow(50*time.Millisecond))
		cfg := hedging()
		cfg.Retry = Retry{Max: 3, Base: 100 * time.Millisecond}
		g := get(t, through(t, up, cfg))
		g.is(t, 200, Fresh, goodBody)
		up.attempts(t, 3)
		if g.took != 300*time.Millisecond {
			t.Errorf("took %v, want 300ms", g.took)
		}
	})
	t.Run("a hedge ends the pause before a retry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			first := status(503)
			first.after = 105 * time.Millisecond // the hedge is under way
			up := upstream(first, slow(10*time.Millisecond))
			cfg := hedging()
			cfg.Retry = Retry{Max: 3, Base: time.Minute}
			g := get(t, through(t, up, cfg))
			g.is(t, 200, Fresh, goodBody)
			up.attempts(t, 2)
			if g.took != 110*time.Millisecond {
				t.Errorf("took %v, want 110ms", g.took)
			}
		})
	})
}

func TestTheAnswerOfAHedgeIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(slow(time.Hour), saying("from the hedge"), status(503))
		cfg := hedging()
		cfg.Fallback.MaxStale = time.Minute
		c := through(t, up, cfg)
		get(t, c).is(t, 200, Fresh, "from the hedge")
		get(t, c).is(t, 200, Cached, "from the hedge")
	})
}

func TestHedgesEndWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(silence)
		cfg := hedging()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g := send(t, through(t, up, cfg), request(t, "GET", "").WithContext(ctx))
		if !errors.Is(g.err, context.DeadlineExceeded) || g.took != time.Second {
			t.Errorf("got %v after %v", g.err, g.took)
		}
		up.attempts(t, 2)
	})
}

func TestHedgesGoElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &backends{slow: map[string]time.Duration{"a": time.Hour}}
		cfg := hedging()
		cfg.Balance = twoBackends()
		c := through(t, up, cfg)
		for range 6 {
			if g := get(t, c); g.err != nil || g.took > 100*time.Millisecond {
				t.Errorf("got %v after %v", g.err, g.took)
			}
		}
	})
}
