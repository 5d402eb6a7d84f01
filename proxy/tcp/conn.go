package tcp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/wait"
	"github.com/squall-proxy/squall/proxy"
)

// conn is one client's connection.
type conn struct {
	server   *server
	settings *proxy.Settings // at its begin
	client   net.Conn
	live     *proxy.Live
	upstream net.Conn // nil = none
	record   proxy.Exchange
	view     faults.View
	plan     faults.Plan
	first    []byte // that the client has sent before anything was decided

	up, down *link
	over     context.Context // done when the connection ends
	end      context.CancelCauseFunc
}

// ended is why a connection ends.
type ended struct {
	how     faults.LinkEnd
	outcome proxy.Outcome
	reason  string // of a real error
}

// Error says it.
func (e *ended) Error() string { return string(e.outcome) + " " + e.reason }

// done is the end of a connection whose two streams have come to theirs.
var done = &ended{faults.LinkCloses, proxy.OK, ""}

func newConn(s *server, client net.Conn) *conn {
	now := time.Now()
	c := &conn{server: s, settings: s.proxy.Settings(), client: client, live: proxy.LiveOf(client)}
	c.view = faults.View{Proxy: s.proxy.Name, Connection: c.live.ID, Nth: s.accepted.Add(1), Now: now}
	c.record = proxy.Exchange{ID: s.proxy.NextExchange(), Proxy: s.proxy.Name, At: now, Client: proxy.AddressText(client.RemoteAddr())}
	if addr, err := netip.ParseAddrPort(c.record.Client); err == nil {
		c.view.Source = addr.Addr().Unmap()
		c.record.Client = c.view.Source.String()
	}
	c.over, c.end = context.WithCancelCause(s.lifetime)
	return c
}

// serve is the connection's goroutine.
func (c *conn) serve() {
	defer c.finish()
	c.live.OnDrop(c.drop)
	if !c.readFirst() || !c.connect() {
		return
	}
	upstream, err := c.dial()
	if err != nil {
		how := faults.LinkCloses
		if errors.Is(err, syscall.ECONNRESET) { // it had accepted, and that is how it ended
			how = faults.LinkResets
		}
		c.end(&ended{how, proxy.RealError, err.Error()})
		return
	}
	c.carry(upstream)
}

// drop ends both sides as the client's is ended: see [proxy.Live.OnDrop].
func (c *conn) drop(reset bool) {
	how := faults.LinkCloses
	if reset {
		how = faults.LinkResets
	}
	c.end(&ended{how, proxy.Injected, proxy.Dropped})
}

// readFirst waits for what the client sends first, where a rule looks at that: until it is clear whether it is what the rule
// looks for.
func (c *conn) readFirst() bool {
	if !c.settings.Faults.NeedsFirstBytes() {
		return true
	}
	stop := context.AfterFunc(c.over, func() { _ = c.client.SetReadDeadline(past) })
	defer stop()
	buffer := make([]byte, 4<<10)
	for len(c.first) == 0 || c.settings.Faults.Undecided(c.view.FirstBytes) {
		n, err := c.client.Read(buffer)
		if c.first = append(c.first, buffer[:n]...); len(c.first) == 0 {
			c.end(leftBy(err))
			return false
		}
		c.view.FirstBytes = string(c.first[:min(len(c.first), faults.MaxFirstBytes)])
		if err != nil { // it has ended, or waits for an answer to what it has sent
			break
		}
		_ = c.client.SetReadDeadline(time.Now().Add(firstWait)) // fails if it is closed, which is as well
	}
	_ = c.client.SetReadDeadline(time.Time{})
	return c.over.Err() == nil
}

// firstWait is how long a client that has begun with what a rule looks for may take to go on with it.
const firstWait = time.Second

// connect carries out what the rules say before the upstream is dialled, and reports whether it is.
func (c *conn) connect() bool {
	c.view.Now = time.Now()
	c.plan.Begin(c.settings.Faults, &c.view)
	for {
		action, _ := c.plan.Next(&c.view)
		switch a := action.(type) {
		case faults.Wait:
			c.record.Delayed = true
			if !c.hold(a.For, false) {
				return false
			}
			c.view.Now = time.Now()
		case faults.Hold:
			c.record.Faulted = true
			if a.For == 0 {
				a.For = time.Duration(faults.MaxDuration)
			}
			if c.hold(a.For, true) {
				c.end(&ended{faults.LinkCloses, proxy.Injected, ""})
			}
			return false
		case faults.End:
			c.record.Faulted = true
			c.end(&ended{faults.LinkResets, proxy.Injected, ""})
			return false
		default:
			return true
		}
	}
}

