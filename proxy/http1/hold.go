package http1

import (
	"context"
	"errors"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/proxy"
)

// errDraining is why an injected wait ended early although the client is still there.
var errDraining = errors.New("draining")

// errLeft is that of a client that is gone.
var errLeft = errors.New("the client left")

// wait holds the exchange; it is over when the client leaves.
func (x *exchange) wait(d time.Duration) step {
	return x.held(x.pause(d))
}

// acquire holds the exchange until it has a place; it is over when the client leaves.
func (x *exchange) acquire() step {
	granted := x.plan.Granted()
	return x.held(x.meanwhile(func(ctx context.Context) error { return wait.On(ctx, granted) }))
}

// held goes on after the exchange was held.
func (x *exchange) held(err error) step {
	x.record.Delayed = true
	if err != nil && !errors.Is(err, errDraining) {
		x.abandon(x.leaving())
		return over
	}
	x.view.Now = time.Now() // a rule behind the delay may have run out meanwhile
	return proceed
}

// hold ends the exchange in silence.
func (x *exchange) hold(d time.Duration) {
	x.record.Faulted = true
	if d == 0 {
		d = time.Duration(faults.MaxDuration)
	}
	if errors.Is(x.pause(d), errLeft) {
		x.record.Attempt.ClosedBy = proxy.ByClient
	}
	x.abandon(proxy.Injected, "")
}

// pause blocks for d; less when the client leaves or the server drains, which is the error.
func (x *exchange) pause(d time.Duration) error {
	return x.meanwhile(func(ctx context.Context) error { return wait.For(ctx, d) })
}

// meanwhile runs a wait, whose context ends when the client leaves or the server drains.
func (x *exchange) meanwhile(waits func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(x.server.lifetime)
	defer cancel(nil)
	stop := context.AfterFunc(x.server.draining, func() { cancel(errDraining) })
	defer stop()
	x.watch.stop()
	defer x.watch.stop()
	watch := func() { x.watch.start(x.conn, func() { cancel(errLeft) }) }
	if !x.upload.started() {
		watch()
		return waits(ctx)
	}
	x.upload.whenOver(func() { // until then it notices itself
		if x.upload.readErr != nil {
			cancel(errLeft)
		} else {
			watch()
		}
	})
	defer x.upload.whenOver(nil)
	return waits(ctx)
}

// abandon closes the client's connection without another byte.
func (x *exchange) abandon(outcome proxy.Outcome, reason string) {
	x.record.Outcome, x.record.Error = outcome, reason
	x.persist = false
	x.out = x.out[:0]
	_ = x.conn.client.Close() // nothing more is to be sent
}
