package http1

import (
	"net/netip"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// begin opens the record: from here on the exchange keeps the settings of this moment.
func (x *exchange) begin() {
	if x.settings == nil {
		x.settings = x.server.proxy.Settings()
	}
	x.marked = x.server.proxy.Marks()
	x.record.At = time.Now()
	x.record.ID = x.server.proxy.NextExchange()
	x.record.Proxy = x.server.proxy.Name
	x.record.Attempt.Connection, x.record.Attempt.Nth = x.conn.live.ID, x.conn.live.Begin(x.record.At)
}

// identify fills in what rules and the record see of the request. After a refusal parts of it are missing.
func (x *exchange) identify() {
	r, c := &x.request, x.conn
	source := c.peer
	x.record.Client = c.texts.peer
	if len(x.settings.Trusted) > 0 {
		source = semantics.ClientOf(x.settings.Trusted, c.peer, r.Values("X-Forwarded-For"))
		if source != c.peer {
			x.record.Client = source.String()
		}
	}
	x.view = faults.View{
		Proxy: x.record.Proxy, Method: r.method, Host: r.host, Path: r.path, RawQuery: r.query, Target: r.target, Header: &r.fields,
		Source: source, Connection: c.live.ID, Now: x.record.At,
	}
	x.record.Method = again(&c.texts.method, r.method)
	x.record.Host = again(&c.texts.host, r.host)
	x.record.Path = again(&c.texts.path, r.path)
	x.record.Front = c.front(&r.fields, source)
	x.record.Trace = x.server.proxy.Trace(x.record.At, &r.fields)
	if id, found := r.get(requestID); found && semantics.IsRequestID(id) {
		x.record.RequestID = strings.Clone(id)
		return
	}
	if x.ids == "" {
		x.ids = x.server.ids.batch()
	}
	x.record.RequestID, x.ids = x.ids[:idLength], x.ids[idLength:]
}

// front tells what a request has come through, nil for nothing. It is the last one's, if that is the same.
func (c *conn) front(request *fields, client netip.Addr) *proxy.Front {
	front, through := semantics.FrontOf(request, c.texts.peer, c.peer, client)
	if !through {
		return nil
	}
	if last := c.texts.front; last == nil || *last != front {
		kept := front
		kept.Name = strings.Clone(front.Name)
		c.texts.front = &kept
	}
	return c.texts.front
}

// again gives a text that outlives the exchange: the last one's, if that is the same.
func again(last *string, text string) string {
	if *last != text {
		*last = strings.Clone(text)
	}
	return *last
}

// leaving tells why nobody waits for the exchange any more: the client's leaving, or ours.
func (x *exchange) leaving() (proxy.Outcome, string) {
	if x.server.lifetime.Err() != nil {
		return proxy.RealError, "dropped at shutdown"
	}
	return proxy.ClientLeft, ""
}

// finish closes the record, on whatever way the exchange ended, and tells the observer.
func (x *exchange) finish() {
	if cause := recover(); cause != nil { // run is what panicked
		x.crashed(cause)
	}
	x.shielded(x.plan.Done)
	x.download.keeper.End()
	r := &x.record
	if r.Outcome == "" {
		r.Outcome, r.Error = x.outcome()
	}
	r.RequestBytes, r.ResponseBytes = x.upload.received.Load(), x.sent
	r.Duration = time.Since(r.At)
	r.Faults = x.plan.Record()
	x.conn.live.End(r)
	x.noteEnd()
	if cause := x.tell(); cause != nil {
		x.crashed(cause)
		_ = x.tell() // an observer that panics over that, too, is left alone
	}
}

// outcome tells how forwarding went.
func (x *exchange) outcome() (proxy.Outcome, string) {
	switch {
	case x.writeErr != nil, x.readErr != nil && x.gone.Load():
		return x.leaving()
	case x.readErr != nil && x.server.lifetime.Err() != nil:
		return x.leaving()
	case x.readErr != nil:
		return proxy.RealError, "upstream broke off: " + x.readErr.Error()
	case x.record.Status == 0:
		return proxy.RealError, "broken off"
	}
	return proxy.OK, ""
}
