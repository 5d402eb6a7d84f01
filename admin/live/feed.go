package live

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of a Feed: what it keeps for readers that come back, and how many read at once. The latter leave half of the admin
// API's connections to others.
const (
	maxEvents  = 4096
	maxBytes   = 4 << 20
	MaxReaders = 16
	batchSize  = 256 // events that a reader gets at once
)

// lingering is how long a feed counts as watched once its last reader has left: most come back.
const lingering = 30 * time.Second

// ErrFull refuses a reader while there are [MaxReaders].
var ErrFull = fmt.Errorf("%d read the feed already, and more cannot", MaxReaders)

// Event is one thing that happened.
type Event struct {
	ID   string // names its place in the feed
	Kind string
	Data []byte // JSON
}

// Feed keeps the latest events for whoever reads them. All methods may be called concurrently; none waits for a reader. Make
// one with NewFeed.
type Feed struct {
	name string // of this feed among those of other starts, in the events' IDs

	mu      sync.Mutex // a leaf lock
	events  []Event    // the oldest first
	added   uint64     // how many ever were
	bytes   int
	readers map[*Reader]bool
	left    time.Time // when the last reader left
}

// NewFeed makes an empty feed.
func NewFeed() *Feed {
	return &Feed{name: strconv.FormatInt(time.Now().UnixNano(), 36), readers: make(map[*Reader]bool)}
}

// Add adds an event, and wakes the readers.
func (f *Feed) Add(kind string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.added++
	f.events = append(f.events, Event{f.id(f.added), kind, data})
	f.bytes += len(data)
	for len(f.events) > maxEvents || f.bytes > maxBytes && len(f.events) > 1 {
		f.bytes -= len(f.events[0].Data)
		f.events[0] = Event{} // so that it can be freed before the list is moved
		f.events = f.events[1:]
	}
	for r := range f.readers {
		r.wake()
	}
}

func (f *Feed) id(number uint64) string { return f.name + "-" + strconv.FormatUint(number, 10) }

// Watched reports whether somebody reads the feed, or may be about to come back.
func (f *Feed) Watched(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.readers) > 0 || !f.left.IsZero() && now.Sub(f.left) < lingering
}

// Read begins to read behind the event of an ID; "" = from now on. The reader must be closed.
func (f *Feed) Read(lastID string) (*Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.readers) >= MaxReaders {
		return nil, ErrFull
	}
	r := &Reader{feed: f, seen: f.added, woken: make(chan struct{}, 1)}
	if lastID != "" {
		r.resume(lastID)
	}
	f.readers[r] = true
	r.wake()
	return r, nil
}

// Reader is one who reads a feed. It has one user.
type Reader struct {
	feed  *Feed
	seen  uint64 // how many events of the feed lie behind it
	lost  bool   // it was here before, and nobody knows what it has missed
	woken chan struct{}
}

// resume puts a reader behind the event that it has seen last.
func (r *Reader) resume(lastID string) {
	name, number, _ := strings.Cut(lastID, "-")
	seen, err := strconv.ParseUint(number, 10, 64)
	if err != nil || name != r.feed.name || seen > r.feed.added {
		r.lost = true
		return
	}
	r.seen = seen
}

func (r *Reader) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// Gap says what a reader has missed for good.
type Gap struct {
	Missed uint64 `json:"missed"` // events; 0 = nobody knows
	Reason string `json:"reason"`
}

// Batch is what a reader is given at once.
type Batch struct {
	Last   string // the ID of the last event behind which it reads on
	Gap    *Gap   // before the events; nil = it has missed none
	Events []Event
}

// Next waits until there is something to read. The error is ctx's.
func (r *Reader) Next(ctx context.Context) (Batch, error) {
	for {
		if b := r.take(); b.Gap != nil || len(b.Events) > 0 {
			return b, nil
		}
		select {
		case <-r.woken:
		case <-ctx.Done():
			return Batch{}, context.Cause(ctx)
		}
	}
}

// take gives what there is to read now.
func (r *Reader) take() Batch {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	var b Batch
	oldest := f.added - uint64(len(f.events)) // how many lie before the first that is kept
	switch {
	case r.lost:
		b.Gap, r.lost = &Gap{Reason: "squall was started anew: read the state again"}, false
	case r.seen < oldest:
		b.Gap = &Gap{oldest - r.seen, "read too slowly, or away for too long: read the state again"}
		r.seen = oldest
	}
	begin := int(r.seen - oldest)
	end := min(begin+batchSize, len(f.events))
	b.Events = append(b.Events, f.events[begin:end]...)
	r.seen += uint64(end - begin)
	b.Last = f.id(r.seen)
	return b
}

// Position is the ID of the event behind which a reader reads on.
func (r *Reader) Position() string { return r.feed.id(r.seen) }

// Close ends the reading.
func (r *Reader) Close() {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, r)
	if len(f.readers) == 0 {
		f.left = time.Now()
	}
}
