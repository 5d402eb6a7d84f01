package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"syscall"
	"time"
)

// loadShare is the fixed rate, of what the slower of squall and nginx reached over the same connections in the first round.
const loadShare = 0.3

// latency is how long the clients waited in a round, in µs.
type latency struct{ p50, p99 float64 }

// rateFor is the rate to measure latencies at, in exchanges per second.
func rateFor(r round) float64 {
	return loadShare * 1e6 / max(r["squall"].wall, r["nginx"].wall) // 0 if it takes no part
}

// measureLatency asks all contenders that are marked for it at the one rate, each for a window of time.
func (r *result) measureLatency(ctx context.Context, field []running, window time.Duration) error {
	for _, c := range field {
		if !c.paced {
			continue
		}
		waited, err := c.load.paced(ctx, r.head(), r.rate, int(math.Ceil(r.rate*window.Seconds())))
		if err != nil {
			return fmt.Errorf("%s, %.0f/s: %w", c.name, r.rate, err)
		}
		slices.Sort(waited)
		r.latency[c.name] = append(r.latency[c.name], latency{quantile(waited, 0.50), quantile(waited, 0.99)})
	}
	return nil
}

// quantile is the least value that a share of all values does not exceed, in µs.
func quantile(sorted []time.Duration, share float64) float64 {
	return float64(sorted[int(math.Ceil(share*float64(len(sorted))))-1]) / 1e3
}

// paced does a number of exchanges at a rate per second, whether those before are over or not (an open loop). It gives
// how long each took from the moment when it should have started: waiting for a free connection counts.
func (cs clients) paced(ctx context.Context, head string, rate float64, exchanges int) ([]time.Duration, error) {
	stop := context.AfterFunc(ctx, cs.close)
	defer stop()
	starts := make(chan time.Time, exchanges)
	waited, failed := make([][]time.Duration, len(cs)), make([]error, len(cs))
	var working sync.WaitGroup
	for i, c := range cs {
		working.Go(func() { waited[i], failed[i] = c.follow(head, starts) })
	}
	begun := time.Now()
	for i := range exchanges {
		start := begun.Add(time.Duration(float64(i) / rate * 1e9))
		pause(start)
		starts <- start
		if ctx.Err() != nil {
			break
		}
	}
	close(starts)
	working.Wait()
	return slices.Concat(waited...), errors.Join(append(failed, context.Cause(ctx))...)
}

// follow does an exchange for each start.
func (c *client) follow(head string, starts <-chan time.Time) ([]time.Duration, error) {
	var waited []time.Duration
	for start := range starts {
		if _, err := c.exchange(head, 0); err != nil {
			return waited, err
		}
		waited = append(waited, time.Since(start))
	}
	return waited, nil
}

// pause blocks until a moment that is milliseconds away. It asks the kernel, whose timers are late by some 60 µs: those
// of Go wait for whole milliseconds when nothing else is to be done, ten times what is to be measured.
func pause(until time.Time) {
	for left := time.Until(until); left > 0; left = time.Until(until) {
		span := syscall.NsecToTimespec(int64(left))
		_ = syscall.Nanosleep(&span, nil) // a signal ends it early; then once more
	}
}
