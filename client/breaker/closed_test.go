package breaker

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// opensAt plays calls, of which the last one must open the breaker, and no other.
func opensAt(t *testing.T, cfg Config, calls string) {
	t.Helper()
	b := scripted(t, cfg, 1)
	for i := range calls {
		b.is(Closed)
		b.play(calls[i : i+1])
	}
	b.is(Open)
}

func staysClosed(t *testing.T, cfg Config, calls string) {
	t.Helper()
	b := scripted(t, cfg, 1)
	b.play(calls)
	b.is(Closed)
}

func TestB1Consecutive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Consecutive: 3}
		opensAt(t, cfg, "FFF")
		opensAt(t, cfg, "FFSFFF")
		opensAt(t, cfg, "FFNF")
		staysClosed(t, cfg, "FFSFFSFF")
		b := scripted(t, cfg, 1)
		b.play("FFFRRR")
	})
}

func TestB2Ratio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ten := Config{Last: 10, Ratio: 0.5, Minimum: 10}
		opensAt(t, ten, "SSSSSSFFFFF")      // 5 of the last 10
		staysClosed(t, ten, "FFFFSSSSSSF")  // the oldest failure has rolled off
		staysClosed(t, ten, "FFFFFFFFF")    // 9 are not enough to judge
		opensAt(t, ten, "FFFFFFFFFF")       // 10 are
		opensAt(t, ten, "FFFFNNNNFFFFFF")   // neutral ones are not counted
		staysClosed(t, ten, "FSSFSSFSSFSS") // 4 of 10
		opensAt(t, Config{Last: 10, Failures: 5}, "SFFFFF")
		staysClosed(t, Config{Last: 20, Ratio: 0.1, Minimum: 20}, strings.Repeat("F", 19))
		opensAt(t, Config{Last: 30, Ratio: 0.1, Minimum: 30}, strings.Repeat("S", 27)+"FFF") // 3 of 30 is 0.1
	})
}

func TestB2RatioOfTheWindowAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Last: 20, Ratio: 0.8}, 1)
		b.play("SSSSSSSSSSSSSSSSSSSS" + "FFFFFFFFFFFFFFF")
		b.is(Closed) // 15 of 20
		b.play("F")
		b.is(Open)
	})
}

func TestB3TimeWindow(t *testing.T) {
	cfg := Config{Within: 10 * time.Second, Failures: 3}
	for name, tc := range map[string]struct {
		gaps []time.Duration // before each failure
		want State
	}{
		"within it":                      {[]time.Duration{0, 4 * time.Second, 6 * time.Second}, Open},
		"a pause":                        {[]time.Duration{0, 0, 11 * time.Second}, Closed},
		"the first is a moment too old":  {[]time.Duration{0, 5 * time.Second, 5*time.Second + 1}, Closed},
		"astride of any seam, at 10 s":   {[]time.Duration{9 * time.Second, time.Second, time.Second}, Open},
		"astride of any seam, at 20 s":   {[]time.Duration{19 * time.Second, time.Second, 8 * time.Second}, Open},
		"one at a time, for a long time": {[]time.Duration{0, 6e9, 6e9, 6e9, 6e9, 6e9, 6e9, 6e9, 6e9}, Closed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := scripted(t, cfg, 1)
				for _, gap := range tc.gaps {
					b.pass(gap)
					b.play("F")
				}
				b.is(tc.want)
			})
		})
	}
}

func TestB3MoreThanTheWindowHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Last: 50, Within: time.Minute, Failures: 50}, 1)
		for range 40 {
			b.play("SF")
		}
		if s := b.Status(); s.Outcomes != 50 || s.Failed != 25 {
			t.Errorf("%d outcomes, %d failed, want 50 and 25", s.Outcomes, s.Failed)
		}
		b.pass(time.Minute + 1)
		if s := b.Status(); s.Outcomes != 0 || s.Failed != 0 {
			t.Errorf("a minute later: %d outcomes, %d failed", s.Outcomes, s.Failed)
		}
	})
}

func TestB11SlowCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{SlowAfter: 2 * time.Second, SlowRatio: 0.6, Minimum: 10, Last: 10}
		slow, quick := 2*time.Second+1, 2*time.Second
		took := func(b *script, d time.Duration) {
			permit := b.allowed()
			b.pass(d)
			permit.Done(Success)
		}
		b := scripted(t, cfg, 1)
		for range 5 {
			took(b, slow)
			took(b, quick)
		}
		b.is(Closed)
		took(b, quick) // the first slow one rolls off
		took(b, slow)
		took(b, slow)
		b.is(Closed)
		took(b, slow)
		b.is(Open)
		if len(b.told) != 1 || b.told[0].Why != "6 of the last 10 took more than 2s" {
			t.Errorf("told %v", b.told)
		}

		b.pass(time.Second)
		took(b, slow) // so is a probe that is slow
		b.is(Open)
	})
}
