package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// stage is one layer of a Client: it answers a call, or hands it on to the next one.
type stage interface {
	do(c *call) (*http.Response, error)
}

// call is one request on its way through the stages. A hedge is a call of its own beside the first one.
type call struct {
	ctx      context.Context // the caller's, and what stages have put into it
	req      *http.Request   // the caller's
	out      *http.Request   // what the next attempt sends: req, from the second attempt on with a body of its own
	deadline time.Time       // of the whole call; zero: none
	hedge    bool
	attempts int // made so far

	mu     sync.Mutex
	cancel context.CancelCauseFunc // of the latest step
	lost   error                   // why the call is to end, whatever comes; nil: it goes on
	failed bool                    // an attempt has failed, and retries go on
}

func newCall(req *http.Request) *call { return &call{ctx: req.Context(), req: req, out: req} }

// step makes a context for the next step of the call: an attempt, its answer's body included, or a pause. The context also
// ends when the call is abandoned. cancel must be called.
func (c *call) step() (ctx context.Context, cancel context.CancelCauseFunc) {
	ctx, cancel = context.WithCancelCause(c.ctx)
	c.mu.Lock()
	c.cancel = cancel
	lost := c.lost
	c.mu.Unlock()
	if lost != nil {
		cancel(lost)
	}
	return ctx, cancel
}

// abandon ends the call: the step under way, and all that would come.
func (c *call) abandon(cause error) {
	c.mu.Lock()
	c.lost = cause
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
}

// resume takes an abandon back: the call was lost to a hedge, which has its answer.
func (c *call) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = nil
}

// fail notes that an attempt has failed and will be repeated: from now on the call's retries say when the next one goes, and a
// hedge beside their pauses would be a retry that comes too early.
func (c *call) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = true
}

func (c *call) hasFailed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// drop closes the body of an attempt that is not made, as a RoundTripper must.
func (c *call) drop() { closeBody(c.out.Body) }

// over tells whether nobody waits for the call's answer any more.
func (c *call) over() bool { return c.ctx.Err() != nil || c.abandoned() }

// cancelled tells whether somebody has ended the call before its time was over.
func (c *call) cancelled() bool { return errors.Is(c.ctx.Err(), context.Canceled) || c.abandoned() }

func (c *call) abandoned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost != nil
}

// left is how much time there is until the deadline, and at most limit if that is not 0. It is false if there is no bound.
func (c *call) left(limit time.Duration) (time.Duration, bool) {
	if c.deadline.IsZero() {
		return limit, limit > 0
	}
	left := max(0, time.Until(c.deadline))
	if limit > 0 {
		left = min(left, limit)
	}
	return left, true
}
