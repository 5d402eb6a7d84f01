package certify

import (
	"context"
	"sync"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// Load drives a client: calls at a rate, whether it answers or not.
type Load struct {
	Rate float64 // calls a second; more than 0
	// Call makes one call, the nth from 1, and ends when ctx is done. It is called on a goroutine of its own.
	Call func(ctx context.Context, n int)
	// MaxActive is how many calls may be under way at once: one that is due beyond that is not made.
	MaxActive int
}

// Run makes calls until ctx is done, and returns when all have ended. It tells how many were made, and how many were not
// because too many were under way: then the demand was lower than the rate.
func (l *Load) Run(ctx context.Context) (made, missed int) {
	var calls sync.WaitGroup
	defer calls.Wait()
	places := make(chan struct{}, l.MaxActive)
	begin := time.Now()
	for n := 1; ; n++ {
		due := begin.Add(time.Duration(float64(n-1) / l.Rate * float64(time.Second)))
		if wait.For(ctx, time.Until(due)) != nil || ctx.Err() != nil {
			return made, missed
		}
		select {
		case places <- struct{}{}:
			made++
			calls.Go(func() { l.call(ctx, n, places) })
		default:
			missed++
		}
	}
}

// call makes one call, and gives its place back.
func (l *Load) call(ctx context.Context, n int, places <-chan struct{}) {
	defer func() { <-places }()
	l.Call(ctx, n)
}
