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

// Recent remembers the latest exchanges, a bounded number of them, and of more of them that of which a verdict is made. They
// are one list: an exchange that is no longer among the latest is cut down where it lies. All methods may be called
// concurrently.
type Recent struct {
	whole, judged uint64
	size          uint64             // the larger of the two
	mu            sync.Mutex         // a leaf lock of the data path: held for the copy of one exchange
	pages         [][]proxy.Exchange // of a ring, made when they are first needed
	added         uint64             // how many ever were; the next goes to place added % size
}

// perPage is how many exchanges have their room made at once: a squall that sees little stays small.
const perPage = 256

// NewRecent makes room for the latest exchanges as a whole, at least one of them, and for a number of exchanges, these among
// them, of which a verdict can be made; 0 = of none. Those that are not whole take half a kilobyte, and at most one more where
// their texts are long and no other's.
func NewRecent(whole, judged int) *Recent {
	whole, judged = max(whole, 1), max(judged, 0)
	size := max(whole, judged)
	return &Recent{
		whole: uint64(whole), judged: uint64(judged), size: uint64(size), pages: make([][]proxy.Exchange, (size+perPage-1)/perPage),
	}
}

// Add remembers an exchange in place of the oldest one. It is a [proxy.Observer], and cheap: what the exchange has to
// say is spelt out when somebody asks.
func (c *Recent) Add(e *proxy.Exchange) {
	c.mu.Lock()
	place := c.place(c.added)
	*place = *e
	clipTexts(place)
	if c.size > c.whole && c.added >= c.whole {
		keepForVerdict(c.place(c.added - c.whole))
	}
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
	e.Error, e.FaultPanic, e.Faults, e.Front, e.Trace = "", "", faults.Record{}, nil, nil
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

// at gives the exchange that was added i-th from the last, from 0; false if it is not among the latest ones that are asked
// for, whole or judged. last is what newest gave, so that a walk is not moved by what is added meanwhile.
func (c *Recent) at(last uint64, i int, latest uint64) (proxy.Exchange, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	number := last - uint64(i) // counted from 1; wraps for what never was
	if i < 0 || uint64(i) >= last || c.added-number >= latest {
		return proxy.Exchange{}, false
	}
	return *c.place(number - 1), true
}

// judges reports whether verdicts can be made at all.
func (c *Recent) judges() bool { return c != nil && c.judged > 0 }

// all gives the exchanges that are wanted and of which a verdict can be made, the oldest first.
func (c *Recent) all(wanted func(*proxy.Exchange) bool) []proxy.Exchange {
	var all []proxy.Exchange
	last := c.newest()
	for i := int(min(c.judged, last)) - 1; i >= 0; i-- {
		if e, ok := c.at(last, i, c.judged); ok && wanted(&e) {
			all = append(all, e)
		}
	}
	return all
}

// forgets reports whether an exchange that was under way at a time, or later, may be forgotten for verdicts.
func (c *Recent) forgets(from time.Time) bool {
	last := c.newest()
	if last <= c.judged {
		return false
	}
	for i := int(c.judged) - 1; i >= 0; i-- { // the oldest may be forgotten meanwhile
		if e, ok := c.at(last, i, c.judged); ok {
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
