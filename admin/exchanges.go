package admin

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// maxDecisions bounds a list whatever its limit, by the decisions in it: each exchange has one for every rule.
const maxDecisions = 200_000

// Exchange is what answers say of one request and its reply.
type Exchange struct {
	ID               uint64            `json:"id"`
	Proxy            string            `json:"proxy"`
	At               time.Time         `json:"at"`
	Client           string            `json:"client"`
	Method           string            `json:"method"`
	Host             string            `json:"host"`
	Path             string            `json:"path"`
	Status           int               `json:"status"` // sent to the client; 0 = none
	RequestBytes     int64             `json:"request_bytes"`
	ResponseBytes    int64             `json:"response_bytes"`
	Duration         Duration          `json:"duration"`
	UpstreamDuration Duration          `json:"upstream_duration"`
	UpstreamAttempts int               `json:"upstream_attempts"`
	Outcome          proxy.Outcome     `json:"outcome"`
	ClosedBy         proxy.Side        `json:"closed_by,omitempty"` // who ended the connection, or the stream, with it; none = nobody
	Error            string            `json:"error,omitempty"`
	Flags            []string          `json:"flags"`
	RequestID        string            `json:"request_id"`
	Front            *Front            `json:"front,omitempty"`
	Faults           []faults.Decision `json:"faults"` // every rule that was reached, and why it did not hit
}

// Front is the proxy through which a request has come, as its header fields say; nobody vouches for them.
type Front struct {
	Peer   string     `json:"peer"`            // its address
	Name   string     `json:"name,omitempty"`  // its pseudonym in Via; none = it gives none
	Client netip.Addr `json:"client,omitzero"` // for which it asks; none = it does not say
}

// Duration is a span of time that answers write as Go does: "1.5ms".
type Duration time.Duration

// String writes the duration as Go does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration as Go does.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// exchangesView is the answer to GET /admin/exchanges.
type exchangesView struct {
	Exchanges []Exchange `json:"exchanges"`
	// Truncated says of a list since something that it may not be whole: the limit was reached, or older ones are forgotten.
	Truncated bool `json:"truncated,omitempty"`
}

// exchangeView spells an exchange out; its decisions are those given.
func exchangeView(e proxy.Exchange, decisions []faults.Decision) Exchange {
	if decisions == nil {
		decisions = []faults.Decision{}
	}
	return Exchange{
		ID: e.ID, Proxy: e.Proxy, At: e.At, Client: e.Client, Method: e.Method, Host: e.Host, Path: e.Path,
		Status: e.Status, RequestBytes: e.RequestBytes, ResponseBytes: e.ResponseBytes, Duration: Duration(e.Duration),
		UpstreamDuration: Duration(e.UpstreamDuration), UpstreamAttempts: e.UpstreamAttempts, Outcome: e.Outcome,
		ClosedBy: e.Attempt.ClosedBy, Error: e.Error, Flags: e.Flags(), RequestID: e.RequestID, Front: (*Front)(e.Front), Faults: decisions,
	}
}

// exchangeQuery says which exchanges are asked for. What is not given holds for all.
type exchangeQuery struct {
	proxy   string
	rule    string // was reached by it; with hit, hit by it
	hit     *bool
	outcome proxy.Outcome
	since   since
	limit   int
}

// getExchanges answers GET /admin/exchanges, the latest first.
func (d *desk) getExchanges(r *http.Request) (answer, error) {
	p, err := readParams(r, "proxy", "rule", "hit", "outcome", "since", "limit")
	if err != nil {
		return answer{}, err
	}
	q, err := p.exchangeQuery(time.Now())
	if err != nil {
		return answer{}, err
	}
	return answer{body: d.Recent.list(q)}, nil
}

// list gives the exchanges that a query asks for, the latest first.
func (c *Recent) list(q exchangeQuery) exchangesView {
	v := exchangesView{Exchanges: []Exchange{}}
	if c == nil {
		return v
	}
	last, decided, ended := c.newest(), 0, time.Time{}
	for i := 0; ; i++ {
		e, ok := c.at(last, i, c.whole)
		if !ok {
			v.Truncated = q.since.seen != 0 || !q.since.at.IsZero() && uint64(i) < last && ended.After(q.since.at)
			return v
		}
		if q.since.seen != 0 && e.ID == q.since.seen {
			return v
		}
		ended = e.At.Add(e.Duration)
		decisions, ok := q.match(e)
		if !ok {
			continue
		}
		if len(v.Exchanges) == q.limit || decided >= maxDecisions {
			v.Truncated = q.since != since{}
			return v
		}
		v.Exchanges = append(v.Exchanges, exchangeView(e, decisions))
		decided += len(decisions)
	}
}

// match reports whether an exchange is asked for, and gives its decisions. The cheap conditions come first.
func (q *exchangeQuery) match(e proxy.Exchange) ([]faults.Decision, bool) {
	if q.proxy != "" && e.Proxy != q.proxy || q.outcome != "" && e.Outcome != q.outcome || e.At.Before(q.since.at) {
		return nil, false
	}
	decisions := e.Faults.Decisions()
	reached := q.rule == "" || slices.ContainsFunc(decisions, func(d faults.Decision) bool { return d.Rule == q.rule })
	hit := slices.ContainsFunc(decisions, func(d faults.Decision) bool {
		return d.Outcome == faults.Hit && (q.rule == "" || d.Rule == q.rule)
	})
	return decisions, reached && (q.hit == nil || *q.hit == hit)
}

// exchangeQuery reads a query. An empty parameter counts as absent.
func (p params) exchangeQuery(now time.Time) (exchangeQuery, error) {
	q := exchangeQuery{proxy: p["proxy"], rule: p["rule"], outcome: proxy.Outcome(p["outcome"])}
	outcomes := []proxy.Outcome{"", proxy.OK, proxy.Injected, proxy.RealError, proxy.ClientLeft}
	if !slices.Contains(outcomes, q.outcome) {
		return q, refusef(http.StatusBadRequest, "outcome", "want one of %v, got %q", outcomes[1:], shorten(p["outcome"], maxLogged))
	}
	if text := p["hit"]; text != "" {
		hit, err := p.flag("hit")
		if err != nil {
			return q, err
		}
		q.hit = &hit
	}
	var err error
	if q.limit, err = p.limit(); err != nil {
		return q, err
	}
	q.since, err = p.since(now, "an exchange's id")
	return q, err
}
