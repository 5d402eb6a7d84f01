package nethttp

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// repetition is a request that is to be sent once more, or more often. A nil one is none.
type repetition struct {
	times   int
	out     *http.Request // as it went to the upstream
	body    []byte
	tooLong bool
}

// keep keeps a piece of the body.
func (a *repetition) keep(piece []byte) {
	if a == nil || a.tooLong {
		return
	}
	if a.tooLong = len(a.body)+len(piece) > faults.MaxRepeatBody; a.tooLong {
		a.body = nil
		return
	}
	a.body = append(a.body, piece...)
}

// prepareRepeat has what is sent to the upstream kept.
func (x *exchange) prepareRepeat(r faults.Repeat) {
	if x.in.Header.Get("Upgrade") != "" || x.in.ContentLength > faults.MaxRepeatBody {
		x.plan.Withdraw()
		return
	}
	if x.again == nil {
		x.again = &repetition{}
	}
	x.again.times += r.Times
}

// repeat sends the request again, once the first reply is through. (The end of a chunked reply is net/http's to send, and
// comes behind.)
func (x *exchange) repeat() {
	a := x.again
	if a == nil {
		return
	}
	if a.out == nil || a.tooLong || x.in.ContentLength != 0 && !x.body.ended.Load() {
		x.plan.WithdrawRepeat()
		return
	}
	defer x.server.release(x.link)
	if !x.upgraded {
		_ = http.NewResponseController(x.ResponseWriter).Flush() // fails with the connection
	}
	ctx, cancel := context.WithTimeout(x.server.draining, faults.MaxRepeatTime)
	defer cancel()
	for range a.times {
		if x.writeErr != nil || ctx.Err() != nil {
			return
		}
		x.record.Faulted = true
		x.record.UpstreamAttempts++
		x.sendAgain(ctx)
	}
}

// sendAgain sends the request once more, and drops the reply.
func (x *exchange) sendAgain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(x.settings.Config.Timeout))
	defer cancel()
	out := x.again.out.Clone(ctx)
	if out.Body != nil {
		out.Body = io.NopCloser(bytes.NewReader(x.again.body))
	}
	res, err := x.link.of(x.in).RoundTrip(out)
	if err != nil {
		return // nobody waits for that reply
	}
	_, _ = io.Copy(io.Discard, res.Body) // however it ends
	_ = res.Body.Close()
}
