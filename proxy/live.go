package proxy

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Live is the account of a client's connection that is open. Its executor keeps it; that takes a few atomic operations for
// each exchange, and no lock.
type Live struct {
	ID uint64 // unique in its engine, from 1

	proxy, protocol string
	client          net.Addr
	opened          time.Time
	tally           *Tally // of the proxy; nil = nobody counts

	upstream       atomic.Pointer[string]
	exchanges      atomic.Uint64
	active         atomic.Int32 // exchanges under way
	since          atomic.Int64 // when that became more than 0, or 0 again, in Unix nanoseconds
	received, sent atomic.Int64
	dropped        atomic.Int32 // how; 0 = it was not
	onDrop         atomic.Pointer[func(reset bool)]
	endedBy        atomic.Pointer[Side]
}

// How a connection was dropped.
const (
	droppedByFIN = iota + 1
	droppedByReset
)

// Dropped is the error of what ended with a connection that was dropped.
const Dropped = "dropped through the admin API"

// LiveOf gives the account of a client's connection, through TLS and whatever else has a NetConn method. One that is not from
// a listener of an engine has an account that nobody sees.
func LiveOf(conn net.Conn) *Live {
	if c, ok := socketOf(conn).(interface{ Live() *Live }); ok {
		return c.Live()
	}
	return &Live{}
}

// Begin notes that an exchange begins, and gives its number on this connection, from 1.
func (l *Live) Begin(now time.Time) (nth uint64) {
	if l.active.Add(1) == 1 {
		l.since.Store(now.UnixNano())
	}
	l.tally.begin()
	return l.exchanges.Add(1)
}

// End notes that an exchange is over, whose record is all but given to the observer. Where the connection was dropped it
// corrects the record: the client has not left.
func (l *Live) End(e *Exchange) {
	if e.Outcome == ClientLeft && l.dropped.Load() != 0 {
		e.Outcome, e.Error, e.Faulted = Injected, Dropped, true
	}
	l.Pass(e.RequestBytes, e.ResponseBytes)
	l.tally.end()
	if l.active.Add(-1) == 0 {
		l.since.Store(e.At.Add(e.Duration).UnixNano())
	}
}

// Pass counts bytes that have passed from the client, and to it.
func (l *Live) Pass(received, sent int64) {
	if received != 0 {
		l.received.Add(received)
	}
	if sent != 0 {
		l.sent.Add(sent)
	}
}

// Passed gives how many have.
func (l *Live) Passed() (received, sent int64) { return l.received.Load(), l.sent.Load() }

// Reach notes the address of the upstream's that the connection's bytes go to. It must not be changed afterwards.
func (l *Live) Reach(address *string) {
	if l.upstream.Load() != address {
		l.upstream.Store(address)
	}
}

// OnDrop has f called when the connection is dropped, right before it is closed; at once, if it was already. f must not block,
// and may be called twice.
func (l *Live) OnDrop(f func(reset bool)) {
	l.onDrop.Store(&f)
	if how := l.dropped.Load(); how != 0 {
		f(how == droppedByReset)
	}
}

// drop notes that the connection is being dropped.
func (l *Live) drop(reset bool) {
	how := int32(droppedByFIN)
	if reset {
		how = droppedByReset
	}
	l.dropped.Store(how)
	if f := l.onDrop.Load(); f != nil {
		(*f)(reset)
	}
}

// noteEnd notes, before we end the connection in whatever way, whether the client has done so before. The first time counts.
func (l *Live) noteEnd(s socket) {
	if l.endedBy.Load() != nil {
		return
	}
	side := ByProxy
	if raw, err := s.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { // fails if it is closed
			if HasLeft(int(fd)) {
				side = ByClient
			}
		})
	}
	l.endedBy.CompareAndSwap(nil, &side)
}

// HasLeft reports whether the peer of a socket has sent its FIN, also behind bytes that nobody has read yet, or has reset the
// connection.
func HasLeft(fd int) bool {
	look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	for {
		n, err := unix.Poll(look, 0)
		if err != syscall.EINTR {
			return n > 0
		}
	}
}

// connection is what the account says now.
func (l *Live) connection() Connection {
	c := Connection{
		ID: l.ID, Proxy: l.proxy, Protocol: l.protocol, Client: AddressText(l.client), Opened: l.opened,
		Exchanges: l.exchanges.Load(), Busy: l.active.Load() > 0, Since: l.opened,
	}
	if since := l.since.Load(); since != 0 {
		c.Since = time.Unix(0, since)
	}
	if upstream := l.upstream.Load(); upstream != nil {
		c.Upstream = *upstream
	}
	c.RequestBytes, c.ResponseBytes = l.Passed()
	return c
}
