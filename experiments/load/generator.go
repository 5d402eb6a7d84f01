package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// MaxInFlight is how many requests of a generator may be under way at once. Those that come due beyond that are not sent.
const MaxInFlight = 10_000

// Sample is what became of one request.
type Sample struct {
	Due  time.Time     // when it should have gone
	Took time.Duration // from then to its end
	Err  error         // nil = it was answered well
}

// Generator sends requests at a rate. Its fields are set before Run, which may be called once.
type Generator struct {
	Rate    float64                     // requests per second, more than 0
	Due     func(due time.Time)         // told of every request before it goes out; may be nil
	Send    func(context.Context) error // one request, to its end; called concurrently
	Observe func(Sample)                // told of every request that has ended; called concurrently; may be nil

	flying  sync.WaitGroup
	free    chan struct{} // a place for each request that may be under way
	sent    atomic.Int64
	late    atomic.Int64
	dropped atomic.Int64
	worst   atomic.Int64 // nanoseconds
}

// Run sends from now until ctx is done, then waits for the answers that are still to come: the requests have timeouts of
// their own, and an answer that nobody waits for would be missing where it was slowest.
func (g *Generator) Run(ctx context.Context) {
	g.free = make(chan struct{}, MaxInFlight)
	defer g.flying.Wait()
	start := time.Now()
	for i := 0; ; i++ {
		due := start.Add(time.Duration(float64(i) * float64(time.Second) / g.Rate))
		if wait.For(ctx, time.Until(due)) != nil {
			return
		}
		select {
		case g.free <- struct{}{}:
			if g.Due != nil {
				g.Due(due)
			}
			g.flying.Add(1)
			go g.one(context.WithoutCancel(ctx), due)
		default:
			g.dropped.Add(1)
		}
	}
}

// one sends the request that was due at a time.
func (g *Generator) one(ctx context.Context, due time.Time) {
	defer g.flying.Done()
	g.note(time.Since(due))
	err := g.Send(ctx)
	<-g.free
	if g.Observe != nil {
		g.Observe(Sample{Due: due, Took: time.Since(due), Err: err})
	}
}

// note counts a request that goes out so long after it was due.
func (g *Generator) note(lag time.Duration) {
	g.sent.Add(1)
	if lag > Lateness {
		g.late.Add(1)
	}
	for {
		worst := g.worst.Load()
		if int64(lag) <= worst || g.worst.CompareAndSwap(worst, int64(lag)) {
			return
		}
	}
}

// Lateness is how late a request may go out before that counts against the generator: timers are late by a millisecond
// on an idle machine.
const Lateness = 10 * time.Millisecond

// Effort is how well the generator itself kept up. What it sent late was measured from when it was due all the same.
type Effort struct {
	Sent     int64         `json:"sent"`
	Late     int64         `json:"late"`      // of these, later than [Lateness]
	Dropped  int64         `json:"dropped"`   // never sent, as [MaxInFlight] were under way
	WorstLag time.Duration `json:"worst_lag"` // nanoseconds
}

// Effort says how well the generator keeps up so far.
func (g *Generator) Effort() Effort {
	return Effort{
		Sent: g.sent.Load(), Late: g.late.Load(), Dropped: g.dropped.Load(), WorstLag: time.Duration(g.worst.Load()),
	}
}

// IsBottleneck says that the figures tell more of the generator than of the system: more than one request in a hundred
// went out late, or any not at all.
func (e Effort) IsBottleneck() bool { return e.Dropped > 0 || e.Late*100 > e.Sent }
