package http1

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// conn is one client's connection, served by one goroutine.
type conn struct {
	server *server
	client net.Conn
	socket socket
	clear  bool // the client's bytes go over the socket as they are
	secure bool // TLS
	live   *proxy.Live
	peer   netip.Addr
	in     reader
	read   deadline

	gap         time.Duration // how long a body may be silent; 0 while a head is read
	headBegun   bool          // its deadline stands
	interrupted atomic.Bool   // nobody wants what is being read

	first bool // this is the connection's first request
	given bool // to another server: nothing of the connection is ours any more

	busy     atomic.Bool // an exchange is under way
	upstream atomic.Pointer[upstream]
	texts    texts
}

// texts are those of the last exchange's record. Mostly the next one has the same.
type texts struct {
	peer, method, host, path string
	front                    *proxy.Front // nil = none yet
	reply                    proxy.ReplyMarks
}

func newConn(s *server, client net.Conn) *conn {
	c := &conn{server: s, client: client, live: proxy.LiveOf(client)}
	c.in = reader{source: (*incoming)(c), buffers: &s.buffers}
	c.clear = c.socket.open(client, &c.in, headBuffer)
	_, c.secure = client.(interface{ NetConn() net.Conn })
	c.read = deadline{conn: client}
	if addr, err := netip.ParseAddrPort(client.RemoteAddr().String()); err == nil {
		c.peer = addr.Addr().Unmap()
	}
	c.texts.peer = c.peer.String()
	return c
}

// serve carries out one exchange after the other.
func (c *conn) serve() {
	defer c.server.remove(c)
	defer c.close()
	defer c.recovered()
	for c.first = true; ; c.first = false {
		if !c.waitForRequest(c.first) {
			return
		}
		x := c.server.newExchange(c)
		goOn := x.run()
		c.server.putExchange(x)
		if !goOn {
			return
		}
		c.in.release()
	}
}

// close ends the connection on every way out. Endings that matter were carried out before.
func (c *conn) close() {
	if !c.given {
		_ = c.client.Close() // nothing more can be done about it
	}
	c.in.drop()
}

// waitForRequest blocks until a request begins. While it does, the connection holds no buffer.
func (c *conn) waitForRequest(first bool) bool {
	if c.headBegun = false; len(c.in.buffered()) > 0 {
		return true // pipelined
	}
	c.headBegun = first
	if first {
		c.read.move(time.Now().Add(headTimeout))
	} else {
		c.read.set(time.Now(), idleTimeout, time.Second)
	}
	c.busy.Store(false)
	if c.server.draining.Err() != nil {
		return false
	}
	err := c.fill()
	c.busy.Store(true)
	if c.server.draining.Err() != nil {
		c.read.at = past // endIdle may have set it
	}
	return err == nil
}

// fill waits for the first bytes.
func (c *conn) fill() error {
	if c.clear {
		return c.socket.fill()
	}
	return c.in.fill(headBuffer)
}

// write writes to the client.
func (c *conn) write(data []byte) error {
	if c.clear {
		return c.socket.write(data)
	}
	_, err := c.client.Write(data)
	return err
}

// incoming is a connection as what a reader reads from: it sees to it that a client who has begun to send gets on with it.
type incoming conn

var errInterrupted = errors.New("interrupted")

// Read reads from the client.
func (i *incoming) Read(p []byte) (int, error) {
	switch {
	case i.gap > 0:
		i.read.set(time.Now(), i.gap, min(time.Second, i.gap/4))
	case !i.headBegun && len(i.in.buffered()) > 0: // before its first byte the connection idles
		i.headBegun = true
		i.read.move(time.Now().Add(headTimeout))
	}
	if i.interrupted.Load() {
		return 0, errInterrupted
	}
	return i.client.Read(p)
}

// interrupt ends a read that is under way on another goroutine.
func (c *conn) interrupt() {
	c.interrupted.Store(true)
	_ = c.client.SetReadDeadline(past) // fails if it is closed, which is as well
}

// endIdle ends the connection if nothing is under way on it. Both sides look after they have told the other: here
// draining is set, and busy is not.
func (c *conn) endIdle() {
	if !c.busy.Load() {
		_ = c.client.SetReadDeadline(past) // fails if it is closed, which is as well
	}
}

// cut drops the connection, whatever is under way on it.
func (c *conn) cut() {
	_ = c.client.Close() // whoever reads or writes is told
	if u := c.upstream.Load(); u != nil {
		_ = u.Close()
	}
}
