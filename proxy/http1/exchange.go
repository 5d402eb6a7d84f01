package http1

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// exchange is one request and what becomes of it. It comes from a pool and goes back there: nothing of it outlives run,
// but what the record has copied.
type exchange struct {
	server   *server
	conn     *conn
	settings *proxy.Settings
	record   proxy.Exchange
	view     faults.View
	plan     faults.Plan
	ids      string // request ids that were made and not used yet

	request      request
	reply        reply
	requestEdits []faults.Edit
	replyEdits   []faults.Edit // applied when the reply, or an answer of ours, goes out
	head         fields        // of the message that is being written
	out          []byte        // what is to be written, from a pool
	kept         [][]byte      // buffers that texts are views of, until the exchange is over

	upload   upload        // the request's body
	download body          // the reply's
	sent     int64         // bytes of the reply's body
	cut      *cut          // an ending in the middle of the reply's body; nil = none
	pacer    *faults.Pacer // spaces the reply's body; nil = it goes as it comes
	trailers []faults.Trailer
	again    *repetition // the request is to be sent again; nil = it is not

	up        *upstream
	reusable  bool      // the upstream goes on with its connection after this reply
	headBy    time.Time // when the reply's head must be there; zero = no limit
	watch     watch
	gone      atomic.Bool // the client, so that the upstream is not waited for any more
	continued bool        // the upstream wants the body

	persist  bool  // the client's connection goes on
	broken   bool  // the engine has panicked
	writeErr error // of writing to the client
	readErr  error // of reading the reply's body
}

// step says how an exchange goes on.
type step int

const (
	proceed step = iota
	over         // the client has got its reply, or its ending
)

// newExchange prepares an exchange of a connection on which a request has begun.
func (s *server) newExchange(c *conn) *exchange {
	x, ok := s.exchanges.Get().(*exchange)
	if !ok {
		x = &exchange{server: s}
	}
	x.conn = c
	x.out = s.buffers.get(headBuffer)[:0]
	return x
}

// putExchange forgets an exchange but for its memory.
func (s *server) putExchange(x *exchange) {
	if x.broken {
		return
	}
	s.buffers.put(x.out)
	for _, buffer := range x.kept {
		s.buffers.put(buffer)
	}
	*x = exchange{
		server: s, ids: x.ids, requestEdits: x.requestEdits[:0], replyEdits: x.replyEdits[:0], kept: x.kept[:0],
		request: request{fields: x.request.emptied()}, reply: reply{fields: x.reply.emptied()},
		head: x.head.emptied(), download: body{trailer: x.download.trailer},
	}
	x.upload.body.trailer = fields{}
	s.exchanges.Put(x)
}

// run carries the exchange out and reports whether the connection goes on.
func (x *exchange) run() (goOn bool) {
	text, err := x.readHead()
	if err != nil {
		return x.refuseHead(err)
	}
	x.begin()
	defer x.finish()
	if refused := x.request.parse(text); refused != nil {
		x.identify()
		return x.refuse(refused)
	}
	x.identify()
	if refused := x.misdirected(); refused != nil {
		return x.refuse(refused)
	}
	x.persist = x.request.keepsAlive()
	x.prepareUpload()
	x.decideFirst()
	if x.carryOut() == proceed {
		x.forward()
	}
	return x.end()
}

// readHead reads the request's head. One empty line before it is skipped (RFC 9112, 2.2).
func (x *exchange) readHead() (string, error) {
	text, err := x.conn.in.head(maxHead)
	if err == nil && text == "\r\n\r\n" {
		err = bad("empty lines instead of a request")
	}
	return strings.TrimPrefix(text, "\r\n"), err
}

// begin opens the record: from here on the exchange keeps the settings of this moment.
func (x *exchange) begin() {
	x.settings = x.server.proxy.Settings()
	x.record.At = time.Now()
	x.record.ID = x.server.proxy.NextExchange()
	x.record.Proxy = x.server.proxy.Name
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
		Proxy: x.record.Proxy, Method: r.method, Host: r.host, Path: r.path, RawQuery: r.query, Header: &r.fields,
		Source: source, Connection: c.id, Now: x.record.At,
	}
	x.record.Method = again(&c.texts.method, r.method)
	x.record.Host = again(&c.texts.host, r.host)
	x.record.Path = again(&c.texts.path, r.path)
	if id, found := r.get(requestID); found && semantics.IsRequestID(id) {
		x.record.RequestID = strings.Clone(id)
		return
	}
	if x.ids == "" {
		x.ids = x.server.ids.batch()
	}
	x.record.RequestID, x.ids = x.ids[:idLength], x.ids[idLength:]
}

// again gives a text that outlives the exchange: the last one's, if that is the same.
func again(last *string, text string) string {
	if *last != text {
		*last = strings.Clone(text)
	}
	return *last
}

// misdirected refuses a request that names another host than ours.
func (x *exchange) misdirected() *refusal {
	r := &x.request
	if r.scheme != "" && !semantics.IsServed(r.scheme, r.host, x.settings) {
		return &refusal{421, r.host + " is not served here: this is no forward proxy"}
	}
	return nil
}

// shielded runs f. A panic in deciding or changing is recorded; then the request passes.
func (x *exchange) shielded(f func()) {
	defer func() {
		if cause := recover(); cause != nil {
			x.record.FaultPanic = fmt.Sprint(cause)
		}
	}()
	f()
}

// decideFirst opens the plan, at the rules of phase before.
func (x *exchange) decideFirst() {
	x.shielded(func() { x.plan.Begin(x.settings.Faults, &x.view) })
}

// next decides rules until one hits. After a panic there are none.
func (x *exchange) next() (action faults.Action, decision faults.Decision) {
	if x.record.FaultPanic == "" {
		x.shielded(func() { action, decision = x.plan.Next(&x.view) })
	}
	return action, decision
}

// carryOut carries out the rules of the phase that the plan is in.
func (x *exchange) carryOut() step {
	for {
		action, decision := x.next()
		switch a := action.(type) {
		case nil:
			return proceed
		case faults.Wait:
			if x.wait(a.For) == over {
				return over
			}
		case faults.Acquire:
			if x.acquire() == over {
				return over
			}
		case faults.Leave:
			x.record.Faulted, x.persist = true, false
		case faults.Header:
			x.record.Faulted = true
			x.requestEdits = append(x.requestEdits, a.Request)
			x.replyEdits = append(x.replyEdits, a.Response)
		case faults.Repeat:
			x.prepareRepeat(a)
		case faults.Trailer:
			x.changeTrailer(a)
		case faults.Hold:
			x.hold(a.For)
			return over
		case faults.Answer:
			x.answer(a, decision)
			return over
		case faults.Pace:
			x.pace(a)
		case faults.Pieces:
			x.drip(a)
		case faults.Flip:
			x.corrupt(a, decision)
		case faults.Body:
			if x.degrade(a, decision) == over {
				return over
			}
		case faults.End:
			if x.endWith(a, decision) == over {
				return over
			}
		}
	}
}

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
	_ = x.pause(d) // whoever ends it, the connection is closed
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
	r := &x.record
	if r.Outcome == "" {
		r.Outcome, r.Error = x.outcome()
	}
	r.RequestBytes, r.ResponseBytes = x.upload.received.Load(), x.sent
	r.Duration = time.Since(r.At)
	r.Faults = x.plan.Record()
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
