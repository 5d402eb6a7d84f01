package live

import (
	"context"
	"encoding/json"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// The kinds of a feed's events, but for what the admin API adds about a stream itself.
const (
	KindChange      = "change"      // of the state, by a caller
	KindExpiry      = "expiry"      // of the state, by itself
	KindExchange    = "exchange"    // that is over, one of a sample
	KindConnections = "connections" // of clients, opened and closed
	KindFigures     = "figures"     // of a second
)

// maxListed bounds the connections that an event names.
const maxListed = 25

// Watch puts together what can be watched. Its fields are set before the first use and not changed.
type Watch struct {
	Feed    *Feed
	Series  *Series
	Sampler *Sampler

	// State gives the state in force. It is [control.Controller.State].
	State func() *control.State
	// Tallies are those of the proxies. It is [proxy.Engine.Tallies].
	Tallies func() []*proxy.Tally
	// Connections are those of the clients. It is [proxy.Engine.Connections].
	Connections func() []proxy.Connection
	// View makes of an exchange what is shown of it.
	View func(proxy.Exchange) any

	open map[uint64]proxy.Connection       // as of the last second; nil = nobody watched then
	hits map[*faults.Counter]faults.Status // likewise
}

// Observe is a [proxy.Observer].
func (w *Watch) Observe(e *proxy.Exchange) {
	w.Series.Observe(e)
	w.Sampler.Observe(e)
}

// Run ends each second, and feeds what happens, until ctx is done.
func (w *Watch) Run(ctx context.Context) {
	next := time.NewTimer(untilSecond(time.Now()))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.Sampler.Taken:
			w.exchanges()
		case <-next.C:
			now := time.Now()
			w.exchanges()
			w.second(now)
			next.Reset(untilSecond(time.Now()))
		}
	}
}

// untilSecond is what is left of a second. Where that is next to nothing, it is the next one: no second ends twice.
func untilSecond(now time.Time) time.Duration {
	left := now.Truncate(time.Second).Add(time.Second).Sub(now)
	if left < 10*time.Millisecond {
		left += time.Second
	}
	return left
}

// exchanges feeds those that were taken.
func (w *Watch) exchanges() {
	for _, e := range w.Sampler.Take() {
		w.add(KindExchange, w.View(e))
	}
}

// second ends a second.
func (w *Watch) second(now time.Time) {
	tallies := w.Tallies()
	proxies := make([]Open, len(tallies))
	for i, t := range tallies {
		proxies[i] = Open{t.Proxy, t.Open.Load()}
	}
	points := w.Series.Tick(now, proxies)
	watched := w.Feed.Watched(now)
	seen := w.Sampler.Refill(watched)
	if !watched {
		w.open, w.hits = nil, nil
		return
	}
	w.connections()
	state := w.State()
	f := Figures{At: now.Truncate(time.Second), Seen: seen, Most: PerSecond, Revision: state.Revision, Proxies: []ProxyFigures{}, Rules: w.rules(state)}
	for i, p := range points {
		f.Proxies = append(f.Proxies, ProxyFigures{proxies[i].Proxy, state.ModeOf(proxies[i].Proxy), p})
	}
	w.add(KindFigures, f)
}

// Figures are those of one second.
type Figures struct {
	At       time.Time      `json:"at"`       // its end
	Revision uint64         `json:"revision"` // of the state, then
	Seen     uint64         `json:"seen"`     // exchanges of all proxies
	Most     int            `json:"most"`     // so many of those that a fault hit are shown as events, and so many of the others
	Proxies  []ProxyFigures `json:"proxies"`
	Rules    []RuleFigures  `json:"rules"` // that matched or hit
}

// ProxyFigures are a proxy's.
type ProxyFigures struct {
	Proxy string `json:"proxy"`
	Mode  string `json:"mode"` // in which it is
	Point
}

// RuleFigures are a rule's.
type RuleFigures struct {
	Rule    string `json:"rule"`
	Proxy   string `json:"proxy,omitempty"`
	Kind    string `json:"kind"`
	Shadow  bool   `json:"shadow,omitempty"` // its hits did nothing
	Matched uint64 `json:"matched"`
	Hit     uint64 `json:"hit"`
}

// rules gives what the rules have done since it was asked last.
func (w *Watch) rules(state *control.State) []RuleFigures {
	did, now := []RuleFigures{}, make(map[*faults.Counter]faults.Status, len(state.Rules))
	for i := range state.Rules {
		r := &state.Rules[i]
		status, last := r.Counter.Status(), w.hits[r.Counter]
		last.Hit = min(last.Hit, status.Hit) // a hit that had no effect is taken back
		now[r.Counter] = status
		if w.hits != nil && (status.Matched > last.Matched || status.Hit > last.Hit) {
			did = append(did, RuleFigures{r.Name, r.Proxy, r.Kind, r.Shadow, status.Matched - last.Matched, status.Hit - last.Hit})
		}
	}
	w.hits = now
	return did
}

// Connections are those that were opened and closed within a second.
type Connections struct {
	Opened int              `json:"opened"` // that are still open at its end
	Closed int              `json:"closed"`
	Which  []ConnectionSeen `json:"which"` // some of them
}

// ConnectionSeen is one of them.
type ConnectionSeen struct {
	ID     uint64 `json:"id"`
	Proxy  string `json:"proxy"`
	Client string `json:"client"`
	What   string `json:"what"` // "opened" or "closed"
}

// connections feeds what became of them since it was called last.
func (w *Watch) connections() {
	list := w.Connections()
	open := make(map[uint64]proxy.Connection, len(list))
	changed := Connections{Which: []ConnectionSeen{}}
	for _, c := range list {
		open[c.ID] = c
		if _, known := w.open[c.ID]; !known {
			changed.Opened++
			changed.note(c, "opened")
		}
	}
	for id, c := range w.open {
		if _, still := open[id]; !still {
			changed.Closed++
			changed.note(c, "closed")
		}
	}
	first := w.open == nil
	w.open = open
	if !first && changed.Opened+changed.Closed > 0 {
		w.add(KindConnections, changed)
	}
}

func (c *Connections) note(of proxy.Connection, what string) {
	if len(c.Which) < maxListed {
		c.Which = append(c.Which, ConnectionSeen{of.ID, of.Proxy, of.Client, what})
	}
}

// add feeds an event.
func (w *Watch) add(kind string, value any) {
	if data, err := json.Marshal(value); err == nil { // always: there is nothing in it that does not marshal
		w.Feed.Add(kind, data)
	}
}
