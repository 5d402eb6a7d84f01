package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// task is what the contenders of a table are asked to do.
type task struct {
	about       string // what it is, where reply and connections do not say it
	reply       int64  // bytes of a long reply; 0 = small exchanges
	connections int
	exchanges   int // of each contender in a round
	passes      int // how often a round goes over the contenders
	field       []contender
}

// bulkConnections is over how many connections long replies come.
const bulkConnections = 4

// tasks lists what there is to do, a table each.
func (l *lab) tasks(s sizes) []task {
	var all []task
	for _, n := range s.connections {
		all = append(all, task{connections: n, exchanges: s.exchanges, passes: s.passes, field: l.present(smallField())})
	}
	for _, n := range s.replies {
		exchanges := max(int(s.volume/n), s.passes*bulkConnections)
		all = append(all, task{"", n, bulkConnections, exchanges, s.passes, l.present(bulkField())})
	}
	if l.procs == slices.Max(s.procs) {
		n := min(kindConnections, s.exchanges/s.passes)
		all = append(all, task{"each kind while it acts", 0, n, s.exchanges, s.passes, kindField()})
	}
	return all
}

// paces reports whether contenders are asked at a fixed rate, too.
func (t task) paces() bool {
	return slices.ContainsFunc(t.field, func(c contender) bool { return c.paced }) && t.reply == 0
}

// headOf is what a contender is asked in a task.
func (c contender) headOf(t task) string {
	if c.head != "" {
		return c.head
	}
	return t.head()
}

func (t task) head() string {
	if t.reply > 0 {
		return bytesRequest(t.reply)
	}
	return usualRequest
}

// sample is what an exchange took.
type sample struct {
	proxy float64 // CPU of the contender's process, in µs
	rest  float64 // CPU of upstream and load, in µs
	wall  float64 // µs in which one more exchange was over, of all connections together
}

// round has a sample of each contender.
type round map[string]sample

// result is what a task has shown.
type result struct {
	task
	rounds  []round
	rate    float64              // exchanges per second that the latencies were measured at; 0 = they were not
	latency map[string][]latency // of each contender that is paced, by round
}

// running is a contender whose process is up, and its clients.
type running struct {
	contender
	process *process // nil = no proxy
	load    clients
}

// do has all contenders do a task. Each round has processes of its own: what one process costs more than an equal one,
// by the accidents of its memory, must not pass for what its program costs.
func (l *lab) do(ctx context.Context, t task, s sizes) (result, error) {
	r := result{task: t, latency: map[string][]latency{}}
	for range s.rounds {
		if err := l.doRound(ctx, &r, s); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (l *lab) doRound(ctx context.Context, r *result, s sizes) error {
	field, err := l.startAll(ctx, r.task)
	defer stopAll(field)
	if err != nil {
		return err
	}
	sums, err := l.measureCPU(ctx, field, r.task)
	if err != nil {
		return err
	}
	r.rounds = append(r.rounds, sums)
	if r.paces() {
		if r.rate == 0 {
			r.rate = rateFor(sums)
		}
		if err := r.measureLatency(ctx, field, s.window); err != nil {
			return err
		}
	}
	for _, r := range field {
		if err := r.checkActive(ctx); err != nil {
			return err
		}
	}
	return checkAborts(field)
}

// measureCPU goes over the contenders several times, forwards and backwards in turn: whatever else the machine does
// meanwhile falls on all of them alike.
func (l *lab) measureCPU(ctx context.Context, field []running, t task) (round, error) {
	sums := make(round, len(field))
	share := 1 / float64(t.passes)
	for range t.passes {
		for _, r := range field {
			turn, err := l.turn(ctx, r, t)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			sum := sums[r.name]
			sums[r.name] = sample{sum.proxy + turn.proxy*share, sum.rest + turn.rest*share, sum.wall + turn.wall*share}
		}
		slices.Reverse(field)
	}
	return sums, nil
}

// startAll starts the contenders, connects to them and warms them up; those that run already are given also with an error.
func (l *lab) startAll(ctx context.Context, t task) ([]running, error) {
	var field []running
	for _, c := range t.field {
		r, addr := running{contender: c}, l.upstream.Addr
		var err error
		if c.start != nil {
			if r.process, err = c.start(ctx, l); err != nil {
				return field, fmt.Errorf("%s: %w", c.name, err)
			}
			addr = r.process.Addr
		}
		r.load, err = dial(addr, t.connections)
		for _, client := range r.load {
			client.aborts, client.leaves = c.aborts, c.leaves
			if c.once {
				client.once = addr
			}
		}
		field = append(field, r)
		if err == nil {
			err = r.load.drive(ctx, r.headOf(t), max(t.exchanges/t.passes, t.connections)) // to warm up
		}
		if err != nil {
			return field, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return field, nil
}

func stopAll(field []running) {
	for _, r := range field {
		r.load.close()
		if r.process != nil {
			r.process.Stop()
		}
	}
}

// checkAborts finds out whether those that are to abort some exchanges have done so.
func checkAborts(field []running) error {
	var failed []error
	for _, r := range field {
		aborted := 0
		for _, c := range r.load {
			aborted += c.aborted
		}
		if r.aborts && aborted == 0 {
			failed = append(failed, fmt.Errorf("%s: no exchange was aborted", r.name))
		}
	}
	return errors.Join(failed...)
}

// turn measures a contender once. A tenth as many exchanges go before, so that its caches and pools are warm again.
func (l *lab) turn(ctx context.Context, r running, t task) (sample, error) {
	exchanges := t.exchanges / t.passes
	if err := r.load.drive(ctx, r.headOf(t), max(exchanges/10, t.connections)); err != nil {
		return sample{}, err
	}
	before, err := l.spent(ctx, r.process)
	if err != nil {
		return sample{}, err
	}
	begun := time.Now()
	if err := r.load.drive(ctx, r.headOf(t), exchanges); err != nil {
		return sample{}, err
	}
	wall := time.Since(begun)
	after, err := l.spent(ctx, r.process)
	if err != nil {
		return sample{}, err
	}
	each := func(d time.Duration) float64 { return float64(d) / 1e3 / float64(exchanges) }
	return sample{each(after.proxy - before.proxy), each(after.rest - before.rest), each(wall)}, nil
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
