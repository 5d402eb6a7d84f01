package admin

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/squall-proxy/squall/proxy"
)

// NewMetrics makes the handler of GET /metrics, which gives what the collectors do, in Prometheus' text format, and counts
// its own failures. Each has a registry of its own. It panics on collectors that have a metric in common.
func NewMetrics(all ...prometheus.Collector) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(all...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})
}

// RuntimeMetrics are those of Go, of the build and of the process.
func RuntimeMetrics() []prometheus.Collector {
	return []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
}

// trafficLabels are those of Toxiproxy's counters.
var trafficLabels = []string{"direction", "proxy", "listener", "upstream"}

// trafficMetrics gives Toxiproxy's counters of TCP proxies.
type trafficMetrics struct {
	traffic        func() []*proxy.Traffic
	received, sent *prometheus.Desc
}

// TrafficMetrics are the bytes of TCP proxies, under the names that Toxiproxy has for them: as they flow, where Toxiproxy
// counts them when a connection ends. traffic is [proxy.Engine.Traffic].
func TrafficMetrics(traffic func() []*proxy.Traffic) prometheus.Collector {
	return &trafficMetrics{
		traffic:  traffic,
		received: prometheus.NewDesc("toxiproxy_proxy_received_bytes_total", "", trafficLabels, nil),
		sent:     prometheus.NewDesc("toxiproxy_proxy_sent_bytes_total", "", trafficLabels, nil),
	}
}

// Describe names the metrics.
func (m *trafficMetrics) Describe(described chan<- *prometheus.Desc) {
	described <- m.received
	described <- m.sent
}

// Collect gives what is counted now.
func (m *trafficMetrics) Collect(collected chan<- prometheus.Metric) {
	for _, t := range m.traffic() {
		m.collect(collected, t, "upstream", &t.Up)
		m.collect(collected, t, "downstream", &t.Down)
	}
}

// collect gives one direction. Both counters are there from the first byte on, as Toxiproxy's are from the first connection.
func (m *trafficMetrics) collect(collected chan<- prometheus.Metric, t *proxy.Traffic, direction string, flow *proxy.Flow) {
	for _, counter := range []struct {
		desc  *prometheus.Desc
		bytes int64
	}{{m.received, flow.Received.Load()}, {m.sent, flow.Sent.Load()}} {
		collected <- prometheus.MustNewConstMetric(counter.desc, prometheus.CounterValue, float64(counter.bytes),
			direction, t.Proxy, t.Listener, t.Upstream)
	}
}
