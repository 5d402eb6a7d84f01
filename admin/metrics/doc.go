// Package metrics gives what squall has counted to Prometheus. Its labels come from the state (proxies, modes) and from tables
// (kinds, outcomes, reasons), never from traffic, so that no client can make it grow; what is taken out of the state is not told
// of any more. docs/metrics.md has every name.
package metrics
