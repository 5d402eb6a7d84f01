package tracing

import (
	"context"
	"slices"

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
		attributes = append(attributes, attribute.String("server.address", e.Host), attribute.String("url.path", e.Path),
			attribute.String("squall.request_id", e.RequestID))
	}
	if e.Status != 0 {
		attributes = append(attributes, attribute.Int("http.response.status_code", e.Status))
	}
	if e.Outcome == proxy.RealError {
		attributes = append(attributes, attribute.String("error.type", string(e.Outcome)))
		span.SetStatus(codes.Error, e.Error)
	} else if e.Status >= 500 || e.Outcome == proxy.Injected && e.Status == 0 {
		span.SetStatus(codes.Error, "")
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
