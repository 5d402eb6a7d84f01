package nethttp

import (
	"io"
	"net/http"
	"time"
)

// earlyGrace is how long a client may still send a body that nobody wants, once it has its reply.
const earlyGrace = time.Second

// settle ends an exchange whose reply is through while the body of its request is not. What is left of that is read and
// dropped, for a second at most: closing over unread bytes resets the connection, and a client that is still sending
// would lose its reply. If the body ends in that time the connection goes on, else it is closed.
func (x *exchange) settle() {
	if x.in.ContentLength == 0 || x.body.ended.Load() || x.upgraded || x.stream {
		return // net/http tells the client of a stream that nothing more is wanted (RFC 9113, 8.1)
	}
	control := http.NewResponseController(x.ResponseWriter)
	failed := control.Flush()
	if failed == nil && hasBody(x.in.Method, x.status) && x.Header().Get("Content-Length") == "" {
		// The end of such a reply is net/http's to send, which reads on then, and closes: see openEnded. Deadlines do not
		// bound that reading: net/http lifts them.
		time.AfterFunc(earlyGrace, x.disconnect)
		return
	}
	x.stopReading(time.Now().Add(earlyGrace))
	if failed == nil {
		if _, err := io.Copy(io.Discard, x.in.Body); err == nil {
			_ = control.SetReadDeadline(time.Time{}) // fails with the connection
			return
		}
	}
	x.disconnect()
	panic(http.ErrAbortHandler) // else net/http reads what is left of a broken body as the next request
}

// disconnect closes the client's connection, so that net/http has nothing to read any more, which else it does for as long
// as the client takes.
func (x *exchange) disconnect() {
	_ = x.conn.Close() // nobody is left to hear of an error
}

// stopReading bounds what is still read of the request's body, by whomever: t is the last deadline of it.
func (x *exchange) stopReading(t time.Time) {
	x.body.mu.Lock()
	defer x.body.mu.Unlock()
	x.body.over = true
	_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(t) // fails with the connection
}

// openEnded prepares for a reply of which nobody knows how long it will be. In HTTP/1.0 the end of the connection is its
// end: from here on, whoever closes the connection resets it, until whole is called. In HTTP/1.1 the connection does not
// go on behind it if the request's body is not through: only net/http can end such a reply, and it does not close by
// itself when the rest of the body does not come.
func (x *exchange) openEnded() {
	switch {
	case x.stream:
	case !x.in.ProtoAtLeast(1, 1):
		x.setLinger(0)
		x.lingers = true
	case x.in.ContentLength != 0 && !x.body.ended.Load():
		x.Header().Set("Connection", "close")
	}
}

// whole is called when a reply has come to its end.
func (x *exchange) whole() {
	if x.lingers {
		x.setLinger(-1)
	}
}

func (x *exchange) setLinger(seconds int) {
	if tcp, ok := x.conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(seconds) // fails with the connection
	}
}
