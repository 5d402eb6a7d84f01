package http1

import (
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// lingering is how long a client may go on sending what nobody wants any more, before its connection is closed: closing
// over unread bytes resets the connection, and the reply may be lost with it (RFC 9112, 9.6).
const lingering = time.Second

// end ends the exchange at the client, and reports whether the connection goes on.
func (x *exchange) end() bool {
	x.flush()
	x.stopUpload()
	if x.writeErr != nil || x.persist {
		return x.writeErr == nil
	}
	if !x.upload.isRead() || len(x.conn.in.buffered()) > 0 {
		x.linger()
	}
	return false
}

// linger reads and drops what the client still sends.
func (x *exchange) linger() {
	client := x.conn.client
	half, ok := client.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	x.conn.read.move(time.Now().Add(min(lingering, x.server.bodyTimeout)))
	buffer := x.server.buffers.get(bodyBuffer)
	defer x.server.buffers.put(buffer)
	for {
		if _, err := client.Read(buffer); err != nil {
			return
		}
	}
}

// cut is an ending in the middle of the reply's body.
type cut struct {
	how     faults.How
	after   int64 // bytes of the body
	reached bool
}

// limit gives as much of data as goes out before the cut.
func (c *cut) limit(data []byte, sent int64) []byte {
	return data[:min(int64(len(data)), c.after-sent)]
}

// isReached notes whether so much was sent that the cut is due.
func (c *cut) isReached(sent int64) bool {
	c.reached = sent >= c.after
	return c.reached
}

// endWith carries out an ending on the wire. One in the middle of the body is only prepared: the reply goes on up to
// there.
func (x *exchange) endWith(e faults.End, d faults.Decision) step {
	if !e.Body {
		x.record.Faulted = true
		if x.out = append(x.out[:0], e.Raw...); len(x.out) > 0 {
			x.noteFirstByte()
		}
		x.endNow(e.How)
		return over
	}
	length := int64(-1)
	if x.reply.framing == sized {
		length = x.reply.length
	}
	after, possible := e.Cut(length)
	if !possible || x.reply.framing == forbidden {
		x.plan.Withdraw()
		return proceed
	}
	x.record.Faulted = true
	x.cut = &cut{how: e.How, after: after, reached: after == 0}
	x.mark(d)
	return proceed
}

// endAfterCut ends the connection behind the bytes that were to arrive.
func (x *exchange) endAfterCut() {
	x.endNow(x.cut.how)
}

// endNow writes what is to be written, and ends the client's connection.
func (x *exchange) endNow(how faults.How) {
	x.record.Outcome, x.record.Attempt.ClosedBy = proxy.Injected, proxy.ByProxy
	x.persist = false
	x.flush()
	switch how {
	case faults.EndReset:
		proxy.Reset(x.conn.client)
	case faults.EndHang:
		_ = x.pause(time.Duration(faults.MaxDuration)) // whoever ends it, the connection is closed
		_ = x.conn.client.Close()                      // nothing more is to be sent
	default:
		x.stopUpload()
		proxy.Finish(x.conn.client)
	}
}
