package client

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// pinned is exponential backoff whose jitter always draws share of its ceiling.
func pinned(retries int, share float64) Config {
	return Config{
		Retry:  Retry{Max: retries, Base: 100 * time.Millisecond, Cap: time.Second, Jitter: true},
		random: func() float64 { return share },
	}
}

func TestR2Backoff(t *testing.T) {
	t.Run("exact gaps", func(t *testing.T) {
		for share, want := range map[float64][]time.Duration{
			1:    {100e6, 200e6, 400e6, 800e6, 1e9, 1e9},
			0.5:  {50e6, 100e6, 200e6, 400e6, 500e6, 500e6},
			0.25: {25e6, 50e6, 100e6, 200e6, 250e6, 250e6},
		} {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(status(503))
				get(t, through(t, up, pinned(6, share)))
				if !slices.Equal(up.gaps(), want) {
					t.Errorf("share %v: gaps %v, want %v", share, up.gaps(), want)
				}
			})
		}
	})
	t.Run("full jitter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const ceiling = 400 * time.Millisecond
			up := upstream(status(503))
			cfg := Config{
				Retry:  Retry{Max: 100, Base: ceiling, Cap: ceiling, Jitter: true},
				random: rand.New(rand.NewPCG(1, 2)).Float64,
			}
			c := through(t, up, cfg)
			var gaps []time.Duration
			for range 2 {
				up.seen = nil
				get(t, c)
				gaps = append(gaps, up.gaps()...)
			}
			var sum time.Duration
			for _, g := range gaps {
				sum += g
			}
			mean := float64(sum) / float64(len(gaps)) / float64(ceiling)
			least, most := float64(slices.Min(gaps))/float64(ceiling), float64(slices.Max(gaps))/float64(ceiling)
			if len(gaps) != 200 || mean < 0.45 || mean > 0.55 || least < 0 || least > 0.1 || most > 1 || most < 0.9 {
				t.Errorf("%d gaps, of the ceiling: mean %.3f, least %.3f, most %.3f", len(gaps), mean, least, most)
			}
		})
	})
}

func TestR3RetryAfter(t *testing.T) {
	const own = 100 * time.Millisecond
	for _, tc := range []struct {
		name   string
		answer func(now time.Time) answer
		share  float64       // of the jitter
		gap    time.Duration // 0: no second attempt
	}{
		{"seconds", after("2"), 0, 2 * time.Second},
		{"seconds, jitter only adds", after("2"), 0.5, 2250 * time.Millisecond},
		{"seconds of the largest jitter", after("2"), 1, 2500 * time.Millisecond},
		{"short, so that its own spread is wider", after("1"), 1, 1250 * time.Millisecond},
		{"on 429", func(time.Time) answer { return status(429, "Retry-After", "2") }, 0, 2 * time.Second},
		{"not on 500", func(time.Time) answer { return status(500, "Retry-After", "2") }, 1, own},
		{"date", func(now time.Time) answer {
			return status(503, "Retry-After", now.Add(3*time.Second).UTC().Format(http.TimeFormat))
		}, 0, 3 * time.Second},
		{"date by the service's own clock", func(now time.Time) answer {
			theirs := now.Add(-time.Hour).UTC()
			return status(503, "Date", theirs.Format(http.TimeFormat),
				"Retry-After", theirs.Add(3*time.Second).Format(http.TimeFormat))
		}, 0, 3 * time.Second},
		{"date that has passed", func(now time.Time) answer {
			return status(503, "Retry-After", now.Add(-time.Minute).UTC().Format(http.TimeFormat))
		}, 1, own},
		{"zero", after("0"), 1, own},
		{"negative", after("-5"), 1, own},
		{"garbage", after("soon"), 1, own},
		{"fraction", after("1.5"), 1, own},
		{"at the cap", after("60"), 0, time.Minute},
		{"above the cap", after("61"), 0, 0},
		{"a day", after("86400"), 0, 0},
		{"centuries", after("9999999999"), 0, 0},
		{"more than a number holds", after("99999999999999999999999"), 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(tc.answer(time.Now()), status(200))
				g := get(t, through(t, up, pinned(3, tc.share)))
				if tc.gap == 0 {
					up.attempts(t, 1)
					if g.took != 0 || g.status != 503 {
						t.Errorf("status %d after %v, want the 503 at once", g.status, g.took)
					}
					return
				}
				up.attempts(t, 2)
				if up.gaps()[0] != tc.gap {
					t.Errorf("gap %v, want %v", up.gaps()[0], tc.gap)
				}
			})
		})
	}
	t.Run("longer than the lab's fixed delay", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503, "Retry-After", "3"), status(503), status(200))
			get(t, through(t, up, Lab6Retry(3, time.Second))).is(t, 200, Fresh, goodBody)
			if want := []time.Duration{3 * time.Second, time.Second}; !slices.Equal(up.gaps(), want) {
				t.Errorf("gaps %v, want %v", up.gaps(), want)
			}
		})
	})
}

func after(value string) func(time.Time) answer {
	return func(time.Time) answer { return status(503, "Retry-After", value) }
}
