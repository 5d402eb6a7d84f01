package client

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// spending retries up to 3 times, a second apart, within b.
func spending(b Budget) Config {
	return Config{Retry: Retry{Max: 3, Base: time.Second, Budget: b}}
}

func TestR6Budget(t *testing.T) {
	t.Run("a share of the calls", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			cfg := spending(Budget{Share: 0.1})
			cfg.Retry.Base = 0
			c := through(t, up, cfg)
			for range 100 {
				get(t, c)
			}
			up.attempts(t, 110)
		})
	})
	t.Run("what is beyond it does not wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			c := through(t, up, spending(Budget{Share: 0.01}))
			for range 50 {
				if g := get(t, c); g.took != 0 {
					t.Fatalf("a call without retries took %v", g.took)
				}
			}
			up.attempts(t, 50)
		})
	})
	t.Run("it fills again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			cfg := spending(Budget{Share: 0.5})
			cfg.Retry.Base = 0
			c := through(t, up, cfg)
			for range 10 {
				get(t, c)
			}
			up.attempts(t, 15)
			up.answers = []answer{status(200)}
			for range 6 {
				get(t, c)
			}
			up.answers = []answer{status(503)}
			get(t, c) // 17 calls, 8 retries
			up.attempts(t, 15+6+1+3)
		})
	})
	t.Run("it slides", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			cfg := spending(Budget{PerSecond: 0.3}) // 3 in 10 s
			cfg.Retry.Base = 0
			c := through(t, up, cfg)
			get(t, c)
			up.attempts(t, 4)
			pass(t, 9*time.Second)
			get(t, c)
			up.attempts(t, 5)
			pass(t, time.Second)
			get(t, c)
			up.attempts(t, 9)
		})
	})
	t.Run("a floor for few calls", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			c := through(t, up, spending(Budget{Share: 0.2, PerSecond: 10}))
			for range 30 {
				get(t, c)
			}
			up.attempts(t, 120)
		})
	})
	t.Run("each host has its own", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			cfg := spending(Budget{PerSecond: 0.3})
			cfg.Retry.Base = 0
			c := through(t, up, cfg)
			for _, host := range []string{"a", "a", "b", "b"} {
				req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+host+"/", nil)
				if err != nil {
					t.Fatal(err)
				}
				send(t, c, req)
			}
			up.attempts(t, 4+1+4+1)
		})
	})
}

func TestR9Pushback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]int{"false": 1, "False": 1, "true": 4, "": 4} {
			up := upstream(status(503, "X-Should-Retry", value))
			g := get(t, through(t, up, pinned(3, 0)))
			up.attempts(t, want)
			if g.status != 503 {
				t.Errorf("%q: %d %v", value, g.status, g.err)
			}
		}
	})
}
