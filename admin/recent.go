package admin

import (
	"strings"
	"sync"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// maxKept bounds, in bytes, each text that an exchange is remembered with: clients choose them.
const maxKept = 1024

// maxJudged is the same for an exchange that is remembered for a verdict.
const maxJudged = 128

// Recent remembers the latest exchanges, a bounded number of them. All methods may be called concurrently.
type Recent struct {
	keep  func(*proxy.Exchange) // takes away what is not remembered of an exchange
	size  uint64
	mu    sync.Mutex         // a leaf lock of the data path: held for the copy of one exchange
	pages [][]proxy.Exchange // of a ring, made when they are first needed
	added uint64             // how many ever were; the next goes to place added % size
}

// perPage is how many exchanges have their room made at once: a squall that sees little stays small.
const perPage = 256

// NewRecent makes room for a number of exchanges, at least one.
func NewRecent(size int) *Recent {
	return newRecent(size, clipTexts)
}

// NewHistory makes room for a number of exchanges, at least one, of each of which only that is remembered of which a verdict
// is made: half a kilobyte, and at most one more where its texts are long and no other's.
func NewHistory(size int) *Recent {
	return newRecent(size, keepForVerdict)
}

func newRecent(size int, keep func(*proxy.Exchange)) *Recent {
	size = max(size, 1)
	return &Recent{keep: keep, size: uint64(size), pages: make([][]proxy.Exchange, (size+perPage-1)/perPage)}
}

// Add remembers an exchange in place of the oldest one. It is a [proxy.Observer], and cheap: what the exchange has to
// say is spelt out when somebody asks, and what is not kept is taken away in its place: a copy for that would be made on the heap.
func (c *Recent) Add(e proxy.Exchange) {
	c.mu.Lock()
	place := c.place(c.added)
	*place = e
	c.keep(place)
	c.added++
	c.mu.Unlock()
}

// place is where an exchange lies, by how many were added before it. The lock is held.
func (c *Recent) place(before uint64) *proxy.Exchange {
	i := before % c.size
	page := &c.pages[i/perPage]
	if *page == nil {
		*page = make([]proxy.Exchange, perPage)
	}
	return &(*page)[i%perPage]
}

// clipTexts cuts the texts that clients choose, and lets go of the trace.
func clipTexts(e *proxy.Exchange) {
	e.Trace = nil
	for _, text := range []*string{&e.Client, &e.Method, &e.Host, &e.Path, &e.RequestID, &e.Error, &e.FaultPanic} {
		*text = clip(*text, maxKept)
	}
}

// keepForVerdict leaves what a verdict looks at, and a path to be shown.
func keepForVerdict(e *proxy.Exchange) {
	e.Error, e.FaultPanic, e.Faults, e.Trace = "", "", faults.Record{}, nil
	for _, text := range []*string{&e.Client, &e.Method, &e.Host, &e.Path, &e.RequestID} {
		*text = clip(*text, maxJudged)
	}
}

// clip cuts a long text, and copies what is left: else the whole would be kept with it.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.Clone(shorten(text, most))
}

// len is how many exchanges can be remembered.
func (c *Recent) len() int { return int(c.size) }

// at gives the exchange that was added i-th from the last, from 0; false if it is not remembered. last is what newest
// gave, so that a walk is not moved by what is added meanwhile.
func (c *Recent) at(last uint64, i int) (proxy.Exchange, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	number := last - uint64(i) // counted from 1; wraps for what never was
	if i < 0 || uint64(i) >= last || c.added-number >= c.size {
		return proxy.Exchange{}, false
	}
	return *c.place(number - 1), true
}

// all gives the exchanges that are wanted, the oldest first.
func (c *Recent) all(wanted func(*proxy.Exchange) bool) []proxy.Exchange {
	if c == nil {
		return nil
	}
	var all []proxy.Exchange
	last := c.newest()
	for i := min(c.len(), int(last)) - 1; i >= 0; i-- {
		if e, ok := c.at(last, i); ok && wanted(&e) {
			all = append(all, e)
		}
	}
	return all
}

// forgets reports whether an exchange that was under way at a time, or later, may be forgotten.
func (c *Recent) forgets(from time.Time) bool {
	if c == nil {
		return false
	}
	last := c.newest()
	if last <= c.size {
		return false
	}
	for i := c.len() - 1; i >= 0; i-- { // the oldest may be forgotten meanwhile
		if e, ok := c.at(last, i); ok {
			return e.At.Add(e.Duration).After(from)
		}
	}
	return true
}

// newest counts the exchanges that were ever added.
func (c *Recent) newest() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.added
}
