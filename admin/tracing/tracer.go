package tracing

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/squall-proxy/squall/proxy"
)

// Tracer makes spans, and sends them in the background. What cannot be sent in time is lost, and never waited for. Make one with
// New or Open; Close must be called. All methods may be called concurrently.
type Tracer struct {
	provider   *sdk.TracerProvider
	tracer     trace.Tracer
	propagates bool
}

// Open makes a tracer that sends by OTLP over HTTP; propagates is as of [Propagates]. Where to, how, and what is sampled is OpenTelemetry's to read from the
// environment (OTEL_EXPORTER_OTLP_…, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_…,
// OTEL_SPAN_…). warn is told of spans that could not be sent; it must not block.
func Open(ctx context.Context, version string, propagates bool, warn func(error)) (*Tracer, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	return New(ctx, version, propagates, &reporting{exporter, warn})
}

// New makes a tracer that hands its spans to an exporter, which it owns.
func New(ctx context.Context, version string, propagates bool, exporter sdk.SpanExporter) (*Tracer, error) {
	what, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "squall"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(what))
	return &Tracer{provider, provider.Tracer("github.com/squall-proxy/squall", trace.WithInstrumentationVersion(version)), propagates}, nil
}

// Close sends what is left, until ctx is done.
func (t *Tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	return nil
}

// reporting is an exporter whose failures are told, and not left to OpenTelemetry's global handler.
type reporting struct {
	sdk.SpanExporter
	warn func(error)
}

// ExportSpans sends spans.
func (r *reporting) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := r.SpanExporter.ExportSpans(ctx, spans); err != nil {
		r.warn(fmt.Errorf("%d spans are lost: %w", len(spans), err))
	}
	return nil
}

// Begin is a [proxy.Tracer]. A traceparent that cannot be read begins a new trace, without the tracestate beside it (W3C Trace
// Context, 3.2.2).
func (t *Tracer) Begin(at time.Time, parent, state string) proxy.Span {
	if !t.propagates {
		_, span := t.begin(context.Background(), at)
		return proxy.Span{Of: span}
	}
	sent := propagation.MapCarrier{"traceparent": parent, "tracestate": state}
	ctx := propagation.TraceContext{}.Extract(context.Background(), sent)
	ctx, span := t.begin(ctx, at)
	passed := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, passed)
	return proxy.Span{Parent: passed["traceparent"], State: passed["tracestate"], Of: span}
}

func (t *Tracer) begin(ctx context.Context, at time.Time) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, "exchange", trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindServer))
}
