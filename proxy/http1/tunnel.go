package http1

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// tunnel passes a 101 on, and then bytes both ways until both sides have ended.
func (x *exchange) tunnel() {
	x.watch.stop()
	x.composeReply(forbidden)
	x.startReply(x.reply.status, x.reply.reason)
	x.persist = false
	c, up := x.conn, x.up
	x.out = append(x.out, up.in.buffered()...)
	x.sent += int64(len(up.in.buffered()))
	up.in.drop()
	x.flush()
	c.read.move(time.Time{})
	up.read.move(time.Time{})
	done := make(chan struct{})
	var down atomic.Int64
	c.server.serving.Go(func() {
		defer close(done)
		x.carry(c.client, up.Conn, &down)
	})
	if early := c.in.buffered(); len(early) > 0 {
		_, _ = up.Write(early) // if it fails, so does the next one
		x.upload.received.Add(int64(len(early)))
		c.in.drop()
	}
	x.carry(up.Conn, c.client, &x.upload.received)
	<-done
	x.sent += down.Load()
}

// carry copies until the source ends, and passes that on: an end as a half-close, a failure as a reset of
// both.
func (x *exchange) carry(to, from net.Conn, count *atomic.Int64) {
	buffer := x.server.buffers.get(bodyBuffer)
	defer x.server.buffers.put(buffer)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				err = failed
			} else {
				count.Add(int64(n))
			}
		}
		switch half, ok := to.(interface{ CloseWrite() error }); {
		case err == nil:
		case err == io.EOF && ok:
			_ = half.CloseWrite() // fails with the connection
			return
		default:
			proxy.Reset(to)
			proxy.Reset(from) // the other direction ends with them
			return
		}
	}
}
