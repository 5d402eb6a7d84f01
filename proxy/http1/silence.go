package http1

import (
	"os"
	"time"
)

// silence is how long one side may be silent before somebody looks whether the other is still there.
const silence = 50 * time.Millisecond

// answering is an exchange as what the upstream's reader reads from. What waits to be sent to the client goes out before
// more is waited for; and once the upstream has been silent for a while, somebody sees whether the client is still there.
type answering exchange

// Read reads from the upstream.
func (a *answering) Read(p []byte) (int, error) {
	x := (*exchange)(a)
	if x.record.Status != 0 {
		if x.flush(); x.writeErr != nil {
			return 0, x.writeErr
		}
	}
	for {
		now := time.Now()
		if x.isHeadSlow(now) {
			if err := x.silent(os.ErrDeadlineExceeded); err != nil {
				return 0, err
			}
		}
		if x.watch.running() {
			x.up.read.move(x.headBy)
		} else {
			x.up.read.set(now, x.patience(now), silence/5)
		}
		if x.gone.Load() {
			return 0, errLeft
		}
		n, err := x.up.Conn.Read(p)
		if n > 0 || !expired(err) {
			return n, err
		}
		if err := x.silent(err); err != nil {
			return 0, err
		}
	}
}

// patience is how long the upstream may be silent before somebody looks.
func (x *exchange) patience(now time.Time) time.Duration {
	if x.headBy.IsZero() {
		return silence
	}
	return min(silence, x.headBy.Sub(now))
}

// isHeadSlow reports whether the reply's head has been waited for for a while. An upstream that sends it in small pieces,
// or interim replies without end, is never silent.
func (x *exchange) isHeadSlow(now time.Time) bool {
	return !x.headBy.IsZero() && x.headBy.Sub(now) <= max(time.Duration(x.settings.Config.Timeout)-silence, 0)
}

// silent is called when the upstream has been silent, or its head slow, for a while; it returns the reason not to wait any
// longer.
func (x *exchange) silent(timeout error) error {
	if x.upload.running() { // it reads, and so notices itself
		x.awaitHeadFrom(time.Now()) // the request is not sent yet
		return nil
	}
	if x.upload.started() {
		x.awaitHeadFrom(x.upload.over)
	}
	switch {
	case x.gone.Load():
		return errLeft
	case x.upload.readErr != nil:
		return x.upload.readErr
	case !x.headBy.IsZero() && !time.Now().Before(x.headBy):
		return timeout
	case !x.watch.running():
		x.watch.start(x.conn, func() {
			x.gone.Store(true)
			_ = x.up.SetReadDeadline(past) // fails if it is closed, which is as well
		})
	}
	return nil
}

// awaitHeadFrom gives the upstream the time for the reply's head anew, from the end of the request on.
func (x *exchange) awaitHeadFrom(sent time.Time) {
	if by := sent.Add(time.Duration(x.settings.Config.Timeout)); !x.headBy.IsZero() && by.After(x.headBy) {
		x.headBy = by
	}
}
