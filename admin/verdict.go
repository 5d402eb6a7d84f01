package admin

import (
	"bytes"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/verdict"
)

// VerdictQuery says on what a verdict is asked for.
type VerdictQuery struct {
	Proxies []string   `json:"proxies,omitempty"`      // that the client calls; none = every one but Caller
	Client  string     `json:"client,omitempty"`       // the client's address, without a port; "" = whoever calls
	Caller  string     `json:"caller_proxy,omitempty"` // through which the client's own callers call it; "" = none
	Since   *time.Time `json:"since,omitempty"`        // leaves out what began before; nil = nothing

	// As of [verdict.Input].
	Phases     []verdict.Phase    `json:"phases,omitempty"`
	Demand     float64            `json:"demand,omitempty"`
	Distinct   bool               `json:"distinct,omitempty"`
	Thresholds map[string]float64 `json:"thresholds,omitempty"`
	Weights    map[string]int     `json:"weights,omitempty"`
	Require    []string           `json:"require,omitempty"`
}

// getVerdict answers GET /admin/verdict.
func (d *desk) getVerdict(r *http.Request) (answer, error) {
	p, err := readParams(r, "proxy", "client", "since", "caller_proxy", "demand", "distinct", "weights", "require", "format", "fail_on")
	if err != nil {
		return answer{}, err
	}
	q := VerdictQuery{Client: p["client"], Caller: p["caller_proxy"]}
	if p["proxy"] != "" {
		q.Proxies = []string{p["proxy"]}
	}
	if since, err := p.since(time.Now(), "nothing else"); err != nil || since.seen != 0 {
		return answer{}, refusef(http.StatusBadRequest, "since", "want an instant such as 2006-01-02T15:04:05Z, or a time back such as 30s")
	} else if !since.at.IsZero() {
		q.Since = &since.at
	}
	if q.Distinct, err = p.flag("distinct"); err != nil {
		return answer{}, err
	}
	if text := p["demand"]; text != "" {
		if q.Demand, err = strconv.ParseFloat(text, 64); err != nil {
			return answer{}, refusef(http.StatusBadRequest, "demand", "want calls a second, got %q", shorten(text, maxLogged))
		}
	}
	if q.Weights, err = p.weights(); err != nil {
		return answer{}, err
	}
	if text := p["require"]; text != "" {
		q.Require = strings.Split(text, ",")
	}
	return d.verdict(r, p, q)
}

// weights reads those of backends, as in service1=3,service2=1; absent = none.
func (p params) weights() (map[string]int, error) {
	if p["weights"] == "" {
		return nil, nil
	}
	weights := map[string]int{}
	for part := range strings.SplitSeq(p["weights"], ",") {
		name, text, _ := strings.Cut(part, "=")
		weight, err := strconv.Atoi(text)
		if _, twice := weights[name]; err != nil || twice {
			return nil, refusef(http.StatusBadRequest, "weights", "want each proxy once, as in service1=3,service2=1, got %q", shorten(part, maxLogged))
		}
		weights[name] = weight
	}
	return weights, nil
}

// postVerdict answers POST /admin/verdict, which changes nothing: the phases of a course and thresholds need a document.
func (d *desk) postVerdict(r *http.Request) (answer, error) {
	p, err := readParams(r, "format", "fail_on")
	if err != nil {
		return answer{}, err
	}
	var q VerdictQuery
	sent, err := decode(r, &q)
	if err != nil {
		return answer{}, err
	}
	a, err := d.verdict(r, p, q)
	var place *document.Error
	if errors.As(err, &place) {
		err = document.Locate(sent, err)
	}
	return a, err
}

