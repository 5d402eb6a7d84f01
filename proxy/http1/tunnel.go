package http1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// prepareSocket keeps what is to be done to the WebSocket.
func (x *exchange) prepareSocket(s faults.Socket) {
	if !x.request.wantsWebSocket() {
		x.plan.Withdraw()
		return
	}
	x.socket = x.socket.Beside(s)
}

// checkSocket withdraws what was to be done to a WebSocket where there is none.
func (x *exchange) checkSocket() {
	if x.socket != nil && x.reply.status != http.StatusSwitchingProtocols {
		x.plan.WithdrawSocket()
		x.socket = nil
	}
}

// tunnel passes a 101 on, and then bytes both ways until both sides have ended, or up to a cut.
func (x *exchange) tunnel() {
	x.watch.stop()
	if x.socket != nil && x.socket.Delay > 0 && x.wait(x.socket.Delay) == over {
		return
	}
	x.composeReply(forbidden)
	x.startReply(x.reply.status, x.reply.reason)
	x.persist = false
	down := direction{to: x.conn.client, from: x.up.Conn}
	ahead, reached := x.up.in.buffered(), false
	if x.socket != nil && x.socket.Cut {
		x.record.Faulted = true
		down.gauge = x.socket.Gauge()
		ahead, reached = down.gauge.Cut(ahead)
	}
	x.out = append(x.out, ahead...)
	x.sent += int64(len(ahead))
	x.up.in.drop()
	x.flush()
	if !reached {
		x.carryBoth(&down, &direction{to: x.up.Conn, from: x.conn.client})
		reached = down.cut.Load()
	}
	if reached {
		_ = x.up.Close() // nobody wants what it says
		x.endNow(x.socket.How)
	}
}

// carryBoth carries bytes both ways.
func (x *exchange) carryBoth(down, there *direction) {
	c, up := x.conn, x.up
	c.read.move(time.Time{})
	up.read.move(time.Time{})
	done := make(chan struct{})
	c.server.serving.Go(func() {
		defer close(done)
		down.carry(&x.server.buffers, there)
	})
	if early := c.in.buffered(); len(early) > 0 {
		_, _ = up.Write(early) // if it fails, so does the next one
		there.count.Add(int64(len(early)))
		c.in.drop()
	}
	there.carry(&x.server.buffers, down)
	<-done
	c.read.at = past // where a cut has moved it
	x.upload.received.Add(there.count.Load())
	x.sent += down.count.Load()
}

// direction is one way of an upgraded connection.
type direction struct {
	to, from net.Conn
	count    atomic.Int64
	gauge    *faults.Gauge // finds where to cut; nil = nowhere
	cut      atomic.Bool   // the cut is reached
}

// errCut ends a direction.
var errCut = errors.New("cut")

// carry copies until the source ends, and passes that on: an end as a half-close, a failure as a reset of both. A cut of
// either direction ends both, and leaves the connections to the caller.
func (d *direction) carry(buffers *buffers, other *direction) {
	buffer := buffers.get(bodyBuffer)
	defer buffers.put(buffer)
	for {
		n, err := d.from.Read(buffer)
		if failed := d.pass(buffer[:n]); failed != nil {
			err = failed
		}
		switch half, ok := d.to.(interface{ CloseWrite() error }); {
		case err == nil:
		case err == errCut:
			_ = d.to.SetReadDeadline(past)    // ends the other direction
			_ = d.from.SetWriteDeadline(past) // likewise
			return
		case other.cut.Load():
			return
		case err == io.EOF && ok:
			_ = half.CloseWrite() // fails with the connection
			return
		default:
			proxy.Reset(d.to)
			proxy.Reset(d.from) // the other direction ends with them
			return
		}
	}
}

// pass writes a piece, or as much of it as comes before the cut.
func (d *direction) pass(piece []byte) error {
	if d.gauge != nil {
		var reached bool
		if piece, reached = d.gauge.Cut(piece); reached {
			d.cut.Store(true)
		}
	}
	if len(piece) > 0 {
		if _, err := d.to.Write(piece); err != nil && !d.cut.Load() {
			return err
		}
		d.count.Add(int64(len(piece)))
	}
	if d.cut.Load() {
		return errCut
	}
	return nil
}
