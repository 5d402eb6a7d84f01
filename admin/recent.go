package admin

import (
	"strings"
	"sync"

	"github.com/squall-proxy/squall/proxy"
)

// maxKept bounds, in bytes, each text that an exchange is remembered with: clients choose them.
const maxKept = 1024

// Recent remembers the latest exchanges, a bounded number of them. All methods may be called concurrently.
type Recent struct {
	mu    sync.Mutex // a leaf lock of the data path: held for the copy of one exchange
	ring  []proxy.Exchange
	added uint64 // how many ever were; the next goes to added % len(ring)
}

// NewRecent makes room for a number of exchanges, at least one.
func NewRecent(size int) *Recent {
	return &Recent{ring: make([]proxy.Exchange, max(size, 1))}
}

// Add remembers an exchange in place of the oldest one. It is a [proxy.Observer], and cheap: what the exchange has to
// say is spelt out when somebody asks.
func (c *Recent) Add(e proxy.Exchange) {
	e.Client, e.Method, e.Host, e.Path = clip(e.Client), clip(e.Method), clip(e.Host), clip(e.Path)
	e.RequestID, e.Error, e.FaultPanic = clip(e.RequestID), clip(e.Error), clip(e.FaultPanic)
	c.mu.Lock()
	c.ring[c.added%uint64(len(c.ring))] = e
	c.added++
	c.mu.Unlock()
}

// clip cuts a long text, and copies what is left: else the whole would be kept with it.
func clip(text string) string {
	if len(text) <= maxKept {
		return text
	}
	return strings.Clone(shorten(text, maxKept))
}

// len is how many exchanges can be remembered.
func (c *Recent) len() int { return len(c.ring) }

// at gives the exchange that was added i-th from the last, from 0; false if it is not remembered. last is what newest
// gave, so that a walk is not moved by what is added meanwhile.
func (c *Recent) at(last uint64, i int) (proxy.Exchange, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	number := last - uint64(i) // counted from 1; wraps for what never was
	if i < 0 || uint64(i) >= last || c.added-number >= uint64(len(c.ring)) {
		return proxy.Exchange{}, false
	}
	return c.ring[(number-1)%uint64(len(c.ring))], true
}

// newest counts the exchanges that were ever added.
func (c *Recent) newest() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.added
}