// verdict judges, and writes what it finds in the form that is asked for.
func (d *desk) verdict(r *http.Request, p params, q VerdictQuery) (answer, error) {
	if !d.Recent.judges() {
		return answer{}, refusef(http.StatusConflict, "", "no exchanges are kept here that a verdict could be made of (squall serve --verdict-history)")
	}
	form, err := formOf(r, p)
	if err != nil {
		return answer{}, err
	}
	failOn := verdict.Grade(strings.ToUpper(p["fail_on"]))
	if failOn == "" {
		failOn = verdict.Fail
	}
	if failOn != verdict.Warn && failOn != verdict.Fail {
		return answer{}, refusef(http.StatusBadRequest, "fail_on", "want warn or fail, got %q", shorten(p["fail_on"], maxLogged))
	}
	select { // one at a time: each copies the whole history
	case d.judging <- struct{}{}:
		defer func() { <-d.judging }()
	case <-r.Context().Done():
		return answer{}, r.Context().Err()
	}
	report, err := d.judge(q, time.Now())
	if err != nil {
		return answer{}, err
	}
	if form.name == "json" {
		return answer{body: report}, nil
	}
	var text bytes.Buffer
	err = form.write(report, &text, failOn)
	return answer{text: text.String(), kind: form.kind}, err
}

// judge judges what is remembered.
func (d *desk) judge(q VerdictQuery, now time.Time) (verdict.Report, error) {
	if err := q.check(d.Controller.State()); err != nil {
		return verdict.Report{}, err
	}
	in := verdict.Input{
		Phases: q.Phases, Demand: q.Demand, Distinct: q.Distinct, Now: now, Thresholds: q.Thresholds, Weights: q.Weights, Require: q.Require,
	}
	if q.Caller != "" {
		tap := d.tap(q.Since, func(name, _ string) bool { return name == q.Caller })
		in.Caller = &tap
	}
	in.Client = d.tap(q.Since, func(name, client string) bool {
		return q.calls(name) && (q.Client == "" || client == q.Client)
	})
	report, err := verdict.Judge(in)
	report.Records.Overrun = q.Since != nil && d.Recent.forgets(*q.Since)
	return report, err
}

// check refuses proxies that there are not, and such as cannot be what they are named for.
func (q VerdictQuery) check(state *control.State) error {
	named := map[string]string{} // proxies by field
	for i, name := range q.Proxies {
		named["proxies["+strconv.Itoa(i)+"]"] = name
	}
	for name := range q.Weights {
		named["weights."+name] = name
	}
	if q.Caller != "" {
		named["caller_proxy"] = q.Caller
	}
	for _, field := range slices.Sorted(maps.Keys(named)) {
		if _, err := state.Proxy(named[field]); err != nil {
			return document.Errorf(field, "there is no proxy %q", named[field])
		}
	}
	if _, err := netip.ParseAddr(q.Client); q.Client != "" && err != nil {
		return document.Errorf("client", "want an address without a port, got %q", shorten(q.Client, maxLogged))
	}
	if slices.Contains(q.Proxies, q.Caller) {
		return document.Errorf("caller_proxy", "the client itself calls it")
	}
	for _, name := range slices.Sorted(maps.Keys(q.Weights)) {
		if !q.calls(name) {
			return document.Errorf("weights."+name, "it is none of the proxies that the client calls")
		}
	}
	return nil
}

// calls reports whether the client calls the proxy, as far as the query says.
func (q VerdictQuery) calls(name string) bool {
	return slices.Contains(q.Proxies, name) || len(q.Proxies) == 0 && name != q.Caller
}

// tap gives what is remembered of the proxies and clients that are wanted.
func (d *desk) tap(since *time.Time, wanted func(proxyName, client string) bool) verdict.Tap {
	var from time.Time
	if since != nil {
		from = *since
	}
	t := verdict.Tap{Exchanges: d.Recent.all(func(e *proxy.Exchange) bool {
		return !e.At.Before(from) && wanted(e.Proxy, e.Client)
	})}
	if d.Connections == nil {
		return t
	}
	for _, c := range append(d.Connections.ClosedConnections(), d.Connections.Connections()...) {
		host, _, _ := net.SplitHostPort(c.Client) // always an address and a port
		if (c.Closed.IsZero() || !c.Closed.Before(from)) && wanted(c.Proxy, host) {
			t.Connections = append(t.Connections, c)
		}
	}
	return t
}
