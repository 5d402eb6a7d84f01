package client

import (
	"context"
	"sync"
)

// background is what a Client does beside its calls: goroutines that end with it.
type background struct {
	ctx  context.Context
	stop context.CancelFunc

	mu     sync.Mutex
	closed bool
	all    sync.WaitGroup
}

func newBackground() *background {
	ctx, stop := context.WithCancel(context.Background())
	return &background{ctx: ctx, stop: stop}
}

// start runs task on a goroutine, and is false if it is too late for that. task must return soon after ctx is done.
func (b *background) start(task func(ctx context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.all.Go(func() { task(b.ctx) })
	return true
}

// close ends what runs, and waits for it.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.all.Wait()
}
