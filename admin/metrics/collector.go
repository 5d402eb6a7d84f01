package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// Collector is a [prometheus.Collector] of what squall has counted. Its fields are set before the first use and not changed.
type Collector struct {
	// Tallies are those of the proxies. It is [proxy.Engine.Tallies].
	Tallies func() []*proxy.Tally
	// AcceptFailures gives a running proxy's, nil if there were none. It is [proxy.Engine.AcceptFailures].
	AcceptFailures func(proxyName string) *proxy.AcceptFailures
	// State gives the state in force. It is [control.Controller.State].
	State func() *control.State
	// Changes are those of the state.
	Changes *Changes
	// Version is squall's.
	Version string
}

// Describe names no metric, so that the registry checks them as they are collected.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect gives what is counted now. While traffic flows its figures are not of one instant.
func (c *Collector) Collect(collected chan<- prometheus.Metric) {
	out := exposition{collected}
	state := c.State()
	force := rulesOf(state)
	for _, tally := range c.Tallies() {
		out.tally(tally, force.kindsOn(tally.Proxy))
	}
	for i := range state.Proxies {
		c.proxy(out, state, state.Proxies[i].Name)
	}
	out.rules(force)
	out.gauge(halted, truth(state.Halted))
	out.gauge(revision, float64(state.Revision))
	out.gauge(leases, float64(len(state.Leases)))
	for i, cause := range causes {
		out.counter(changes, c.Changes.made[i].Load(), cause)
	}
	out.counter(unsaved, c.Changes.failed.Load())
	out.gauge(build, 1, c.Version, runtime.Version())
}

// proxy gives what is known of a proxy besides its tally.
func (c *Collector) proxy(out exposition, state *control.State, name string) {
	out.gauge(mode, 1, name, state.ModeOf(name))
	failed := uint64(0)
	if failures := c.AcceptFailures(name); failures != nil {
		failed = failures.Count
	}
	out.counter(acceptFailures, failed, name)
}

// exposition is where metrics go.
type exposition struct {
	collected chan<- prometheus.Metric
}

func (o exposition) counter(of *prometheus.Desc, value uint64, labels ...string) {
	o.collected <- prometheus.MustNewConstMetric(of, prometheus.CounterValue, float64(value), labels...)
}

func (o exposition) gauge(of *prometheus.Desc, value float64, labels ...string) {
	o.collected <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value, labels...)
}

func (o exposition) histogram(of *prometheus.Desc, h *proxy.Histogram, labels ...string) {
	count, sum, buckets := h.Read()
	o.collected <- prometheus.MustNewConstHistogram(of, count, sum, buckets, labels...)
}

// tally gives what a proxy has counted. Of the faults those that can act on it are there before they first hit, with 0, so
// that their first hit is an increase.
func (o exposition) tally(t *proxy.Tally, acting map[string]bool) {
	for _, outcome := range proxy.Outcomes() {
		o.counter(exchanges, t.Exchanges(outcome, faults.NoKind), t.Proxy, string(outcome), noFault)
	}
	for i, kind := range faults.Kinds() {
		for _, outcome := range proxy.Outcomes() {
			n := t.Exchanges(outcome, i)
			if n > 0 || acting[kind.Name] && outcome == proxy.Injected {
				o.counter(exchanges, n, t.Proxy, string(outcome), kind.Name)
			}
		}
		if n := t.Faults.Hits(i); n > 0 || acting[kind.Name] {
			o.counter(hits, n, t.Proxy, kind.Name)
		}
		if n := t.Faults.Shadows(i); n > 0 {
			o.counter(shadows, n, t.Proxy, kind.Name)
		}
	}
	for i, reason := range faults.TalliedReasons() {
		o.counter(skips, t.Faults.Skips(i), t.Proxy, string(reason))
	}
	o.counter(serviceErrors, t.ServiceErrors.Load(), t.Proxy)
	o.histogram(duration, &t.Duration, t.Proxy)
	o.histogram(upstream, &t.Upstream, t.Proxy)
	o.counter(requestBytes, t.RequestBytes.Load(), t.Proxy)
	o.counter(responseBytes, t.ResponseBytes.Load(), t.Proxy)
	o.counter(connections, t.Connections.Load(), t.Proxy)
	o.gauge(open, float64(t.Open.Load()), t.Proxy)
	o.gauge(active, float64(t.Active.Load()), t.Proxy)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
