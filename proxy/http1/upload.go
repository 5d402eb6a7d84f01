package http1

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// silence is how long one side may be silent before somebody looks whether the other is still there.
const silence = 50 * time.Millisecond

// upload is a request's body on its way to the upstream. What came with the head goes out with the head; the rest is
// carried by a goroutine of its own, since the upstream may reply before it has all.
type upload struct {
	conn     *conn
	up       *upstream
	body     body
	whole    []byte // the body, if it had come with the head
	out      []byte
	read     atomic.Bool // nothing of it is left at the client's
	received atomic.Int64

	done    chan struct{} // closed when the goroutine has ended; nil = there is none
	readErr error         // of reading from the client; set before done is closed
	sendErr error         // of writing to the upstream

	mu    sync.Mutex // guards what follows
	ended bool
	onEnd func() // called once, when the goroutine is about to end
}

// prepareUpload finds out where the request's body is.
func (x *exchange) prepareUpload() {
	u, c, r := &x.upload, x.conn, &x.request
	u.conn = c
	switch rest := c.in.buffered(); {
	case r.framing == noBody, r.framing == sized && r.length == 0:
		u.read.Store(true)
	case r.framing == sized && r.length <= int64(len(rest)):
		u.whole = rest[:r.length]
		c.in.r += int(r.length)
		u.read.Store(true)
		u.received.Store(r.length)
	default:
		x.kept = append(x.kept, c.in.detach())
		u.body.begin(&c.in, r.framing, r.length)
	}
}

// isRead reports whether nothing of the body is left at the client's.
func (u *upload) isRead() bool { return u.read.Load() }

// start begins to carry the body.
func (u *upload) start(up *upstream) {
	if u.read.Load() {
		return
	}
	u.up, u.done = up, make(chan struct{})
	u.conn.gap = u.conn.server.bodyTimeout
	u.out = u.conn.server.buffers.get(bodyBuffer)[:0]
	u.conn.server.serving.Go(u.run)
}

// skip reads what has come of a body that nobody wants, without waiting for more.
func (u *upload) skip() {
	if u.read.Load() || u.started() || u.body.from == nil {
		return
	}
	waiting := u.body.from.source
	u.body.from.source = nothing{}
	defer func() { u.body.from.source = waiting }()
	for {
		data, err := u.body.next()
		u.received.Add(int64(len(data)))
		if err != nil {
			u.read.Store(err == io.EOF)
			return
		}
	}
}

// nothing is what a reader reads from that must not wait.
type nothing struct{}

// Read gives nothing.
func (nothing) Read([]byte) (int, error) { return 0, errInterrupted }

// run is the goroutine that carries the body.
func (u *upload) run() {
	defer close(u.done)
	u.carry()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = true
	if u.onEnd != nil {
		u.onEnd()
	}
}

func (u *upload) carry() {
	for {
		data, err := u.body.next()
		u.received.Add(int64(len(data)))
		if u.body.over {
			u.read.Store(true)
		}
		switch {
		case err == nil && u.body.framing == chunked:
			u.out = appendChunk(u.out[:0], data)
			data = u.out
		case err == nil:
		case u.body.over && u.body.framing == chunked:
			u.out = appendLastChunk(u.out[:0], &u.body.trailer)
			data = u.out
		case u.body.over:
		default:
			u.readErr = err
			_ = u.up.SetReadDeadline(past) // the reply is not waited for any more
			return
		}
		if u.sendErr = u.send(data); u.sendErr != nil || u.body.over {
			return // an upstream that takes no more may have replied
		}
	}
}

var errNobody = errors.New("the client left")

// send writes to the upstream, and looks now and then whether the client is still there.
func (u *upload) send(data []byte) error {
	for len(data) > 0 {
		if u.up.clear { // a TLS connection does not survive a write that ran out of time
			_ = u.up.SetWriteDeadline(time.Now().Add(silence)) // fails with the connection
		}
		n, err := u.up.Write(data)
		data = data[n:]
		switch {
		case err == nil:
		case !expired(err):
			return err
		case u.conn.interrupted.Load():
			return errInterrupted
		case u.conn.left() && !u.isRead():
			u.readErr = errNobody
			_ = u.up.SetReadDeadline(past)
			return errNobody
		}
	}
	return nil
}

// started reports whether a goroutine was started for the body.
func (u *upload) started() bool { return u.done != nil }

// running reports whether the body is being carried at this moment.
func (u *upload) running() bool {
	if !u.started() {
		return false
	}
	select {
	case <-u.done:
		return false
	default:
		return true
	}
}

// whenOver has f called when the body is not carried any more, at once if that is so already. The next call replaces f,
// nil takes it away.
func (u *upload) whenOver(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.onEnd = f
	if u.ended && f != nil {
		f()
	}
}

// finish ends the carrying, and reports whether the upstream has got the whole body. Nobody reads from the client any
// more when it returns.
func (u *upload) finish() (whole bool) {
	if !u.started() {
		return u.read.Load()
	}
	if u.running() {
		u.conn.interrupt()
		_ = u.up.SetWriteDeadline(past) // fails with the connection
		<-u.done
		u.conn.interrupted.Store(false)
	}
	if u.sendErr == nil {
		_ = u.up.SetWriteDeadline(time.Time{})
	}
	u.conn.read.at, u.conn.gap = past, 0
	u.conn.server.buffers.put(u.out)
	u.done, u.out = nil, nil
	return u.readErr == nil && u.sendErr == nil && u.body.over
}
