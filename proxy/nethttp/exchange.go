package nethttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// errDraining is why an injected wait ended early although the client is still there.
var errDraining = errors.New("draining")

// exchange is one request and what becomes of it. All of it is one allocation, the reverse proxy included: that one is
// made anew for each exchange, so that its hooks are the exchange's methods.
type exchange struct {
	writer
	server   *server
	settings *proxy.Settings
	in       *http.Request
	stream   bool       // of an HTTP/2 connection, which goes on whatever ends the exchange
	conn     net.Conn   // the client's; net/http reads from it and closes it
	peer     netip.Addr // of the connection; the client's own address is view.Source
	record   proxy.Exchange
	view     faults.View
	plan     faults.Plan

	requestEdits []faults.Edit
	replyEdits   []faults.Edit // applied when the reply, or an answer of ours, goes out
	uploadPacer  *faults.Pacer // spaces the request's body; nil = it goes as it comes
	pacer        *faults.Pacer // the reply's
	trailers     []faults.Trailer
	socket       *faults.Socket // is done to the WebSocket; nil = nothing
	again        *repetition    // the request is to be sent again; nil = it is not

	link     *link
	reverse  httputil.ReverseProxy
	arriving *arriving // the request's body; nil if it has none
	body     requestBody
	reply    replyBody

	ahead      *readAhead     // reads the reply's body before it is passed on; nil = nobody has to
	unreadable error          // why that could not be read whole
	keeper     *faults.Keeper // remembers the upstream's reply; nil = nothing does

	ending   *faults.End // how the connection is to end; nil = as net/http has it
	leaves   bool        // the client is asked to leave its connection behind the reply
	upgraded bool        // the connection is net/http's no more
	lingers  bool        // the connection is reset when it is closed, see openEnded
}

// handle is the server's handler.
func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	stream := isStream(w, r)
	if stream {
		if !s.beginStream() {
			panic(http.ErrAbortHandler) // the connection is gone already
		}
		defer s.streams.Done()
	}
	x := s.begin(w, r, stream)
	if stream {
		defer x.count()
	}
	x.run()
	x.settle()
}

// run is the exchange, up to its record.
func (x *exchange) run() {
	through := false
	defer func() { x.finish(through) }()
	if status, reason := refuse(x.in, x.settings); status != 0 {
		x.closeBehind()
		if status == http.StatusMethodNotAllowed {
			x.Header().Set("Allow", semantics.AllowedMethods)
		}
		x.problem(status, reason)
	} else if x.preview() && x.before() {
		x.forward()
	}
	x.carryOut()
	x.repeat()
	through = true
}

// begin opens an exchange: from here on it keeps the settings of this moment.
func (s *server) begin(w http.ResponseWriter, r *http.Request, stream bool) *exchange {
	now := time.Now()
	x := &exchange{server: s, settings: s.proxy.Settings(), in: r}
	x.ResponseWriter, x.modern, x.begun, x.marked = w, r.ProtoAtLeast(1, 1), now, s.proxy.Marks()
	x.stream, x.body.over = stream, stream // which has no deadlines
	if r.ContentLength != 0 {
		// Else net/http reads what is left of the body before a reply goes out: it makes an early answer wait, and makes
		// a hole in a chunked body that is still on its way to the upstream.
		_ = http.NewResponseController(w).EnableFullDuplex() // always there
	}
	c := connectionOf(r)
	x.conn, x.peer = c.conn, c.peer
	x.view = faults.View{
		Proxy: s.proxy.Name, Method: r.Method, Host: r.Host, Path: faults.CleanPath(r.URL.Path), RawQuery: r.URL.RawQuery, Target: r.RequestURI,
		Header: r.Header, Source: semantics.ClientOf(x.settings.Trusted, c.peer, r.Header["X-Forwarded-For"]), Connection: c.live.ID, Now: now,
	}
	x.record = proxy.Exchange{
		ID: s.proxy.NextExchange(), Proxy: s.proxy.Name, At: now, Client: x.view.Source.String(),
		Method: strings.Clone(r.Method), Host: strings.Clone(r.Host), Path: strings.Clone(x.view.Path),
		RequestID: strings.Clone(requestID(r.Header)),
	}
	if front, through := semantics.FrontOf(r.Header, c.peer.String(), c.peer, x.view.Source); through {
		front.Name = strings.Clone(front.Name)
		x.record.Front = &front
	}
	x.record.Trace = s.proxy.Trace(now, r.Header)
	x.record.Attempt.Connection, x.record.Attempt.Nth = c.live.ID, c.live.Begin(now)
	x.noteRequest()
	return x
}

// requestID gives the id that came with a request, or makes one.
func requestID(h http.Header) string {
	if ids := h["X-Request-Id"]; len(ids) == 1 && semantics.IsRequestID(ids[0]) {
		return ids[0]
	}
	return rand.Text()
}

