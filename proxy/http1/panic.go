package http1

import (
	"fmt"

	"github.com/squall-proxy/squall/proxy"
)

// recovered ends a connection on which something panicked outside of any exchange: that is recorded as one.
func (c *conn) recovered() {
	if cause := recover(); cause != nil {
		x := c.server.newExchange(c)
		x.begin()
		x.crashed(cause)
		x.finish()
	}
}

// crashed ends an exchange in which the engine itself has panicked. That costs the exchange its connections, and nobody
// else anything. Its memory is left to the garbage collector.
func (x *exchange) crashed(cause any) {
	x.record.Outcome, x.record.Error = proxy.RealError, fmt.Sprint("panic: ", cause)
	x.broken, x.persist = true, false
	x.conn.cut()
	x.watch.stop()
	x.shielded(func() { x.upload.finish() })
}

// tell tells of the exchange, and gives what the observer panicked with.
func (x *exchange) tell() (cause any) {
	defer func() { cause = recover() }()
	x.server.proxy.Tell(&x.record)
	return nil
}

// carryOn is carry; what that panics with is kept for the exchange's own goroutine, which finish tells.
func (u *upload) carryOn() {
	defer func() {
		if u.panicked = recover(); u.panicked != nil {
			u.readErr = errInterrupted
			_ = u.up.SetReadDeadline(past) // the reply is not waited for any more
		}
	}()
	u.carry()
}

// passPanic panics with what carrying has panicked with.
func (u *upload) passPanic() {
	if cause := u.panicked; cause != nil {
		u.panicked = nil
		panic(cause)
	}
}
