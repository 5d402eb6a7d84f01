package admin

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/squall-proxy/squall/admin/live"
	"github.com/squall-proxy/squall/control"
)

// Bounds of what an Audit remembers: so many changes, and so many bytes of what they changed.
const (
	AuditChanges = 1000
	AuditBytes   = 16 << 20
)

// Change is what the audit says of one change, or of trouble with one.
type Change struct {
	Revision uint64    `json:"revision"` // the one that it made
	At       time.Time `json:"at"`
	By       string    `json:"by"`              // an address, or "expiry"
	Ended    []string  `json:"ended,omitempty"` // of an expiry: what ran out, such as "mode" and "rules.NAME"

	// Before and After are the parts of the state that differ, each as compact JSON: mode, seed and halted; of modes,
	// profiles and leases those of other content, by name; of rules and proxies the stretch of the list between the
	// first and the last that was replaced. A rule that stands in both was started anew.
	Before map[string]json.RawMessage `json:"before"`
	After  map[string]json.RawMessage `json:"after"`

	// Error is what an expiry failed at. It is tried again.
	Error string `json:"error,omitempty"`
}

// Audit remembers the latest changes: at most [AuditChanges], and of these as many as [AuditBytes] have room for. Make one
// with NewAudit; all methods may be called concurrently.
type Audit struct {
	// Feed is told of every change, too. It is set before the first use. May be nil: then nobody is.
	Feed *live.Feed

	mu      sync.Mutex // a leaf lock
	changes []Change   // in the order in which they were made
	bytes   int        // the size of all
}

// NewAudit makes an audit without changes.
func NewAudit() *Audit { return &Audit{} }

// Publish remembers a change; control.Config.Publish is where it belongs. Trouble that goes on is remembered once.
func (a *Audit) Publish(e control.Event) {
	c := changeOf(e)
	a.mu.Lock()
	defer a.mu.Unlock()
	if last := len(a.changes) - 1; c.Error != "" && last >= 0 && a.changes[last].Error == c.Error && a.changes[last].Revision == c.Revision {
		return
	}
	if a.Feed != nil {
		tell(a.Feed, c)
	}
	a.changes = append(a.changes, c)
	a.bytes += c.size()
	for len(a.changes) > AuditChanges || a.bytes > AuditBytes && len(a.changes) > 1 {
		a.bytes -= a.changes[0].size()
		a.changes[0] = Change{} // so that it can be freed before the list is moved
		a.changes = a.changes[1:]
	}
}

func changeOf(e control.Event) Change {
	c := Change{Revision: e.Revision, At: e.At, By: e.By, Ended: e.What}
	c.Before, c.After = differences(e.Before, e.After)
	if e.Err != nil {
		c.Error = e.Err.Error()
	}
	return c
}

// size is how many bytes of a change others can choose.
func (c *Change) size() int {
	size := len(c.Error)
	for _, name := range c.Ended {
		size += len(name)
	}
	for _, parts := range []map[string]json.RawMessage{c.Before, c.After} {
		for _, part := range parts {
			size += len(part)
		}
	}
	return size
}

// list gives the changes since then, at most so many, the latest first.
func (a *Audit) list(from since, limit int) []Change {
	list := []Change{}
	if a == nil {
		return list
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := len(a.changes) - 1; i >= 0 && len(list) < limit; i-- {
		c := a.changes[i]
		if c.At.Before(from.at) || from.seen != 0 && c.Revision <= from.seen {
			break
		}
		list = append(list, c)
	}
	return list
}
