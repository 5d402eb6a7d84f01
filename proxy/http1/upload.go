package http1

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy/semantics"
)

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
	hash     semantics.BodyHash
	begun    time.Time    // when the exchange was
	took     atomic.Int64 // nanoseconds from then on until it was read whole; 0 = it was not yet

	done    chan struct{} // closed when the goroutine has ended; nil = there is none
	readErr error         // of reading from the client; set before done is closed
	sendErr error         // of writing to the upstream

	over     time.Time   // when carrying ended; set before done is closed
	panicked any         // with what it has panicked
	again    *repetition // keeps what is sent; nil = nobody does

	mu    sync.Mutex // guards what follows
	ended bool
	onEnd func() // called once, when the goroutine is about to end

	pacer     *faults.Pacer   // spaces the body; nil = it goes as it comes
	pacing    context.Context // of waiting for that
	endPacing func()          // ends it; nil = nothing was begun
}

// prepareUpload finds out where the request's body is.
func (x *exchange) prepareUpload() {
	u, c, r := &x.upload, x.conn, &x.request
	u.conn, u.begun = c, x.record.At
	switch rest := c.in.buffered(); {
	case r.framing == noBody, r.framing == sized && r.length == 0:
		u.wasRead()
	case r.framing == sized && r.length <= int64(len(rest)):
		u.whole = rest[:r.length]
		c.in.r += int(r.length)
		if x.marked {
			u.hash.Add(u.whole)
		}
		u.wasRead()
		u.received.Store(r.length)
	default:
		x.kept = append(x.kept, c.in.detach())
		u.body.begin(&c.in, r.framing, r.length)
		if x.marked {
			u.body.hash = &u.hash
		}
	}
}

// wasRead notes that nothing of the body is left at the client's.
func (u *upload) wasRead() {
	u.isWhole()
	u.read.Store(true)
}

// isWhole notes that all of the body has come.
func (u *upload) isWhole() {
	u.took.CompareAndSwap(0, int64(max(time.Since(u.begun), 1)))
}

// isRead reports whether nothing of the body is left at the client's.
func (u *upload) isRead() bool { return u.read.Load() }

// isSent reports, once nothing of the body is carried any more, whether the upstream has got all of it.
func (u *upload) isSent() bool { return u.readErr == nil && u.sendErr == nil && u.read.Load() }

// start begins to carry the body.
func (u *upload) start(up *upstream) {
	if u.read.Load() && u.pacer == nil {
		return
	}
	if u.pacer != nil {
		u.beginPacing()
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
		if err == io.EOF {
			u.wasRead()
		}
		if err != nil {
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
	u.carryOn()
	u.over = time.Now()
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
			u.wasRead()
		}
		switch {
		case err == nil:
			u.sendErr = u.sendPieces(data)
		case u.body.over && u.body.framing == chunked:
			u.body.trailer.dropOrigins()
			u.out = appendLastChunk(u.out[:0], &u.body.trailer)
			u.sendErr = u.send(u.out)
		case u.body.over:
		default:
			u.readErr = err
			_ = u.up.SetReadDeadline(past) // the reply is not waited for any more
			return
		}
		if u.sendErr != nil || err != nil || u.body.over && u.body.framing == sized {
			return // an upstream that takes no more may have replied
		}
	}
}

var errNobody = errors.New("the client left")

// sendFramed sends a piece of the body as the upstream will find its end.
func (u *upload) sendFramed(data []byte) error {
	if u.body.framing == chunked {
		u.out = appendChunk(u.out[:0], data)
		data = u.out
	}
	return u.send(data)
}

// send writes to the upstream, and looks now and then whether the client is still there.
func (u *upload) send(data []byte) error {
	u.again.keep(data, u.received.Load())
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
			return u.leave()
		}
	}
	return nil
}

// leave notes that the client has left: the reply is not waited for any more.
func (u *upload) leave() error {
	u.readErr = errNobody
	_ = u.up.SetReadDeadline(past) // fails if it is closed, which is as well
	return errNobody
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
	if u.endPacing != nil {
		u.endPacing()
		u.endPacing = nil
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
	u.passPanic()
	return u.readErr == nil && u.sendErr == nil && u.body.over
}
