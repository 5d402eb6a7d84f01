package nethttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// writer is the client's side of an exchange: it counts, and remembers what was sent.
type writer struct {
	http.ResponseWriter
	status   int          // of the final reply; 0 = none
	interim  int          // replies before it, that were passed on
	modern   bool         // the client speaks HTTP/1.1, and so knows interim replies
	sent     atomic.Int64 // bytes of the body
	writeErr error
	begun    time.Time     // when the exchange was
	first    time.Duration // from then until the head of the final reply was there to be sent; 0 = it was not
	marked   bool          // whether the record says what only a verdict looks at
	marks    semantics.Marks
}

// maxInterim bounds the 1xx replies that an exchange passes on: they cost the upstream nothing.
const maxInterim = 5

// WriteHeader sends the head. An upstream's 100 is not passed on as such: it makes the transport read the body, upon
// which net/http sends one of its own, and a client that asked once gets one.
func (w *writer) WriteHeader(status int) {
	switch {
	case status >= 200:
		w.status = status
		w.noteReply()
	case status == http.StatusContinue, !w.modern, w.interim == maxInterim:
		return
	default:
		w.interim++
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a piece of the body.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.sent.Add(int64(n))
	if w.marked {
		w.marks.Body(p[:n])
	}
	if err != nil {
		w.writeErr = err
	}
	return n, err
}

// Unwrap lets [http.ResponseController] find what this writer does not do itself.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack takes the connection over for an upgrade; the bytes on it are counted on.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := x.takeOver()
	if err != nil {
		return nil, nil, err
	}
	x.status = http.StatusSwitchingProtocols
	upgraded := &upgradedConn{Conn: conn, exchange: x}
	if x.socket != nil && x.socket.Cut {
		x.record.Faulted = true
		upgraded.gauge = x.socket.Gauge()
	}
	return upgraded, buffered, nil
}

// takeOver takes the connection from net/http. From here on the exchange owns it, and a shutdown waits for the exchange.
func (x *exchange) takeOver() (net.Conn, *bufio.ReadWriter, error) {
	x.server.upgrades.Add(1) // before net/http forgets the connection, so that somebody always counts it
	conn, buffered, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err != nil {
		x.server.upgrades.Done()
		return nil, nil, err
	}
	x.upgraded = true
	return conn, buffered, nil
}

// requestBody is the body on its way to the upstream. Its reader may outlive the exchange by a moment.
type requestBody struct {
	io.ReadCloser
	exchange *exchange
	received atomic.Int64
	ended    atomic.Bool // it was read to its end
	closed   atomic.Bool // by the transport: no more of it is wanted
	err      atomic.Pointer[error]

	mu   sync.Mutex // guards over
	over bool       // no more deadlines: the exchange is over, and the connection may have gone on to another one; or it is a stream
}

// Read reads from the client, who may be silent for the server's body timeout.
func (b *requestBody) Read(p []byte) (int, error) {
	b.setDeadline(time.Now().Add(b.exchange.server.bodyTimeout))
	n, err := b.ReadCloser.Read(p)
	b.received.Add(int64(n))
	b.exchange.again.keep(p[:n])
	switch err {
	case nil:
	case io.EOF:
		b.ended.Store(true)
		b.setDeadline(time.Time{}) // net/http goes on reading, to notice that the client leaves
		dropFraming(b.exchange.in.Trailer)
	default:
		if !b.closed.Load() {
			b.err.CompareAndSwap(nil, &err)
		}
	}
	return n, err
}

// Close is called when the upstream does not want more. A transport of HTTP/2 waits for a Read that is under way, which
// ends now.
func (b *requestBody) Close() error {
	b.closed.Store(true)
	if b.exchange.settings.Upstream.Scheme == proxy.H2C && !b.ended.Load() {
		b.interrupt()
	}
	return b.ReadCloser.Close()
}

// setDeadline bounds reading from the client, unless the exchange is over.
func (b *requestBody) setDeadline(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		_ = http.NewResponseController(b.exchange.ResponseWriter).SetReadDeadline(t) // fails with the connection
	}
}

// interrupt ends a Read that is under way, unless the exchange is over.
func (b *requestBody) interrupt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.over = true
		_ = http.NewResponseController(b.exchange.ResponseWriter).SetReadDeadline(time.Unix(1, 0)) // fails with the connection
	}
}

// failure is the error that reading from the client has ended with; nil if there is none.
func (b *requestBody) failure() error {
	if err := b.err.Load(); err != nil {
		return *err
	}
	return nil
}

// dropFraming removes what a trailer must not say (RFC 9110, 6.5.1): an upstream that merges trailers into the header
// would read another message.
func dropFraming(trailer http.Header) {
	for _, name := range []string{"Connection", "Content-Length", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		delete(trailer, name)
	}
	dropOrigins(trailer)
	delete(trailer, "Forwarded")
	delete(trailer, "X-Request-Id")
}

// replyBody is the upstream's body on its way to the client: it remembers how it ended.
type replyBody struct {
	io.ReadCloser
	err error
}

// Read reads from the upstream.
func (b *replyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}
