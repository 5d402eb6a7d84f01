package tcp

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// past is a deadline that ends a read or a write at once.
var past = time.Unix(1, 0)

// link is one direction of a connection.
type link struct {
	conn     *conn
	from, to *socket
	bulk     int // bytes that have come in large reads, one behind the other
	shape    *faults.Link
	settings *proxy.Settings // whose rules shape holds to
	queue    *queue
	changed  chan struct{} // of one: other rules may be in force
	timer    *time.Timer   // for every sleep; nil before the first one
	stream   faults.Stream

	delayed   bool
	holed     bool              // a fault has lost data
	decisions []faults.Decision // when the link has ended
}

func newLink(c *conn, stream faults.Stream, from, to *socket) *link {
	l := &link{
		conn: c, stream: stream, from: from, to: to,
		shape: c.settings.Faults.Link(&c.view, stream), settings: c.settings,
		queue: newQueue(&c.server.queued), changed: make(chan struct{}, 1),
	}
	if stream == faults.Upstream && len(c.first) > 0 {
		l.queue.put(c.first, time.Now())
	}
	return l
}

// nudge wakes the link, wherever it waits, to look at the rules.
func (l *link) nudge() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
	_ = l.to.SetWriteDeadline(past) // fails if it is closed, which is as well
	if !l.queue.isFed() {
		_ = l.from.SetReadDeadline(past)
	}
}

// run is the link's goroutine.
func (l *link) run() {
	defer l.finish()
	for {
		if l.look(); l.conn.over.Err() != nil {
			return // maybe by the rules: what comes now would stand behind a hole
		}
		free := l.queue.isEmpty() && l.shape.Free(time.Now())
		switch {
		case free && l.queue.isFed():
			l.queue.stopFeeding(l.from)
		case free:
			if l.relay() {
				return
			}
		case !l.queue.isFed() && !l.queue.hasEnded():
			l.queue.startFeeding(l.from)
		default:
			if l.deliver() {
				return
			}
		}
	}
}

func (l *link) finish() {
	l.queue.stopFeeding(l.from)
	l.queue.forget()
	l.decisions, l.holed = l.shape.Decisions(), l.shape.Lost()
	l.shape.Done()
}

// look takes over the rules that are in force, if they have changed.
func (l *link) look() {
	select {
	case <-l.changed:
		l.goOn()
	default:
	}
	if !l.isOutdated() {
		return
	}
	l.settings = l.conn.server.proxy.Settings()
	if how := l.shape.Update(l.settings.Faults, time.Now()); how != faults.LinkGoesOn {
		l.conn.end(&ended{how, proxy.Injected, ""})
	}
}

// isOutdated reports that other rules are in force. They hold for whatever is read from now on, also before anybody was
// nudged.
func (l *link) isOutdated() bool { return l.conn.server.proxy.Settings() != l.settings }

// goOn undoes what a nudge does to reads and writes.
func (l *link) goOn() {
	_ = l.to.SetWriteDeadline(time.Time{})
	if !l.queue.isFed() {
		_ = l.from.SetReadDeadline(time.Time{})
	}
	if l.conn.over.Err() != nil {
		l.conn.interrupt() // which the lines above may have undone
	}
}

// relay passes bytes on as they come, until other rules may be in force or the stream is over, which it reports.
func (l *link) relay() (over bool) {
	if len(l.changed) > 0 {
		return false
	}
	if l.bulk >= bulky && l.from.raw != nil && l.to.raw != nil {
		l.bulk = 0
		if p := l.conn.server.pipes.open(); p != nil {
			defer l.conn.server.pipes.close(p)
			return l.splice(p)
		}
	}
	buffer, err := l.from.readSome()
	if l.bulk += len(buffer); len(buffer) < bufferSize/2 {
		l.bulk = 0
	}
	if len(buffer) > 0 {
		defer putBuffer(buffer)
		if l.isOutdated() {
			l.queue.put(append([]byte(nil), buffer...), time.Now())
		} else if n, failed := l.write(buffer); failed != nil {
			if !isTimeout(failed) {
				return l.lost(failed)
			}
			l.queue.put(append([]byte(nil), buffer[n:]...), time.Now())
			l.goOn()
		}
	}
	return l.afterRead(err)
}

