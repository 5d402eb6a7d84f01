package admin

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// MaxConnections bounds the connections of the admin API, over all its listeners. With the listeners, the state file and
// its directory they fit into the descriptors that proxies leave free.
const MaxConnections = 32

// connections are those of one server. When there is no place for a new one, the one that has been silent for longest
// gives way: it waits for its next request, or has not sent the whole of one. One whose request is being answered is
// never cut, long polls included; when all are, the new one waits. So whoever opens connections and lets them lie, with
// or without a token, pushes out his own, and the few milliseconds that an operator's request takes to arrive are enough
// for it.
type connections struct {
	mu   sync.Mutex
	free *sync.Cond    // a place may be free, or a listener was closed
	open []*connection // the one that was silent for longest first
}

func newConnections() *connections {
	c := &connections{}
	c.free = sync.NewCond(&c.mu)
	return c
}

// bounded is a listener whose connections are bounded.
type bounded struct {
	net.Listener
	connections *connections
	closed      bool // under connections.mu
}

// Accept gives a connection for which there is a place.
func (l *bounded) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	admitted := &connection{Conn: conn, owner: l.connections}
	silent, ok := l.connections.admit(l, admitted)
	if !ok {
		_ = conn.Close() // nothing was read from it
		return nil, net.ErrClosed
	}
	if silent != nil {
		_ = silent.Conn.Close() // its server notices
	}
	return admitted, nil
}

// Close ends the listener, also while a connection waits for its place.
func (l *bounded) Close() error {
	l.connections.mu.Lock()
	l.closed = true
	l.connections.mu.Unlock()
	l.connections.free.Broadcast()
	return l.Listener.Close()
}

// admit waits for a place, and gives the connection that made room; false when the listener was closed meanwhile.
func (c *connections) admit(l *bounded, admitted *connection) (silent *connection, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !l.closed {
		if len(c.open) >= MaxConnections {
			if silent = c.takeSilent(); silent == nil {
				c.free.Wait()
				continue
			}
		}
		c.open = append(c.open, admitted)
		return silent, true
	}
	return nil, false
}

// takeSilent takes the place of the connection that was silent for longest; nil if all are being answered. c.mu is held.
func (c *connections) takeSilent() *connection {
	i := slices.IndexFunc(c.open, func(conn *connection) bool { return !conn.answering })
	if i < 0 {
		return nil
	}
	silent := c.open[i]
	c.open = slices.Delete(c.open, i, i+1)
	return silent
}

// remove takes a connection out, if it is still there.
func (c *connections) remove(conn *connection) bool {
	i := slices.Index(c.open, conn)
	if i >= 0 {
		c.open = slices.Delete(c.open, i, i+1)
	}
	return i >= 0
}

// connection is one of them.
type connection struct {
	net.Conn
	owner     *connections
	answering bool // under owner.mu: a whole request was received, and its answer is under way
}

// Close ends the connection and gives its place back.
func (c *connection) Close() error {
	c.owner.mu.Lock()
	c.owner.remove(c)
	c.owner.mu.Unlock()
	err := c.Conn.Close()
	c.owner.free.Broadcast()
	return err
}

// CloseWrite ends one direction, where there are two: net/http does so to get its last answer through.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// setAnswering says that the request of a connection is being answered, or was: then its silence begins anew.
func (c *connection) setAnswering(answering bool) {
	c.owner.mu.Lock()
	c.answering = answering
	if !answering && c.owner.remove(c) {
		c.owner.open = append(c.owner.open, c)
	}
	c.owner.mu.Unlock()
	if !answering {
		c.owner.free.Broadcast()
	}
}

// connectionKey is the key of a request's connection in its context.
type connectionKey struct{}

func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// answering says that a request was received whole and is answered until ended is called. A handler may be asked without
// a connection of ours.
func answering(r *http.Request) (ended func()) {
	conn, ok := r.Context().Value(connectionKey{}).(*connection)
	if !ok {
		return func() {}
	}
	conn.setAnswering(true)
	return func() { conn.setAnswering(false) }
}
