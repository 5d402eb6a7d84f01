package metrics

import (
	"sync/atomic"

	"github.com/squall-proxy/squall/control"
)

// Changes counts the changes of the state. The zero Changes is ready; all methods may be called concurrently.
type Changes struct {
	made   [len(causes)]atomic.Uint64
	failed atomic.Uint64
}

// causes are why the state changes. Who asked is no label: anybody may call himself anything.
var causes = [...]string{"api", "expiry", "reload"}

// Publish counts a change; control.Config.Publish is where it belongs.
func (c *Changes) Publish(e control.Event) {
	switch {
	case e.Err != nil:
		c.failed.Add(1)
	case e.By == control.ByExpiry:
		c.made[1].Add(1)
	case e.By == control.ByReload:
		c.made[2].Add(1)
	default:
		c.made[0].Add(1)
	}
}
