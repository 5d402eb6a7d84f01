package nethttp

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// rawTimeout bounds how long the bytes that stand in for a reply wait for a client who does not read.
const rawTimeout = 5 * time.Second

// end has the exchange end on the wire as soon as its reply, if there is any, is through.
func (x *exchange) end(e faults.End) {
	x.record.Faulted = true
	x.ending = &e
}

// cut lets a reply go to the client up to the place where it is to end, and reports whether it has such a place: else the
// rule is withdrawn.
func (x *exchange) cut(res *http.Response, e faults.End, d faults.Decision) bool {
	bytes, ok := e.Cut(res.ContentLength)
	if !ok || !hasBody(x.in.Method, res.StatusCode) {
		x.plan.Withdraw()
		return false
	}
	x.mark(d)
	res.Body = &replayed{Reader: io.LimitReader(res.Body, bytes), Closer: res.Body}
	x.end(e)
	return true
}

// hasBody reports whether a reply to a request has a body that can be cut (RFC 9112, 6.3).
func hasBody(method string, status int) bool {
	switch status {
	case http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusNotModified:
		return false
	}
	return method != http.MethodHead
}

// carryOut ends the exchange on the wire, if a fault asks for that. What was written of a reply goes out first.
func (x *exchange) carryOut() {
	switch {
	case x.ending == nil:
		return
	case x.stream:
		x.endStream()
	}
	if x.ending.Body {
		_ = http.NewResponseController(x.ResponseWriter).Flush() // fails with the connection
	}
	x.stopReading(time.Time{}) // the deadlines are the ending's from here on
	conn, _, err := x.takeOver()
	if err != nil {
		x.abort(proxy.Injected, "")
	}
	x.record.Outcome = proxy.Injected
	if len(x.ending.Raw) > 0 {
		x.first = max(time.Since(x.begun), 1)
		_ = conn.SetWriteDeadline(time.Now().Add(rawTimeout))
		_, _ = conn.Write(x.ending.Raw) // whoever does not take it gets the end all the same
	}
	switch x.ending.How {
	case faults.EndReset:
		proxy.Reset(conn)
	case faults.EndHang:
		x.silence(conn)
	default:
		proxy.Finish(conn)
	}
}

// silence drops what the client sends until it leaves, or the server drains; then it closes the connection.
func (x *exchange) silence(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(time.Duration(faults.MaxDuration)))
	stop := context.AfterFunc(x.server.draining, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_, _ = io.Copy(io.Discard, conn) // whatever ends it
}
