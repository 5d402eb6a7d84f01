package http1

import (
	"context"
	"errors"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
)

// pace slows down the bodies of the exchange that a rate is for, answers of ours included.
func (x *exchange) pace(p faults.Pace) {
	hasBody := knownLength(x.request.framing, x.request.length) != 0
	if x.request.wantsWebSocket() || p.Side == faults.OfRequest && !hasBody {
		x.plan.Withdraw()
		return
	}
	x.record.Delayed = true
	if p.Side != faults.OfResponse && hasBody {
		if x.upload.pacer == nil {
			x.upload.pacer = &faults.Pacer{}
		}
		x.upload.pacer.Add(p.Rate, x.plan.Bucket(p, faults.OfRequest))
	}
	if p.Side != faults.OfRequest {
		x.slow().Add(p.Rate, x.plan.Bucket(p, faults.OfResponse))
	}
}

// drip has the reply's body go in pieces.
func (x *exchange) drip(p faults.Pieces) {
	if !p.Splits(knownLength(x.reply.framing, x.reply.length)) {
		x.plan.Withdraw()
		return
	}
	x.record.Delayed = true
	x.slow().Cut(p)
}

// slow gives what spaces the reply's body.
func (x *exchange) slow() *faults.Pacer {
	if x.pacer == nil {
		x.pacer = &faults.Pacer{}
	}
	return x.pacer
}

// corrupt has bytes of a body flipped.
func (x *exchange) corrupt(f faults.Flip, d faults.Decision) {
	b, length := &x.download, knownLength(x.reply.framing, x.reply.length)
	if f.Side == faults.OfRequest {
		b, length = &x.upload.body, knownLength(x.request.framing, x.request.length)
	}
	flipper := f.Of(length)
	if flipper == nil {
		x.plan.Withdraw()
		return
	}
	x.record.Faulted = true
	x.mark(d)
	if f.Side == faults.OfRequest {
		flipper.Flip(x.upload.whole)
	}
	flipper.Flip(b.replayed)
	b.flippers = append(b.flippers, flipper)
}

// mark has the reply say by whose fault it is not the upstream's own.
func (x *exchange) mark(d faults.Decision) {
	if x.settings.Config.Attribution {
		mark := faults.Field{Name: faults.AttributionHeader, Value: faults.Attribution(d)}
		x.replyEdits = append(x.replyEdits, faults.Edit{Add: []faults.Field{mark}})
	}
}

// knownLength is how long a body is; -1 where its end tells.
func knownLength(framed framing, length int64) int64 {
	switch framed {
	case noBody, forbidden:
		return 0
	case sized:
		return length
	}
	return -1
}

// sendPieces sends a piece of the body as [exchange.sendBody] does, in smaller ones where it is spaced. The error is why
// nothing more can be sent.
func (x *exchange) sendPieces(framed framing, data []byte) error {
	for x.pacer != nil && len(data) > 0 && x.writeErr == nil {
		n := x.pacer.Limit(len(data))
		if err := x.space(n); err != nil {
			return err
		}
		x.sendBody(framed, data[:n]) // and whoever waits next, for time or for more of it, flushes
		data = data[n:]
	}
	if len(data) > 0 {
		x.sendBody(framed, data)
	}
	return x.writeErr
}

// space waits until the next n bytes of the reply's body may go.
func (x *exchange) space(n int) error {
	now := time.Now()
	if due := x.pacer.Take(now, n); due > 0 {
		x.flush()
		err := x.pause(due)
		if errors.Is(err, errDraining) {
			x.pacer = nil
			return nil
		}
		if err != nil {
			x.gone.Store(true)
			x.persist = false
			return err
		}
		now = time.Now()
	}
	x.pacer.Sent(now, n)
	return nil
}

// beginPacing makes ready for a body that is spaced, and so carried by itself, also if it has come with the head.
func (u *upload) beginPacing() {
	s := u.conn.server
	pacing, cancel := context.WithCancelCause(s.lifetime)
	stop := context.AfterFunc(s.draining, func() { cancel(errDraining) })
	u.pacing = pacing
	u.endPacing = func() {
		stop()
		cancel(errInterrupted)
	}
	if u.whole != nil {
		u.body = body{framing: sized, over: true, replayed: u.whole}
		u.whole = nil
		u.received.Store(0) // carrying it counts
	}
}

// sendPieces sends a piece of the body, in smaller ones where it is spaced.
func (u *upload) sendPieces(data []byte) error {
	for u.pacer != nil && len(data) > 0 {
		n := u.pacer.Limit(len(data))
		if err := u.space(n); err != nil {
			return err
		}
		if err := u.sendFramed(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	if len(data) == 0 {
		return nil
	}
	return u.sendFramed(data)
}

// space waits until the next n bytes of the body may go, and looks now and then whether the client is still there:
// nobody reads from it meanwhile.
func (u *upload) space(n int) error {
	now := time.Now()
	for due := now.Add(u.pacer.Take(now, n)); now.Before(due); now = time.Now() {
		err := wait.For(u.pacing, min(due.Sub(now), silence))
		switch {
		case errors.Is(err, errDraining):
			u.pacer = nil
			return nil
		case err != nil:
			return err
		case u.conn.left():
			return u.leave()
		}
	}
	u.pacer.Sent(now, n)
	return nil
}
