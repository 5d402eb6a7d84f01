package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// sample is the CPU of one exchange, in microseconds.
type sample struct {
	proxy float64 // of the contender's process
	rest  float64 // of upstream and load
}

// round has a sample of each contender.
type round map[string]sample

// running is a contender whose process is up.
type running struct {
	contender
	process *process // nil = no proxy
}

// passes is how often a round goes over the contenders, forwards and backwards in turn. Whatever else the machine does
// meanwhile then falls on all of them alike.
const passes = 10

// measureCPU measures every contender in every round, over a number of connections.
func (l *lab) measureCPU(ctx context.Context, connections int, s sizes) ([]round, error) {
	field, err := l.startAll(ctx)
	defer stopAll(field)
	if err != nil {
		return nil, err
	}
	rounds := make([]round, s.rounds)
	for i := range rounds {
		rounds[i] = make(round, len(field))
		for range passes {
			for _, r := range field {
				turn, err := l.turn(ctx, r, connections, s.exchanges/passes)
				if err != nil {
					return nil, fmt.Errorf("%s, %d connections: %w", r.name, connections, err)
				}
				sum := rounds[i][r.name]
				rounds[i][r.name] = sample{sum.proxy + turn.proxy/passes, sum.rest + turn.rest/passes}
			}
			slices.Reverse(field)
		}
	}
	return rounds, nil
}

// startAll starts the contenders; those that run already are given also with an error.
func (l *lab) startAll(ctx context.Context) ([]running, error) {
	var field []running
	for _, c := range contenders() {
		r := running{contender: c}
		if c.start != nil {
			var err error
			if r.process, err = c.start(ctx, l); err != nil {
				return field, fmt.Errorf("%s: %w", c.name, err)
			}
		}
		field = append(field, r)
	}
	return field, nil
}

func stopAll(field []running) {
	for _, r := range field {
		if r.process != nil {
			r.process.stop()
		}
	}
}

// turn measures a contender once, over connections of its own. A tenth as many exchanges go before, so that its caches and pools are warm again.
func (l *lab) turn(ctx context.Context, r running, connections, exchanges int) (sample, error) {
	target := r.process
	if target == nil {
		target = l.upstream
	}
	load, err := dial(target.addr, connections)
	if err != nil {
		return sample{}, err
	}
	defer load.close()
	if err := load.drive(ctx, max(exchanges/10, connections)); err != nil {
		return sample{}, err
	}
	before, err := l.spent(ctx, r.process)
	if err != nil {
		return sample{}, err
	}
	if err := load.drive(ctx, exchanges); err != nil {
		return sample{}, err
	}
	after, err := l.spent(ctx, r.process)
	if err != nil {
		return sample{}, err
	}
	each := func(d time.Duration) float64 { return float64(d) / 1e3 / float64(exchanges) }
	return sample{each(after.proxy - before.proxy), each(after.rest - before.rest)}, nil
}

// spent is CPU time since the processes started.
type spent struct{ proxy, rest time.Duration }

func (l *lab) spent(ctx context.Context, proxy *process) (s spent, err error) {
	load, err := cpuOf(os.Getpid()) // first, before our waiting for the others adds to it
	if err != nil {
		return spent{}, err
	}
	upstream, err := l.upstream.cpu(ctx)
	if err != nil {
		return spent{}, err
	}
	s.rest = load + upstream
	if proxy != nil {
		s.proxy, err = proxy.cpu(ctx)
	}
	return s, err
}
