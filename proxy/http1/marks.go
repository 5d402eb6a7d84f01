package http1

import (
	"net/http"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// noteRequest notes what a request shows of the client that made it.
func (x *exchange) noteRequest() {
	if !x.marked {
		return
	}
	r, a := &x.request, &x.record.Attempt
	call := semantics.Call{Header: x.server.proxy.CallHeader()}
	for i := range r.lines {
		call.Field(r.lines[i].name, r.lines[i].value)
	}
	call.Note(a)
	a.Target = semantics.Hash(r.origin)
}

// noteReply notes what a reply, of which the head is in x.head, tells its client.
func (x *exchange) noteReply() {
	if !x.marked {
		return
	}
	for i := range x.head.lines {
		x.marks.Field(x.head.lines[i].name, x.head.lines[i].value)
	}
	m, last := &x.marks.ReplyMarks, &x.conn.texts.reply
	m.RetryAfter = again(&last.RetryAfter, m.RetryAfter)
	m.CacheControl = again(&last.CacheControl, m.CacheControl)
	m.Age = again(&last.Age, m.Age)
	m.Date = again(&last.Date, m.Date)
	m.CacheStatus = again(&last.CacheStatus, m.CacheStatus)
}

// noteFirstByte notes that the first byte of the reply, or of what stands in for one, is about to go to the client.
func (x *exchange) noteFirstByte() {
	if a := &x.record.Attempt; a.FirstByte == 0 {
		a.FirstByte = max(time.Since(x.record.At), 1)
	}
}

// noteEnd completes what the exchange shows of its client.
func (x *exchange) noteEnd() {
	a := &x.record.Attempt
	a.RequestEnd, a.Body = time.Duration(x.upload.took.Load()), x.upload.hash.Value()
	x.marks.End()
	a.Reply = x.marks.ReplyMarks
	a.ClosedBy = x.closedBy()
}

// closedBy tells who has ended the connection with this exchange.
func (x *exchange) closedBy() proxy.Side {
	r := &x.record
	switch {
	case r.Attempt.ClosedBy != "": // a fault
		return r.Attempt.ClosedBy
	case x.persist && x.writeErr == nil, r.Status == http.StatusSwitchingProtocols:
		return ""
	case r.Outcome == proxy.ClientLeft, r.Outcome != proxy.RealError && r.Status != 0 && !x.request.keepsAlive():
		return proxy.ByClient
	}
	return proxy.ByProxy
}
