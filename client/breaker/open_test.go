package breaker

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestB4ErrorTellsTheRemainingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Consecutive: 1}, 1)
		b.play("F")
		b.pass(200 * time.Millisecond)
		e := b.refused()
		if e.Remaining != 800*time.Millisecond || e.State != Open || e.Key != key {
			t.Errorf("got %+v", e)
		}
		if want := "circuit breaker of GET shop.test/orders is open for another 0.8 s"; e.Error() != want {
			t.Errorf("got %q, want %q", e, want)
		}
		if b.Wait() != 800*time.Millisecond {
			t.Errorf("waits %v", b.Wait())
		}
		b.pass(800 * time.Millisecond)
		b.allowed()
		if e := b.refused(); e.Error() != "circuit breaker of GET shop.test/orders is half-open" || b.Wait() != 0 {
			t.Errorf("got %q, waits %v", e, b.Wait())
		}
	})
}

func TestB5TheMomentOfTheFirstProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Consecutive: 1, Permits: 3, Needed: 3}, 1)
		b.play("F")
		b.pass(time.Second - 1)
		b.play("R")
		b.is(Open)
		b.pass(1)

		first, second, third := b.allowed(), b.allowed(), b.allowed()
		b.is(HalfOpen)
		b.play("RRRRRRR")
		second.Done(Neutral) // its permit is usable again
		fourth := b.allowed()
		b.play("R")
		for _, p := range []Permit{first, third, fourth} {
			b.is(HalfOpen)
			p.Done(Success)
		}
		b.is(Closed)
	})
}

func TestB6OpenTimes(t *testing.T) {
	for share, want := range map[float64][]time.Duration{
		1:   {1e9, 2e9, 4e9, 8e9, 8e9, 1e9, 2e9},
		0:   {5e8, 1e9, 2e9, 4e9, 4e9, 5e8, 1e9},
		0.5: {75e7, 15e8, 3e9, 6e9, 6e9, 75e7, 15e8},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := scripted(t, Config{Consecutive: 1, Needed: 2}, share)
			open := func() time.Duration {
				b.is(Open)
				d := b.Wait()
				b.pass(d - 1)
				b.play("R")
				b.pass(1)
				return d
			}
			b.play("F")
			var got []time.Duration
			for range 4 {
				got = append(got, open())
				b.play("SF") // one failure opens it again
			}
			got = append(got, open())
			b.play("SS") // two successes close it, and the times begin again
			b.is(Closed)
			b.play("F")
			got = append(got, open())
			b.play("F")
			got = append(got, open())
			if !slices.Equal(got, want) {
				t.Errorf("share %v: open for %v, want %v", share, got, want)
			}
		})
	}
}

func TestB6JitterIsDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, err := NewGroup(Config{Consecutive: 1}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		var least, most time.Duration = time.Hour, 0
		for i := range 500 {
			b := group.Get(Key{Route: string(rune('a' + i))})
			permit, err := b.Allow()
			if err != nil {
				t.Fatal(err)
			}
			permit.Done(Failure)
			least, most = min(least, b.Wait()), max(most, b.Wait())
		}
		if least < 500*time.Millisecond || least > 520*time.Millisecond || most > time.Second || most < 980*time.Millisecond {
			t.Errorf("open for %v to %v", least, most)
		}
	})
}

func TestB7SomeOfSomeProbes(t *testing.T) {
	for probes, want := range map[string]State{
		"SFSS": Closed, "SSS": Closed, "FFSSS": Closed, "FSFSS": Closed,
		"FFF": Open, "SFFF": Open, "SSFFF": Open,
		"SFS": HalfOpen, "FFSS": HalfOpen,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := scripted(t, Config{Consecutive: 1, Probes: 5, Needed: 3}, 1)
			b.play("F")
			b.pass(time.Second)
			for i := range probes {
				b.play(probes[i : i+1])
				if i < len(probes)-1 {
					b.is(HalfOpen)
				}
			}
			b.is(want)
		})
	}
}

func TestB8NeutralProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Consecutive: 1, Needed: 4}, 1)
		b.play("F")
		b.pass(time.Second)
		b.play("NNNN")
		b.is(HalfOpen)
		b.play("SSSS")
		b.is(Closed)
	})
}
