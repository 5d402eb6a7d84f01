package verdicttest

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/squall-proxy/squall/verdict"
)

// Course leads a client through phases, as fast as its rate says and without waiting for replies, and has it judged.
type Course struct {
	Tap   *Tap
	Front *Front  // nil = nobody looks at the caller's side
	Rate  float64 // calls a second
	Burst int     // calls at one time; 0 = 1
	// Weights are those of [verdict.Input].
	Weights map[string]int

	// Call makes call number i, from 0. It runs on a goroutine of its own, and is over when ctx is done.
	Call func(ctx context.Context, i int)

	phases []verdict.Phase
	calls  int
	ctx    context.Context
	cancel context.CancelFunc
	Done   sync.WaitGroup // what the client has begun, beside its calls
}

// Lead answers as told for a time, and lets the client make its calls meanwhile.
func (c *Course) Lead(phase verdict.Phase, length time.Duration, answer func(Arrival) Answer) {
	if c.ctx == nil {
		c.ctx, c.cancel = context.WithCancel(context.Background())
	}
	c.Tap.Answer(answer)
	phase.Begin = time.Now()
	end := phase.Begin.Add(length)
	burst := max(c.Burst, 1)
	pause := time.Duration(float64(burst) / c.Rate * float64(time.Second))
	for next := phase.Begin; next.Before(end); next = next.Add(pause) {
		sleep(context.Background(), time.Until(next))
		for range burst {
			c.Done.Add(1)
			go c.call(c.calls)
			c.calls++
		}
	}
	sleep(context.Background(), time.Until(end))
	phase.End = time.Now()
	c.phases = append(c.phases, phase)
}

func (c *Course) call(i int) {
	defer c.Done.Done()
	c.Call(c.ctx, i)
}

// Judge ends the course, after a time in which the client may finish what it has begun, and says what it showed.
func (c *Course) Judge(after time.Duration) (verdict.Report, error) {
	sleep(context.Background(), after)
	in := verdict.Input{Client: c.Tap.Records(), Phases: c.phases, Demand: c.Rate, Weights: c.Weights, Now: time.Now()}
	if c.Front != nil {
		in.Caller = c.Front.Records()
	}
	c.cancel()
	c.Done.Wait()
	c.Tap.Close()
	return verdict.Judge(in)
}

// Baseline is a phase without a fault.
func Baseline() verdict.Phase { return verdict.Phase{Stage: verdict.Baseline} }

// Fault is a phase with a fault.
func Fault(name string, share float64) verdict.Phase {
	return verdict.Phase{Stage: verdict.Fault, Fault: name, Share: share}
}

// Recovery is a phase behind a fault.
func Recovery() verdict.Phase { return verdict.Phase{Stage: verdict.Recovery} }

// Fine answers as a service does that is well, after a time.
func Fine(wait time.Duration) func(Arrival) Answer {
	return func(Arrival) Answer { return Answer{Wait: wait, Status: http.StatusOK, Body: "fine"} }
}

// Refuse answers every request with a status.
func Refuse(status int) func(Arrival) Answer {
	return func(Arrival) Answer {
		return Answer{Wait: time.Millisecond, Status: status, Body: "sorry", Injected: true}
	}
}
