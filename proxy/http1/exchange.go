package http1

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/faults"
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

	upload   upload // the request's body
	download body   // the reply's
	sent     int64  // bytes of the reply's body
	marked   bool   // whether the record says what only a verdict looks at
	marks    semantics.Marks
	cut      *cut          // an ending in the middle of the reply's body; nil = none
	pacer    *faults.Pacer // spaces the reply's body; nil = it goes as it comes
	trailers []faults.Trailer
	again    *repetition    // the request is to be sent again; nil = it is not
	socket   *faults.Socket // is done to the WebSocket; nil = nothing

	up        *upstream
	reusable  bool      // the upstream goes on with its connection after this reply
	headBy    time.Time // when the reply's head must be there; zero = no limit
	watch     watch
	gone      atomic.Bool // the client, so that the upstream is not waited for any more
	asked     bool        // the upstream, whether it wants the body (RFC 9110, 10.1.1), in whatever words
	continued bool        // the upstream wants the body
	invited   bool        // the client was told by us that its body is wanted

	persist  bool  // the client's connection goes on
	broken   bool  // the engine has panicked
	writeErr error // of writing to the client
	readErr  error // of reading the reply's body

	unreadable error // why the reply's body could not be read whole before it is passed on
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
		head: x.head.emptied(), download: body{trailer: x.download.trailer}, marks: x.marks,
	}
	x.marks.Reset()
	x.upload.body.trailer = fields{}
	s.exchanges.Put(x)
}

// run carries the exchange out and reports whether the connection goes on.
func (x *exchange) run() (goOn bool) {
	text, err := x.readHead()
	if err != nil {
		return x.refuseHead(err)
	}
	if x.settings = x.server.proxy.Settings(); x.isForHTTP2(text) {
		x.conn.handOver(text)
		return false
	}
	x.begin()
	defer x.finish()
	if refused := x.request.parse(text); refused != nil {
		x.identify()
		return x.refuse(refused)
	}
	x.identify()
	x.noteRequest()
	if refused := x.misdirected(); refused != nil {
		return x.refuse(refused)
	}
	x.persist = x.request.keepsAlive()
	x.prepareUpload()
	if x.preview() == proceed {
		x.decideFirst()
		if x.carryOut() == proceed {
			x.forward()
		}
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
		case faults.Socket:
			x.prepareSocket(a)
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
		case faults.Recall:
			if x.recall(a, decision) == over {
				return over
			}
		case faults.End:
			if x.endWith(a, decision) == over {
				return over
			}
		}
	}
}
