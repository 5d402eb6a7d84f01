package http1

import (
	"errors"
	"net"
	"os"
	"time"
)

// deadline is the read deadline of a connection. Moving it takes a lock and may wake a thread, so it stays where it is
// as long as that is near enough.
type deadline struct {
	conn net.Conn
	at   time.Time // zero = none
}

// set moves the deadline to a limit from now, or up to slack behind it.
func (d *deadline) set(now time.Time, limit, slack time.Duration) {
	if left := d.at.Sub(now); left >= limit && left <= limit+slack {
		return
	}
	d.move(now.Add(limit + slack))
}

// move moves the deadline; the zero time takes it away.
func (d *deadline) move(t time.Time) {
	if d.at.Equal(t) {
		return
	}
	d.at = t
	_ = d.conn.SetReadDeadline(t) // fails with the connection, which reading tells
}

// past is a deadline that ends a read at once.
var past = time.Unix(1, 0)

// expired reports whether an error is that of a deadline.
func expired(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
