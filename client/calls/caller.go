// Package calls makes calls with a resilient client, and counts and tells how they ended: what squall call and the demo do.
package calls

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/squall-proxy/squall/client"
	"github.com/squall-proxy/squall/internal/wait"
)

// Caller makes calls to one URL and counts how they end: one after the other (Rate 0, a closed loop), or at a steady
// rate whatever the answers take (an open loop).
type Caller struct {
	Client client.Config // Observe is called as well, when set

	URL    string
	Method string      // empty: GET
	Header http.Header // with Amz-Sdk-Invocation-Id, which names a call to whoever judges the client: one for each, unless it is set here
	Body   []byte      // sent with every call

	Rate        float64       // calls started per second. 0 (one after the other) to 10,000
	Count       int           // stop after so many calls, skipped ones included. 0: no limit
	For         time.Duration // start no call after that. 0: no limit
	MaxInFlight int           // calls under way at once with Rate; one that is due beyond is skipped. 0: 64; to 10,000

	// Lines is told every failed attempt, every retry, every call's answer, and every change of a circuit breaker, in the
	// lab's words; with Rate, the lines of a call begin with its number, since calls overlap. Nil: nothing is told.
	Lines io.Writer
	// Progress is called every Every, with what has been counted so far, on a goroutine that Run waits for. May be nil.
	Progress func(Summary)
	Every    time.Duration // needed by Progress; above 0
}

// Run makes the calls until Count or For is reached or ctx is done, and returns once the last of them has ended. When
// ctx is done, calls under way are cancelled and not counted; that is not an error.
func (c Caller) Run(ctx context.Context) (Summary, error) {
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 64
	}
	r := &run{Caller: c, start: time.Now()}
	if err := r.prepare(); err != nil {
		return Summary{}, err
	}
	defer r.resilient.Close()

	var progress sync.WaitGroup
	progressing, stop := context.WithCancel(ctx)
	if c.Progress != nil {
		progress.Go(func() { r.tell(progressing) })
	}
	r.loop(ctx)
	stop()
	progress.Wait()
	return r.soFar(), nil
}

// run is one Caller at work.
type run struct {
	Caller
	resilient *client.Client
	http      http.Client // around it
	start     time.Time
	calls     sync.WaitGroup

	mu  sync.Mutex // guards sum, and keeps lines whole
	sum Summary
}

// callID is the field by which AWS's SDKs name a call, the same in all of its attempts. It is the only one widely known that says
// just that: an X-Request-Id may be another one for each attempt, and an Idempotency-Key is for what is not idempotent.
const callID = "Amz-Sdk-Invocation-Id"

// callNumber is the context key of a call's number, by which its events are told apart.
type callNumber struct{}

func (r *run) prepare() error {
	switch {
	case !(r.Rate >= 0 && r.Rate <= 10_000): // so that NaN fails, too
		return fmt.Errorf("calls: a rate of %v is outside 0 to 10000 a second", r.Rate)
	case r.Count < 0 || r.For < 0:
		return fmt.Errorf("calls: count %d and for %v must not be negative", r.Count, r.For)
	case r.MaxInFlight < 0 || r.MaxInFlight > 10_000:
		return fmt.Errorf("calls: %d in flight are outside 0 to 10000", r.MaxInFlight)
	case r.Progress != nil && r.Every <= 0:
		return errors.New("calls: progress needs an interval above 0")
	}
	cfg, observe := r.Client, r.Client.Observe
	cfg.Observe = func(e client.Event) {
		r.saw(e)
		if observe != nil {
			observe(e)
		}
	}
	req, err := r.request(context.Background())
	if err != nil {
		return fmt.Errorf("calls: %w", err)
	}
	if err := client.CheckTarget(req.URL); err != nil {
		return err
	}
	r.resilient, err = client.New(cfg)
	r.http.Transport = r.resilient
	return err
}

func (r *run) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if len(r.Body) > 0 {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, body)
	if err != nil {
		return nil, err
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	if host := req.Header.Get("Host"); host != "" { // net/http takes it from here only
		req.Host = host
	}
	return req, nil
}

// loop starts the calls when they are due, and waits for them.
func (r *run) loop(ctx context.Context) {
	defer r.calls.Wait()
	places := make(chan struct{}, r.MaxInFlight)
	for n := 1; r.Count == 0 || n <= r.Count; n++ {
		due := time.Now()
		if r.Rate > 0 {
			due = r.start.Add(time.Duration(float64(n-1) / r.Rate * float64(time.Second)))
		}
		if r.For > 0 && due.Sub(r.start) >= r.For {
			return
		}
		if wait.For(ctx, time.Until(due)) != nil {
			return
		}
		if r.Rate == 0 {
			r.call(ctx, n)
			continue
		}
		select {
		case places <- struct{}{}:
			r.calls.Go(func() { r.callFrom(ctx, places, n) })
		default:
			r.count(func(s *Summary) { s.Skipped++ })
		}
	}
}

// callFrom makes a call and gives its place back.
func (r *run) callFrom(ctx context.Context, places <-chan struct{}, n int) {
	defer func() { <-places }()
	r.call(ctx, n)
}

// call makes one call, reads its answer, and counts it.
func (r *run) call(ctx context.Context, n int) {
	req, err := r.request(context.WithValue(ctx, callNumber{}, n))
	if err != nil { // prepare has tried it
		return
	}
	if req.Header.Get(callID) == "" {
		req.Header.Set(callID, rand.Text())
	}
	var resp *http.Response
	var answer []byte
	if resp, err = r.http.Do(req); err == nil {
		answer, err = readAnswer(resp.Body, r.Lines != nil)
	}
	if err != nil {
		if ctx.Err() != nil {
			return
		}
		r.count(func(s *Summary) { s.Failed++ })
		r.write(n, "Call failed: "+err.Error())
		return
	}
	r.count(func(s *Summary) { s.add(resp) })
	r.write(n, wording(resp, answer))
}

func (r *run) count(change func(*Summary)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.sum)
}

func (r *run) soFar() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := r.sum
	sum.Elapsed = time.Since(r.start)
	return sum
}

// tell calls Progress until the run is over.
func (r *run) tell(ctx context.Context) {
	for wait.For(ctx, r.Every) == nil {
		r.Progress(r.soFar())
	}
}
