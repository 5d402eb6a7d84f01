package nethttp

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// checkSocket withdraws what was to be done to a WebSocket where there is none.
func (x *exchange) checkSocket(status int) {
	if x.socket != nil && status != http.StatusSwitchingProtocols {
		x.plan.WithdrawSocket()
		x.socket = nil
	}
}

// upgradedConn is a client's connection after a 101.
type upgradedConn struct {
	net.Conn
	exchange *exchange
	gauge    *faults.Gauge // finds where to cut what the client gets; nil = nowhere
	cut      atomic.Bool   // the cut is reached
	closing  sync.Once
}

// errCut ends the copying of both directions.
var errCut = errors.New("cut")

// Read counts what the client sends.
func (c *upgradedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.cut.Load() {
		return 0, errCut
	}
	c.exchange.body.received.Add(int64(n))
	return n, err
}

// Write counts what the client gets, up to the cut.
func (c *upgradedConn) Write(p []byte) (int, error) {
	passing, reached := p, false
	if c.gauge != nil {
		passing, reached = c.gauge.Cut(p)
	}
	n, err := c.Conn.Write(passing)
	c.exchange.sent.Add(int64(n))
	if reached {
		c.cut.Store(true)
		_ = c.SetReadDeadline(time.Unix(1, 0)) // ends the other direction
		err = errCut
	}
	return n, err
}

// CloseWrite passes a half-close on.
func (c *upgradedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// Close closes the connection, behind a cut in the way that is asked for.
func (c *upgradedConn) Close() error {
	if !c.cut.Load() {
		return c.Conn.Close()
	}
	c.closing.Do(func() {
		x := c.exchange
		x.record.Outcome = proxy.Injected
		switch x.socket.How {
		case faults.EndReset:
			proxy.Reset(c.Conn)
		case faults.EndHang:
			x.silence(c.Conn)
		default:
			proxy.Finish(c.Conn)
		}
	})
	return nil
}
