package live

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// Kept is how long the figures of each second are remembered.
const Kept = 15 * time.Minute

const keptPoints = int(Kept / time.Second)

// class is what an exchange counts as.
type class int

const (
	untouched     class = iota // the upstream's reply, as it came
	touched                    // a fault delayed or changed it, and it is no error
	injectedError              // a fault's error, or end
	realError                  // the upstream's, or it could not be reached
	clientLeft
	classes
)

// classOf is the class of an exchange. An error is no reply, or a status of 400 and more from a fault, 500 and more from an
// upstream: what it says to a client's mistake is none of its own.
func classOf(e *proxy.Exchange) class {
	switch {
	case e.Outcome == proxy.ClientLeft:
		return clientLeft
	case e.Outcome == proxy.RealError:
		return realError
	case e.Outcome == proxy.Injected && (e.Status == 0 || e.Status >= 400):
		return injectedError
	case e.Outcome.ServiceError(e.Status):
		return realError
	case e.Faulted || e.Delayed:
		return touched
	}
	return untouched
}

// Counts are exchanges by what they count as. Their sum is all that are over.
type Counts struct {
	OK             uint64 `json:"ok"`              // the upstream's replies, untouched
	Touched        uint64 `json:"touched"`         // delayed or changed by a fault, and no error
	InjectedErrors uint64 `json:"injected_errors"` // of faults
	RealErrors     uint64 `json:"real_errors"`     // of upstreams
	ClientLeft     uint64 `json:"client_left"`
}

// Sum is all of them.
func (c Counts) Sum() uint64 {
	return c.OK + c.Touched + c.InjectedErrors + c.RealErrors + c.ClientLeft
}

func countsOf(n [classes]uint64) Counts {
	return Counts{n[untouched], n[touched], n[injectedError], n[realError], n[clientLeft]}
}

// Point is what a proxy did in one second, the one that ended at At.
type Point struct {
	At int64 `json:"at"` // Unix time
	Counts
	P50  float32 `json:"p50"` // milliseconds; 0 where there was no exchange
	P95  float32 `json:"p95"`
	P99  float32 `json:"p99"`
	Open int64   `json:"open"` // connections of clients, at its end
}

// record is what a Series knows of one proxy. Its first part is traffic's, the second that of the one who calls Tick.
type record struct {
	counts   [classes]atomic.Uint64
	duration histogram

	lastCounts   [classes]uint64
	lastDuration counted
	points       []Point // of seconds in which something was to be said, the oldest first
}

// Series keeps figures of each second, of each proxy, for the time of [Kept]. The zero Series is ready. Observe may be called
// concurrently with all other methods; Tick has one caller.
type Series struct {
	records sync.Map   // of *record, by the proxy's name; read without a lock
	mu      sync.Mutex // guards the records' points
}

// Observe counts an exchange. It is a [proxy.Observer].
func (s *Series) Observe(e *proxy.Exchange) {
	r := s.record(e.Proxy)
	r.counts[classOf(e)].Add(1)
	r.duration.add(e.Duration)
}

func (s *Series) record(proxyName string) *record {
	if known, ok := s.records.Load(proxyName); ok {
		return known.(*record)
	}
	known, _ := s.records.LoadOrStore(proxyName, new(record))
	return known.(*record)
}

// Tick ends a second: it gives what each of the proxies did in it, in their order, and remembers that. Proxies that are not
// named are forgotten.
func (s *Series) Tick(now time.Time, proxies []Open) []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	points, named := make([]Point, len(proxies)), make(map[string]bool, len(proxies))
	for i, p := range proxies {
		named[p.Proxy] = true
		points[i] = s.record(p.Proxy).tick(now, p.Connections)
	}
	s.records.Range(func(name, _ any) bool {
		if !named[name.(string)] {
			s.records.Delete(name)
		}
		return true
	})
	return points
}

// Open is how many connections of clients a proxy has.
type Open struct {
	Proxy       string
	Connections int64
}

func (r *record) tick(now time.Time, open int64) Point {
	p := Point{At: now.Unix(), Open: open}
	var counts [classes]uint64
	for i := range r.counts {
		n := r.counts[i].Load()
		counts[i], r.lastCounts[i] = n-r.lastCounts[i], n
	}
	p.Counts = countsOf(counts)
	if p.Sum() > 0 {
		between, sum := r.duration.since(&r.lastDuration)
		p.P50, p.P95, p.P99 = milliseconds(between.quantile(0.5, sum)), milliseconds(between.quantile(0.95, sum)), milliseconds(between.quantile(0.99, sum))
	}
	r.points = r.within(p.At)
	if p.Sum() > 0 || open > 0 || len(r.points) > 0 {
		r.points = append(r.points, p)
	}
	return p
}

// within gives the points that are still to be remembered. What lies before them goes when append moves them.
func (r *record) within(now int64) []Point {
	kept := r.points
	for len(kept) > 0 && kept[0].At <= now-int64(keptPoints) {
		kept = kept[1:]
	}
	return kept
}

func milliseconds(d time.Duration) float32 { return float32(d) / float32(time.Millisecond) }

// History is what is remembered of one proxy.
type History struct {
	Total  Counts  // since it was first seen
	Points []Point // the oldest first; seconds that are missing had neither exchanges nor connections
}

// History gives what is remembered of a proxy since then.
func (s *Series) History(proxyName string, from time.Time) History {
	known, ok := s.records.Load(proxyName)
	if !ok {
		return History{}
	}
	r := known.(*record)
	var total [classes]uint64
	for i := range r.counts {
		total[i] = r.counts[i].Load()
	}
	h := History{Total: countsOf(total)}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range r.points {
		if r.points[i].At > from.Unix() {
			h.Points = append(h.Points, r.points[i:]...)
			break
		}
	}
	return h
}
