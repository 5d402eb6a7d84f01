package metrics

import "github.com/prometheus/client_golang/prometheus"

// noFault is the label fault of an exchange that no fault has hit.
const noFault = "none"

// The metrics, in the order of docs/metrics.md.
var (
	exchanges     = desc("exchanges_total", "Exchanges that are over, by outcome and by the kind of the last fault that hit.", "proxy", "outcome", "fault")
	serviceErrors = desc("service_errors_total", "Replies of upstreams with a status of 500 or more that reached the client: exchanges with the outcome ok.", "proxy")
	active        = desc("exchanges_active", "Exchanges of HTTP under way.", "proxy")
	duration      = desc("exchange_duration_seconds", "How long exchanges took.", "proxy")
	upstream      = desc("upstream_duration_seconds", "How long the upstream took until the head of its reply was there, of TCP until it was connected.", "proxy")
	requestBytes  = desc("request_bytes_total", "Bytes of bodies from clients, of exchanges that are over.", "proxy")
	responseBytes = desc("response_bytes_total", "Bytes of bodies to clients, of exchanges that are over.", "proxy")

	connections    = desc("connections_total", "Connections of clients that were accepted.", "proxy")
	open           = desc("connections_open", "Connections of clients that are open.", "proxy")
	acceptFailures = desc("accept_failures_total", "How often a client could not be accepted.", "proxy")

	hits         = desc("faults_total", "Faults that hit, by kind.", "proxy", "kind")
	shadows      = desc("shadow_faults_total", "Faults of rules in shadow that would have hit, by kind.", "proxy", "kind")
	skips        = desc("fault_skips_total", "Rules that matched an exchange and did not hit it, by reason.", "proxy", "reason")
	faultsActive = desc("faults_active", "Exchanges and connections that a fault is acting on.", "kind")
	rules        = desc("rules", "Rules that can act, those of modes and toxics among them.", "proxy", "layer", "kind")

	mode     = desc("mode_info", "The mode that a proxy is in.", "proxy", "mode")
	halted   = desc("halted", "Whether the stop lever is pulled.")
	leases   = desc("leases", "Leases that faults can hang on.")
	revision = desc("state_revision", "The revision of the state.")
	changes  = desc("admin_changes_total", "Changes of the state, by cause.", "cause")
	unsaved  = desc("state_failures_total", "How often an expiry could not be saved, or put in force.")
	build    = desc("build_info", "What is running.", "version", "goversion")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("squall_"+name, help, labels, nil)
}