// afterRead goes on after a read that has ended so, and reports that the stream is over.
func (l *link) afterRead(err error) bool {
	switch {
	case err == nil:
		return false
	case isTimeout(err):
		l.goOn()
		return false
	case err == io.EOF:
		return l.endStream()
	}
	return l.lost(err)
}

// deliver sends the next piece, or waits for something to happen. It reports that the stream is over.
func (l *link) deliver() (over bool) {
	now := time.Now()
	due, how, ends := l.shape.Deadline(now)
	if ends && !due.After(now) {
		l.conn.end(&ended{how, proxy.Injected, ""})
		return true
	}
	until := due
	if head, waits := l.queue.head(); waits {
		p := l.shape.Next(head, now)
		if !p.At.After(now) {
			return l.send(p)
		}
		l.delayed = true
		if !ends || p.At.Before(until) {
			until = p.At
		}
	} else if err := l.queue.failure(); err != nil {
		return l.lost(err)
	}
	l.sleep(until)
	return false
}

// sleep waits until a moment (zero = none), until something comes, or until other rules are in force.
func (l *link) sleep(until time.Time) {
	var alarm <-chan time.Time
	if !until.IsZero() {
		if l.timer == nil {
			l.timer = time.NewTimer(time.Until(until))
		} else {
			l.timer.Reset(time.Until(until))
		}
		defer l.timer.Stop()
		alarm = l.timer.C
	}
	select {
	case <-alarm:
	case <-l.queue.came:
	case <-l.conn.over.Done():
	case <-l.changed:
		l.goOn()
	}
}

// send sends a piece that may go, and reports that the stream is over.
func (l *link) send(p faults.Piece) (over bool) {
	switch {
	case p.Head.Bytes == 0:
		l.shape.Sent(p, time.Now())
		return l.endStream()
	case p.Drop:
		l.queue.take(p.Bytes)
	case p.Bytes > 0:
		due, _, ends := l.shape.Deadline(time.Now())
		if ends {
			_ = l.to.SetWriteDeadline(due)
		}
		n, err := l.write(l.queue.peek(p.Bytes))
		l.queue.take(n)
		if isTimeout(err) {
			l.goOn()
		} else if err != nil {
			return l.lost(err)
		}
		if n < p.Bytes {
			p.Bytes, p.Then = n, faults.LinkGoesOn
		}
	}
	l.shape.Sent(p, time.Now())
	if p.Then != faults.LinkGoesOn {
		l.conn.end(&ended{p.Then, proxy.Injected, ""})
		return true
	}
	return false
}

func (l *link) write(data []byte) (int, error) {
	n, err := l.to.Write(data)
	l.count(int64(n))
	return n, err
}

// count counts what has passed.
func (l *link) count(n int64) {
	l.to.sent.Add(n)
	if l.stream == faults.Upstream {
		l.conn.live.Pass(n, 0)
	} else {
		l.conn.live.Pass(0, n)
	}
}

// endStream passes the end of the stream on. The other direction goes on.
func (l *link) endStream() bool {
	if half, ok := l.to.Conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		l.conn.end(done)
	}
	return true
}

// lost ends the connection after a failure of one of its sides, so that the other one sees it, too.
func (l *link) lost(err error) bool {
	if l.conn.over.Err() == nil {
		l.conn.end(leftBy(err))
	}
	return true
}

// leftBy is why a connection ends of which one side has left.
func leftBy(err error) *ended {
	if err == nil || errors.Is(err, io.EOF) {
		return &ended{faults.LinkCloses, proxy.ClientLeft, ""}
	}
	return &ended{faults.LinkResets, proxy.RealError, err.Error()}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