// hold waits, and reports whether the client is still there: what it sends meanwhile is kept. The end of its stream is its
// end only where nothing comes afterwards (final); else it may wait for an answer to what it has sent.
func (c *conn) hold(d time.Duration, final bool) bool {
	ctx, cancel := context.WithCancel(c.over)
	defer cancel()
	watching := make(chan struct{})
	go c.watchClient(ctx, final, watching)
	err := wait.For(ctx, d)
	cancel()
	_ = c.client.SetReadDeadline(past)
	<-watching
	_ = c.client.SetReadDeadline(time.Time{})
	return err == nil && c.over.Err() == nil
}

// maxAhead bounds what is kept of a client that sends while it is held.
const maxAhead = 64 << 10

// watchClient ends the connection when the client leaves.
func (c *conn) watchClient(ctx context.Context, final bool, watching chan<- struct{}) {
	defer close(watching)
	buffer := make([]byte, 4<<10)
	for len(c.first) < maxAhead {
		n, err := c.client.Read(buffer)
		c.first = append(c.first, buffer[:n]...)
		if err != nil {
			if ctx.Err() == nil && (final || err != io.EOF) {
				c.end(leftBy(err))
			}
			return
		}
	}
}

// dial connects to the upstream, on a goroutine of its own: that takes a deep stack, which ends with it, while this one's stays
// for as long as the connection.
func (c *conn) dial() (upstream net.Conn, err error) {
	ctx, cancel := context.WithTimeout(c.over, proxy.DialTimeout)
	defer cancel()
	c.record.UpstreamAttempts = 1
	begun := time.Now()
	var dialling sync.WaitGroup
	dialling.Go(func() { upstream, err = c.server.dial(ctx, c.settings) })
	dialling.Wait()
	c.record.UpstreamDuration = time.Since(begun)
	return upstream, err
}

// carry lets both streams flow until the connection ends.
func (c *conn) carry(upstream net.Conn) {
	c.upstream, c.view.Now = upstream, time.Now()
	address := proxy.AddressText(upstream.RemoteAddr())
	c.live.Reach(&address)
	traffic := c.server.proxy.Traffic
	client, failed := newSocket(c.client, &traffic.Up.Received, &traffic.Down.Sent)
	server, err := newSocket(upstream, &traffic.Down.Received, &traffic.Up.Sent)
	if err = errors.Join(failed, err); err != nil {
		c.end(&ended{faults.LinkCloses, proxy.RealError, err.Error()})
		return
	}
	traffic.Up.Received.Add(int64(len(c.first)))
	c.up = newLink(c, faults.Upstream, client, server)
	c.down = newLink(c, faults.Downstream, server, client)
	c.server.add(c)
	defer c.server.remove(c)
	stop := context.AfterFunc(c.over, c.interrupt)
	defer stop()
	if c.server.proxy.Settings() != c.settings {
		c.nudge()
	}

	var flowing sync.WaitGroup
	flowing.Go(c.up.run)
	c.down.run()
	flowing.Wait()
}

// nudge has both links look at the rules that are in force.
func (c *conn) nudge() {
	c.up.nudge()
	c.down.nudge()
}

// interrupt ends whatever blocks on the connection.
func (c *conn) interrupt() {
	for _, l := range []*link{c.up, c.down} {
		_ = l.from.SetDeadline(past) // fails if it is closed, which is as well
	}
}

// why tells how the connection has ended.
func (c *conn) why() *ended {
	if reason, ok := errors.AsType[*ended](context.Cause(c.over)); ok {
		return reason
	}
	return &ended{faults.LinkCloses, proxy.RealError, "dropped: the proxy has ended, or was changed"}
}

// close ends one side of the connection.
func (c *conn) close(side net.Conn) {
	if c.why().how == faults.LinkResets {
		proxy.Reset(side)
	} else {
		proxy.Finish(side)
	}
	_ = side.Close() // which gives the client's place back; the rest is done
}

// finish ends both sides at once, and tells the observer.
func (c *conn) finish() {
	c.end(done)
	var closing sync.WaitGroup
	if c.upstream != nil {
		closing.Go(func() { c.close(c.upstream) })
	}
	c.close(c.client)
	closing.Wait()
	c.plan.Done()
	why, r := c.why(), &c.record
	r.Outcome, r.Error = why.outcome, why.reason
	r.Duration = time.Since(r.At)
	r.Faults = c.plan.Record()
	if c.up != nil {
		r.RequestBytes, r.ResponseBytes = c.live.Passed()
		r.Faults = r.Faults.With(c.up.decisions, c.down.decisions)
		r.Delayed = r.Delayed || c.up.delayed || c.down.delayed
		if c.up.holed || c.down.holed {
			r.Outcome, r.Error = proxy.Injected, "" // whoever ended it, it was not whole
		}
		r.Faulted = r.Faults.Hit()
	}
	r.Faulted = r.Faulted || r.Outcome == proxy.Injected
	c.server.proxy.Tell(r)
}
