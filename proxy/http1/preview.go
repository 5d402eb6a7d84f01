package http1

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// preview reads the request's body where a rule looks into it, up to [faults.MaxMatchBody] bytes and for at most the body
// timeout in all. What was read goes upstream later as it came. A body that is larger goes on unseen; where it breaks off,
// or does not come, the exchange is over.
func (x *exchange) preview() step {
	needed := false
	x.shielded(func() { needed = x.settings.Faults.NeedsBody(&x.view) })
	u, r := &x.upload, &x.request
	switch {
	case !needed, r.framing == sized && r.length > faults.MaxMatchBody:
		return proceed
	case u.isRead():
		x.view.Body = bytes.Clone(u.whole) // what goes upstream may yet be changed
		return proceed
	}
	if x.expectsContinue() && len(x.conn.in.buffered()) == 0 {
		x.out = append(x.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
		x.flush()
		x.invited = true
	}
	x.conn.headBegun = true
	x.conn.read.move(time.Now().Add(x.server.bodyTimeout))
	read, err := u.body.ahead(faults.MaxMatchBody)
	x.view.Now = time.Now() // a rule may have run out meanwhile
	var refused *refusal
	switch {
	case err == io.EOF:
		x.view.Body = bytes.Clone(read)
		u.arrived(read)
	case err == nil:
		u.body.replayed = read
	case errors.As(err, &refused):
		x.persist = false
		x.problem(http.StatusBadRequest, "request body: "+err.Error())
		return over
	case x.server.lifetime.Err() != nil:
		x.abandon(x.leaving())
		return over
	default:
		x.abandon(proxy.ClientLeft, "request body: "+err.Error())
		return over
	}
	return proceed
}

// expectsContinue reports whether the client waits to be told before it sends the body (RFC 9110, 10.1.1).
func (x *exchange) expectsContinue() bool {
	expectation, _ := x.request.get(expect)
	return x.request.minor == 1 && equalFold(expectation, "100-continue")
}

// ahead reads up to limit bytes of the body and a little more. io.EOF says that this is all of it.
func (b *body) ahead(limit int) (read []byte, err error) {
	for len(read) <= limit {
		data, err := b.next()
		if err != nil {
			return read, err
		}
		read = append(read, data...)
	}
	return read, nil
}

// arrived notes that the whole body is there, before it is carried.
func (u *upload) arrived(read []byte) {
	u.isWhole()
	if u.body.framing == chunked {
		u.body.replayed = read // and then the trailers
		return
	}
	u.whole = read
	u.received.Store(int64(len(read)))
	u.wasRead()
}
