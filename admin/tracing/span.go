package tracing

import (
	"context"
	"net"
	"slices"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// methods are those that name a span; others are clients' inventions (OpenTelemetry's conventions for HTTP).
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// Observe ends the span of an exchange. It is a [proxy.Observer]. What had none, as connections of TCP and TLS handshakes have, gets
// one that begins a trace.
func (t *Tracer) Observe(e *proxy.Exchange) {
	span, begun := trace.Span(nil), false
	if e.Trace != nil {
		span, begun = e.Trace.Of.(trace.Span)
	}
	if !begun {
		_, span = t.begin(context.Background(), e.At)
	}
	if span.IsRecording() {
		describe(span, e)
	}
	span.End(trace.WithTimestamp(e.At.Add(e.Duration)))
}

// describe writes into a span what its exchange was.
func describe(span trace.Span, e *proxy.Exchange) {
	attributes := []attribute.KeyValue{
		attribute.String("client.address", e.Client),
		attribute.Int64("squall.exchange", int64(e.ID)),
		attribute.String("squall.proxy", e.Proxy),
		attribute.String("squall.outcome", string(e.Outcome)),
		attribute.Bool("squall.delayed", e.Delayed),
		attribute.Bool("squall.faulted", e.Faulted),
	}
	switch {
	case e.Method == "":
		span.SetName("connection")
	case slices.Contains(methods[:], e.Method):
		span.SetName(e.Method)
		attributes = append(attributes, attribute.String("http.request.method", e.Method))
	default:
		span.SetName("HTTP")
		attributes = append(attributes, attribute.String("http.request.method", "_OTHER"), attribute.String("http.request.method_original", e.Method))
	}
	if e.Method != "" {
		attributes = append(attributes, server(e.Host)...)
		attributes = append(attributes, attribute.String("url.path", e.Path), attribute.String("squall.request_id", e.RequestID))
	}
	if e.Status != 0 {
		attributes = append(attributes, attribute.Int("http.response.status_code", e.Status))
	}
	if kind := errorType(e); kind != "" {
		attributes = append(attributes, attribute.String("error.type", kind))
		span.SetStatus(codes.Error, e.Error)
	}
	decisions := e.Faults.Decisions()
	span.SetAttributes(append(attributes, hits(decisions)...)...)
	for _, d := range decisions {
		span.AddEvent("fault", trace.WithTimestamp(e.At), trace.WithAttributes(
			attribute.String("squall.rule", d.Rule), attribute.String("squall.kind", d.Kind),
			attribute.String("squall.decision", string(d.Outcome)), attribute.String("squall.why", string(d.Why)),
			attribute.Int64("squall.n", int64(d.N))))
	}
}

// errorType is what makes an exchange an error: a status of 500 and more, or what became of one without a reply; "" = it is none.
func errorType(e *proxy.Exchange) string {
	switch {
	case e.Outcome == proxy.RealError, e.Outcome == proxy.Injected && e.Status == 0:
		return string(e.Outcome)
	case e.Status >= 500:
		return strconv.Itoa(e.Status)
	}
	return ""
}

// server is the name that a client has asked for, and the port, where it gave one.
func server(host string) []attribute.KeyValue {
	if name, port, err := net.SplitHostPort(host); err == nil {
		if number, err := strconv.Atoi(port); err == nil {
			return []attribute.KeyValue{attribute.String("server.address", name), attribute.Int("server.port", number)}
		}
	}
	return []attribute.KeyValue{attribute.String("server.address", host)}
}

// hits names the rules that hit, and their kinds, in order.
func hits(decisions []faults.Decision) []attribute.KeyValue {
	var rules, kinds []string
	for _, d := range decisions {
		if d.Outcome == faults.Hit {
			rules, kinds = append(rules, d.Rule), append(kinds, d.Kind)
		}
	}
	if rules == nil {
		return nil
	}
	return []attribute.KeyValue{attribute.StringSlice("squall.fault.rules", rules), attribute.StringSlice("squall.fault.kinds", kinds)}
}
