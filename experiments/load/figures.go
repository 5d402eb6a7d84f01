package load

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Figures are what a load measured in one phase.
type Figures struct {
	Phase    string        `json:"phase"`
	Start    time.Time     `json:"start"`
	Requests int64         `json:"requests"` // those due in the phase that have ended
	Errors   int64         `json:"errors"`
	P50      time.Duration `json:"p50"` // nanoseconds, errors included, exact to 0.1 %
	P90      time.Duration `json:"p90"`
	P99      time.Duration `json:"p99"`
	P999     time.Duration `json:"p999"`
	Max      time.Duration `json:"max"`
}

// Recorder sorts samples into phases, by when they were due. A new one has no phase, and drops what comes before the first.
// It may be used concurrently.
type Recorder struct {
	mu     sync.Mutex
	phases []*phase
}

type phase struct {
	name   string
	start  time.Time
	errors int64
	took   *hdrhistogram.Histogram // microseconds
}

// The bounds of histograms: from a microsecond to two hours, with three digits. Longer is counted as two hours.
const (
	leastTook = 1
	mostTook  = int64(2 * time.Hour / time.Microsecond)
	digits    = 3
)

// Begin starts a phase. Phases are begun in order.
func (r *Recorder) Begin(name string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phases = append(r.phases, &phase{name: name, start: at, took: hdrhistogram.New(leastTook, mostTook, digits)})
}

// Observe counts a sample.
func (r *Recorder) Observe(s Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, begins := slices.BinarySearchFunc(r.phases, s.Due, func(p *phase, due time.Time) int { return p.start.Compare(due) })
	if !begins {
		i--
	}
	if i < 0 {
		return
	}
	p := r.phases[i]
	if s.Err != nil {
		p.errors++
	}
	_ = p.took.RecordValue(inBounds(s.Took)) // fails out of bounds only
}

// inBounds is a time in the histograms' unit and bounds.
func inBounds(took time.Duration) int64 {
	return min(max(int64(took/time.Microsecond), leastTook), mostTook)
}

// Figures gives those of all phases, in order.
func (r *Recorder) Figures() []Figures {
	r.mu.Lock()
	defer r.mu.Unlock()
	figures := make([]Figures, len(r.phases))
	for i, p := range r.phases {
		at := func(percent float64) time.Duration {
			return time.Duration(p.took.ValueAtQuantile(percent)) * time.Microsecond
		}
		figures[i] = Figures{
			Phase: p.name, Start: p.start, Requests: p.took.TotalCount(), Errors: p.errors,
			P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: time.Duration(p.took.Max()) * time.Microsecond,
		}
	}
	return figures
}

// Share is the part of the requests that failed; 0 of none.
func (f Figures) Share() float64 { return float64(f.Errors) / float64(cmp.Or(f.Requests, 1)) }
