package nethttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// pace slows down the bodies of the exchange that a rate is for, answers of ours included.
func (x *exchange) pace(p faults.Pace) {
	if wantsWebSocket(x.in.Header) || p.Side == faults.OfRequest && x.in.ContentLength == 0 {
		x.plan.Withdraw()
		return
	}
	x.record.Delayed = true
	if p.Side != faults.OfResponse {
		if x.uploadPacer == nil {
			x.uploadPacer = &faults.Pacer{}
		}
		x.uploadPacer.Add(p.Rate, x.plan.Bucket(p, faults.OfRequest))
	}
	if p.Side != faults.OfRequest {
		x.slow().Add(p.Rate, x.plan.Bucket(p, faults.OfResponse))
	}
}

// wantsWebSocket reports whether a request's header asks for an upgrade to a WebSocket (RFC 6455, 4.1).
func wantsWebSocket(h http.Header) bool {
	if !strings.EqualFold(strings.Join(h["Upgrade"], ","), "websocket") {
		return false
	}
	for token := range strings.SplitSeq(strings.Join(h["Connection"], ","), ",") {
		if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
			return true
		}
	}
	return false
}

// drip has the reply's body go in pieces.
func (x *exchange) drip(res *http.Response, p faults.Pieces) {
	if !p.Splits(x.lengthOf(res)) {
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

// corruptRequest has bytes of the request's body flipped.
func (x *exchange) corruptRequest(f faults.Flip, d faults.Decision) {
	if flipper := x.flipper(f, x.in.ContentLength, d); flipper != nil {
		x.in.Body = &replayed{Reader: &flipping{x.in.Body, flipper}, Closer: x.in.Body}
	}
}

// corrupt has bytes of the reply's body flipped.
func (x *exchange) corrupt(res *http.Response, f faults.Flip, d faults.Decision) {
	if flipper := x.flipper(f, x.lengthOf(res), d); flipper != nil {
		res.Body = &replayed{Reader: &flipping{res.Body, flipper}, Closer: res.Body}
	}
}

// flipper makes what flips bytes of a body of a length; nil where the rule is withdrawn.
func (x *exchange) flipper(f faults.Flip, length int64, d faults.Decision) *faults.Flipper {
	flipper := f.Of(length)
	if flipper == nil {
		x.plan.Withdraw()
		return nil
	}
	x.record.Faulted = true
	x.mark(d)
	return flipper
}

// mark has the reply say by whose fault it is not the upstream's own.
func (x *exchange) mark(d faults.Decision) {
	if x.settings.Config.Attribution {
		mark := faults.Field{Name: faults.AttributionHeader, Value: faults.Attribution(d)}
		x.replyEdits = append(x.replyEdits, faults.Edit{Add: []faults.Field{mark}})
	}
}

// lengthOf is how long a reply's body is; -1 where its end tells.
func (x *exchange) lengthOf(res *http.Response) int64 {
	if !hasBody(x.in.Method, res.StatusCode) {
		return 0
	}
	return res.ContentLength
}

// flipping is a body whose bytes are flipped as they are read.
type flipping struct {
	io.Reader
	flipper *faults.Flipper
}

// Read reads the body.
func (f *flipping) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	f.flipper.Flip(p[:n])
	return n, err
}

// paced is a body that is read no faster than it may go.
type paced struct {
	io.Reader
	exchange *exchange
	pacer    *faults.Pacer // nil once the server drains
}

// Read reads what may go at once, and waits until it may. The error is the body's, or why the waiting ended.
func (r *paced) Read(p []byte) (int, error) {
	if r.pacer == nil {
		return r.Reader.Read(p)
	}
	n, err := r.Reader.Read(p[:r.pacer.Limit(len(p))])
	if n == 0 {
		return n, err
	}
	now := time.Now()
	if wait := r.pacer.Take(now, n); wait > 0 {
		failed := r.exchange.pause(wait)
		if errors.Is(failed, errDraining) {
			r.pacer = nil
			return n, err
		}
		if failed != nil {
			return 0, failed
		}
		now = time.Now()
	}
	r.pacer.Sent(now, n)
	return n, err
}

// writeBody writes the body of an answer of ours.
func (x *exchange) writeBody(body []byte) {
	if x.pacer == nil {
		_, _ = x.Write(body) // the writer remembers the error
		return
	}
	flush := http.NewResponseController(x.ResponseWriter).Flush
	from := &paced{bytes.NewReader(body), x, x.pacer}
	buffer := x.server.buffers.Get()
	defer x.server.buffers.Put(buffer)
	for failed := flush(); failed == nil && x.writeErr == nil; failed = flush() {
		n, err := from.Read(buffer)
		if err != nil {
			return // at the end, or the client has left
		}
		_, _ = x.Write(buffer[:n]) // the writer remembers the error
	}
}
