package nethttp

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

const (
	// maxStreams bounds the streams that a client's connection has open at once, each of which is a goroutine, and with a
	// fault maybe a held one.
	maxStreams = 100
	// What a client sends of bodies that nobody reads yet. The connection's is what net/http has as its most. It is more
	// than that of 60 streams, so that so many held uploads do not stop another one; a stream's must not be less, as clients
	// may send that much before they have read our settings (RFC 9113, 6.9.2).
	connectionWindow = 4<<20 - 1
	streamWindow     = 64 << 10
	maxFrame         = 16 << 10 // what all may send (RFC 9113, 4.2); net/http would take up to 1 MiB
	// replyWindow is what an upstream sends of a body that the client does not read yet.
	replyWindow = 256 << 10
)

func protocols(http1, secure, clear bool) *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(http1)
	p.SetHTTP2(secure)
	p.SetUnencryptedHTTP2(clear)
	return &p
}

func forClients() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReceiveBufferPerConnection: connectionWindow,
		MaxReceiveBufferPerStream:     streamWindow,
		MaxReadFrameSize:              maxFrame,
	}
}

// isStream reports whether a request is a stream of an HTTP/2 connection. (Of HTTP/1.1 net/http lets HTTP/2's preface
// pass, if the first line of it is all that is right.)
func isStream(w http.ResponseWriter, r *http.Request) bool {
	_, ownsConnection := w.(http.Hijacker)
	return r.ProtoMajor == 2 && !ownsConnection
}

// beginStream counts a stream in, unless the server is over.
func (s *server) beginStream() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.streams.Add(1)
	}
	return !s.closed
}

// endStreams waits for the streams whose connections are gone.
func (s *server) endStreams() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.streams.Wait()
}

// endStream carries out an ending: all that net/http can cause is RST_STREAM with INTERNAL_ERROR, behind what was written,
// and so that is every ending but silence. It does not return.
func (x *exchange) endStream() {
	if x.ending.How == faults.EndHang {
		x.flush()
		_ = x.pause(time.Duration(faults.MaxDuration)) // whoever ends it, the stream is reset
	}
	x.abort(proxy.Injected, "")
}

// A connection on which resetBudget streams end within resetWindow, half of them because the client has reset them, is closed:
// each may have cost the upstream a call, and net/http bounds only what runs at once (CVE-2023-44487).
const (
	resetBudget = 500
	resetWindow = time.Second
)

// streamEnds counts how the streams of a connection end.
type streamEnds struct {
	mu          sync.Mutex // guards what follows
	since       time.Time
	ended, left int
}

// note counts the end of a stream, and reports whether the connection has to be closed.
func (e *streamEnds) note(left bool, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Sub(e.since) > resetWindow {
		e.since, e.ended, e.left = now, 0, 0
	}
	e.ended++
	if left {
		e.left++
	}
	return e.ended >= resetBudget && 2*e.left >= e.ended
}

// count notes that the stream is over.
func (x *exchange) count() {
	c := connectionOf(x.in)
	if c.ends.note(x.record.Outcome == proxy.ClientLeft, time.Now()) {
		_ = c.conn.Close() // whoever is served on it is told
	}
}

// flush sends what there is of a reply.
func (x *exchange) flush() {
	if x.status != 0 {
		_ = http.NewResponseController(x.ResponseWriter).Flush() // fails with the connection
	}
}

// closeBehind has the connection closed behind the reply to a request that is broken. A stream ends by itself.
func (x *exchange) closeBehind() {
	if !x.stream {
		x.Header().Set("Connection", "close")
	}
}

// isReset reports whether an error is the upstream's RST_STREAM.
func isReset(err error) bool {
	var reset http2.StreamError
	return errors.As(err, &reset)
}
