package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
)

// What open dashboards are measured with, and what they may cost of the proxy's CPU.
const (
	dashboards      = 10
	dashboardsRate  = 5000 // exchanges per second
	dashboardsShare = 1.10
	watchedSquall   = "squall, 10 dashboards"
)

// dashboardsField lists who shows what dashboards cost: equal squalls, one of which is watched.
func dashboardsField() []contender {
	return []contender{
		{name: "squall", start: startSquall(setup{})},
		{name: "squall A/A", start: startSquall(setup{}), twin: "squall"},
		{name: watchedSquall, start: startSquall(setup{}), against: []comparison{{"squall", dashboardsShare}}},
	}
}

// dashboardsTask is what they do: exchanges at a fixed rate, since what is shown of a second costs the same however many it had.
func (l *lab) dashboardsTask(s sizes) task {
	connections := slices.Min([]int{32, slices.Max(s.connections)})
	exchanges := int(math.Ceil(dashboardsRate * s.watched.Seconds()))
	about := fmt.Sprintf("%d dashboards at %d exchanges/s", dashboards, dashboardsRate)
	return task{about, 0, connections, exchanges * s.passes, s.passes, dashboardsField()}
}

// measureDashboards makes the table of dashboards.
func (l *lab) measureDashboards(ctx context.Context, s sizes, out io.Writer) error {
	l.procs = slices.Max(s.procs)
	r := result{task: l.dashboardsTask(s)}
	for range s.rounds {
		sums, err := l.dashboardsRound(ctx, r.task)
		if err != nil {
			return fmt.Errorf("%s: %w", r.title(l.procs), err)
		}
		r.rounds = append(r.rounds, sums)
	}
	printResult(out, l.procs, r)
	return nil
}

func (l *lab) dashboardsRound(ctx context.Context, t task) (round, error) {
	field, err := l.startAll(ctx, t)
	defer stopAll(field)
	if err != nil {
		return nil, err
	}
	ctx, leave := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer leave()
	for _, c := range field {
		if c.name != watchedSquall {
			continue
		}
		for range dashboards {
			stream, err := openStream(ctx, c.process.admin)
			if err != nil {
				return nil, err
			}
			readers.Go(func() { drain(stream) })
		}
	}
	sums, share := make(round, len(field)), 1/float64(t.exchanges)/1e3
	for range t.passes {
		for _, c := range field {
			before, err := l.spent(ctx, c.process)
			if err != nil {
				return nil, err
			}
			if _, err := c.load.paced(ctx, t.head(), dashboardsRate, t.exchanges/t.passes); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			after, err := l.spent(ctx, c.process)
			if err != nil {
				return nil, err
			}
			sum := sums[c.name]
			sum.proxy += float64(after.proxy-before.proxy) * share
			sum.rest += float64(after.rest-before.rest) * share
			sums[c.name] = sum
		}
		slices.Reverse(field)
	}
	return sums, nil
}

// openStream opens the stream that a dashboard reads.
func openStream(ctx context.Context, admin string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/admin/events", nil)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		_ = reply.Body.Close()
		return nil, fmt.Errorf("a dashboard's stream: %s", reply.Status)
	}
	return reply.Body, nil
}

// drain reads a stream until it is over.
func drain(stream io.ReadCloser) {
	_, _ = io.Copy(io.Discard, stream) // ends with the context of its request
	_ = stream.Close()
}
