package breaker

import (
	"fmt"
	"strings"
	"time"
)

// State is one of the three states of a breaker.
type State int

const (
	Closed   State = iota // calls pass, and are counted
	Open                  // no call passes
	HalfOpen              // a few calls pass, to see how the service is
)

// String is the name in words: "closed", "open", "half-open".
func (s State) String() string { return [...]string{"closed", "open", "half-open"}[s] }

// Key says whose breaker it is: calls that fail apart have breakers apart.
type Key struct{ Method, Host, Route string }

// String is the key as in a request line: "GET shop.test/orders".
func (k Key) String() string { return strings.TrimSpace(k.Method + " " + k.Host + k.Route) }

// Change is one change of a breaker's state.
type Change struct {
	Key      Key
	From, To State
	At       time.Time
	Why      string    // in words: "16 of the last 20 failed"
	Until    time.Time // of Open: when the first probe may go; zero if somebody forced it open
}

// String is the change in words: "CLOSED -> OPEN: 16 of the last 20 failed; probing in 0.8 s".
func (c Change) String() string {
	text := strings.ToUpper(fmt.Sprintf("%v -> %v", c.From, c.To)) + ": " + c.Why
	if !c.Until.IsZero() {
		text += fmt.Sprintf("; probing in %s s", seconds(c.Until.Sub(c.At)))
	}
	return text
}

// OpenError is why a call was held back.
type OpenError struct {
	Key       Key
	State     State         // Open, or HalfOpen with all permits taken
	Remaining time.Duration // for how long yet no call passes; 0 if that is not known
}

func (e *OpenError) Error() string {
	text := fmt.Sprintf("circuit breaker of %v is %v", e.Key, e.State)
	if e.Remaining > 0 {
		text += fmt.Sprintf(" for another %s s", seconds(e.Remaining))
	}
	return text
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3g", d.Seconds()) }

// keep is how many changes a breaker remembers.
const keep = 32

// queue hands changes to whoever wants to know, one at a time and in order, outside of the breaker's lock.
type queue struct {
	history []Change // the latest keep
	pending []Change
	telling bool // somebody is at it
}

func (q *queue) push(c Change) {
	if len(q.history) == keep {
		q.history = q.history[1:]
	}
	q.history = append(q.history, c)
	q.pending = append(q.pending, c)
}

// unlock ends a step of the breaker, and tells what has changed in it. A change that comes while another goroutine, or
// this one further up, is telling is told there.
func (b *Breaker) unlock() {
	for len(b.changes.pending) > 0 && !b.changes.telling {
		next := b.changes.pending[0]
		b.changes.pending = b.changes.pending[1:]
		b.changes.telling = true
		b.mu.Unlock()
		b.changed(next)
		b.mu.Lock()
		b.changes.telling = false
	}
	b.mu.Unlock()
}
