// Package tracing makes a span of every exchange, and sends them by OpenTelemetry's protocol. It is off unless the environment
// asks for it, in OpenTelemetry's own variables.
package tracing