// finish closes the record, on whatever way the exchange ended, and tells the observer. An exchange that is not through
// is being aborted.
func (x *exchange) finish(through bool) {
	switch {
	case x.upgraded:
		defer x.server.upgrades.Done()
	case through:
	case x.stream:
		x.flush()
	case x.in.ContentLength != 0:
		x.flush()
		x.disconnect()
	}
	x.ahead.stop()
	x.keeper.End()
	x.plan.Done()
	r := &x.record
	if r.Outcome == "" {
		r.Outcome, r.Error = x.outcome()
	}
	r.Status = x.status
	r.RequestBytes, r.ResponseBytes = x.body.received.Load(), x.sent.Load()
	r.Duration = time.Since(r.At)
	r.Faults = x.plan.Record()
	connectionOf(x.in).live.End(r)
	x.noteEnd(through)
	x.server.proxy.Tell(r)
}

// outcome tells how forwarding went.
func (x *exchange) outcome() (proxy.Outcome, string) {
	switch {
	case x.writeErr != nil:
		return proxy.ClientLeft, ""
	case x.reply.err != nil && x.in.Context().Err() != nil:
		return x.left()
	case x.reply.err != nil:
		return proxy.RealError, "upstream broke off: " + x.reply.err.Error()
	case x.status == 0:
		return proxy.RealError, "broken off"
	}
	return proxy.OK, ""
}

// left tells why a request's context ended: the client's leaving, or ours.
func (x *exchange) left() (proxy.Outcome, string) {
	if x.server.lifetime.Err() != nil {
		return proxy.RealError, "dropped at shutdown"
	}
	return proxy.ClientLeft, ""
}

// abort closes the client's connection without another byte; of HTTP/2 it resets the stream. It does not return.
func (x *exchange) abort(outcome proxy.Outcome, reason string) {
	x.record.Outcome, x.record.Error = outcome, reason
	panic(http.ErrAbortHandler)
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

// next decides rules until one hits. After a panic there are none.
func (x *exchange) next() (action faults.Action, decision faults.Decision) {
	if x.record.FaultPanic == "" {
		x.shielded(func() { action, decision = x.plan.Next(&x.view) })
	}
	return action, decision
}

// before carries out the rules of phase before and reports whether the request goes on to the upstream.
func (x *exchange) before() bool {
	x.shielded(func() { x.plan.Begin(x.settings.Faults, &x.view) })
	for {
		action, decision := x.next()
		switch a := action.(type) {
		case faults.Wait:
			x.wait(a.For)
		case faults.Acquire:
			x.acquire()
		case faults.Leave:
			x.leave()
		case faults.Socket:
			x.socket = x.socket.Beside(a)
		case faults.Repeat:
			x.prepareRepeat(a)
		case faults.Header:
			x.record.Faulted = true
			x.requestEdits = append(x.requestEdits, a.Request)
			x.replyEdits = append(x.replyEdits, a.Response)
		case faults.Pace:
			x.pace(a)
		case faults.Flip:
			x.corruptRequest(a, decision)
		case faults.Hold:
			x.hold(a.For)
		case faults.End:
			x.end(a)
			return false
		case faults.Answer:
			x.answer(a, decision, nil)
			return false
		default:
			return true
		}
	}
}

// wait holds the exchange. It does not return when the client leaves.
func (x *exchange) wait(d time.Duration) {
	x.held(x.pause(d))
}

// acquire holds the exchange until it has a place. It does not return when the client leaves.
func (x *exchange) acquire() {
	granted := x.plan.Granted()
	x.held(x.meanwhile(func(ctx context.Context) error { return wait.On(ctx, granted) }))
}

// held goes on after the exchange was held.
func (x *exchange) held(err error) {
	x.record.Delayed = true
	if err != nil && !errors.Is(err, errDraining) {
		x.abort(x.left())
	}
	x.view.Now = time.Now() // a rule behind the delay may have run out meanwhile
}

// hold ends the exchange in silence. It does not return.
func (x *exchange) hold(d time.Duration) {
	x.record.Faulted = true
	if d == 0 {
		d = time.Duration(faults.MaxDuration)
	}
	if err := x.pause(d); err != nil && !errors.Is(err, errDraining) {
		if by, _ := x.left(); by == proxy.ClientLeft {
			x.record.Attempt.ClosedBy = proxy.ByClient
		}
	}
	x.abort(proxy.Injected, "")
}

// pause blocks for d; less when the client leaves or the server drains, which is the error.
func (x *exchange) pause(d time.Duration) error {
	return x.meanwhile(func(ctx context.Context) error { return wait.For(ctx, d) })
}

// leave has the connection closed behind the reply.
func (x *exchange) leave() {
	x.record.Faulted, x.leaves = true, true
}

// meanwhile runs a wait, whose context ends when the client leaves or the server drains.
func (x *exchange) meanwhile(waits func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(x.in.Context())
	defer cancel(nil)
	stop := context.AfterFunc(x.server.draining, func() { cancel(errDraining) })
	defer stop()
	return waits(ctx)
}
