package http1

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// repetition is a request that is to be sent once more, or more often. A nil one is none.
type repetition struct {
	times   int
	sent    []byte // to the upstream
	tooLong bool
}

// begin keeps the head, and what goes with it.
func (a *repetition) begin(sent []byte) {
	if a != nil {
		a.sent = append(a.sent[:0], sent...)
	}
}

// keep keeps a piece of the body, of which so many bytes have come.
func (a *repetition) keep(sent []byte, received int64) {
	if a == nil || a.tooLong {
		return
	}
	if a.tooLong = received > faults.MaxRepeatBody; a.tooLong {
		a.sent = nil
		return
	}
	a.sent = append(a.sent, sent...)
}

// prepareRepeat has what is sent to the upstream kept.
func (x *exchange) prepareRepeat(r faults.Repeat) {
	if x.request.wantsWebSocket() || x.request.framing == sized && x.request.length > faults.MaxRepeatBody {
		x.plan.Withdraw()
		return
	}
	if x.again == nil {
		x.again = &repetition{}
		x.upload.again = x.again
	}
	x.again.times += r.Times
}

// repeat sends the request again, once the first reply is through. sent says that the upstream has got all of it.
func (x *exchange) repeat(p *pool, sent bool) {
	if x.again == nil {
		return
	}
	if !sent || x.again.tooLong {
		x.plan.WithdrawRepeat()
		return
	}
	x.flush()
	ctx, cancel := context.WithTimeout(x.server.draining, faults.MaxRepeatTime)
	defer cancel()
	for range x.again.times {
		if x.writeErr != nil || x.gone.Load() || ctx.Err() != nil {
			return
		}
		x.record.Faulted = true
		x.record.UpstreamAttempts++
		_ = x.sendAgain(ctx, p) // nobody waits for that reply
	}
}

// sendAgain sends the request once more, and drops the reply.
func (x *exchange) sendAgain(ctx context.Context, p *pool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(x.settings.Config.Timeout))
	defer cancel()
	u := p.take()
	for u != nil && !u.isQuiet() {
		_ = u.Close() // nothing was sent
		u = p.take()
	}
	if u == nil {
		var err error
		if u, err = p.dial(ctx, &x.server.buffers); err != nil {
			return err
		}
	}
	u.read.move(time.Time{})
	stop := context.AfterFunc(ctx, func() { _ = u.SetDeadline(past) }) // fails if it is closed, which is as well
	u.in.source = u.Conn
	reusable, err := x.ignoreReply(u)
	if !stop() || err != nil || !reusable {
		_ = u.Close() // what is left of it is not wanted
		return err
	}
	p.keep(u)
	return nil
}

// ignoreReply sends what was sent and reads the reply to its end. It reports whether the connection can be used again.
func (x *exchange) ignoreReply(u *upstream) (reusable bool, err error) {
	if _, err := u.Write(x.again.sent); err != nil {
		return false, err
	}
	var r reply
	for {
		text, err := u.in.head(maxReplyHead)
		if err != nil {
			return false, err
		}
		if refused := r.parse(text, x.request.method); refused != nil {
			return false, refused
		}
		if r.status == http.StatusSwitchingProtocols {
			return false, errors.New("the upstream switched protocols unasked")
		}
		if !r.isInterim() {
			break
		}
	}
	reusable = persists(&r.fields, r.minor)
	var rest body
	for rest.begin(&u.in, r.framing, r.length); err == nil; {
		_, err = rest.next()
	}
	if err != io.EOF {
		return false, err
	}
	return reusable && rest.over && r.framing != untilEnd && len(u.in.buffered()) == 0, nil
}
