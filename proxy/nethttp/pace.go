package nethttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
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
		x.in.Body = &replayed{Reader: &semantics.Flipping{Reader: x.in.Body, Flipper: flipper}, Closer: x.in.Body}
	}
}

// corrupt has bytes of the reply's body flipped.
func (x *exchange) corrupt(res *http.Response, f faults.Flip, d faults.Decision) {
	if flipper := x.flipper(f, x.lengthOf(res), d); flipper != nil {
		res.Body = &replayed{Reader: &semantics.Flipping{Reader: res.Body, Flipper: flipper}, Closer: res.Body}
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

// paced is a body that is read no faster than it may go, until the server drains.
func (x *exchange) paced(body io.Reader, pacer *faults.Pacer) *semantics.Paced {
	return &semantics.Paced{Reader: body, Pacer: pacer, Pause: func(d time.Duration) error {
		if err := x.pause(d); !errors.Is(err, errDraining) {
			return err
		}
		return nil
	}}
}

// writeBody writes the body of an answer of ours.
func (x *exchange) writeBody(body []byte) {
	if x.pacer == nil {
		_, _ = x.Write(body) // the writer remembers the error
		return
	}
	flush := http.NewResponseController(x.ResponseWriter).Flush
	from := x.paced(bytes.NewReader(body), x.pacer)
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
