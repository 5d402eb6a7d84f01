package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestT1Rate(t *testing.T) {
	s := newThrottleStage(Config{Throttle: Throttle{Threshold: 0.9, Minimum: 100, Within: time.Minute, Max: 0.9}}, nil)
	for _, tc := range []struct {
		asked, ok int
		want      float64
	}{
		{0, 0, 0},
		{99, 0, 0}, // too few to judge
		{100, 100, 0},
		{100, 90, 0},
		{120, 90, 20.0 / 121},
		{1000, 0, 0.9}, // the most
	} {
		if got := s.rate(tc.asked, tc.ok); got != tc.want {
			t.Errorf("%d of %d: %v, want %v", tc.ok, tc.asked, got, tc.want)
		}
	}
}

func TestT1FewAttemptsAreNeverHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(503))
		c := through(t, up, Config{Throttle: Throttle{Threshold: 1, Minimum: 50}, random: func() float64 { return 0 }})
		for range 50 {
			get(t, c)
		}
		up.attempts(t, 50)
		if g := get(t, c); !errors.Is(g.err, ErrHeldBack) || g.took != 0 {
			t.Errorf("got %d %v", g.status, g.err)
		}
	})
}

func TestT1CallersThatLeaveAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(silence)
		c := through(t, up, Config{Throttle: Throttle{Threshold: 1, Minimum: 1}, random: func() float64 { return 0 }})
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			send(t, c, request(t, "GET", "").WithContext(ctx))
		}
		up.attempts(t, 20)
	})
}

func TestT2RecoveryIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(503))
		c := through(t, up, Config{
			Throttle: Throttle{Threshold: 0.5, Within: 10 * time.Second}, random: rand.New(rand.NewPCG(1, 2)).Float64,
		})
		calls := func(seconds int) (sent, ok int) { // 20 a second
			before := len(up.seen)
			for range 20 * seconds {
				if get(t, c).status == 200 {
					ok++
				}
				pass(t, 50*time.Millisecond)
			}
			return len(up.seen) - before, ok
		}
		calls(20)
		sent, _ := calls(20)
		if sent < 20 || sent > 60 {
			t.Errorf("of 400 attempts in an outage %d were sent, want about 40", sent)
		}
		up.answers[0] = status(200)
		calls(60)
		if sent, ok := calls(10); sent != 200 || ok != 200 {
			t.Errorf("a minute later %d of 200 are sent, and %d succeed", sent, ok)
		}
	})
}
