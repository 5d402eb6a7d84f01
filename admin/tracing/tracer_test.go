package tracing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/admin/tracing"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	parent  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// environment looks variables up in a text, "A=1 B=2".
func environment(text string) func(string) string {
	return func(name string) string {
		for _, pair := range strings.Fields(text) {
			if value, found := strings.CutPrefix(pair, name+"="); found {
				return value
			}
		}
		return ""
	}
}

func TestPropagates(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "tracecontext,baggage": true, "baggage,tracecontext": true, "tracecontext": true, "baggage": false, "none": false, "none,tracecontext": false,
	} {
		if got, err := tracing.Propagates(environment("OTEL_PROPAGATORS=" + value)); got != want || err != nil {
			t.Errorf("%q: %t, %v", value, got, err)
		}
	}
	for _, value := range []string{"b3", "tracecontext,jaeger", "tracecontext,"} {
		if got, err := tracing.Propagates(environment("OTEL_PROPAGATORS=" + value)); got || err == nil || !strings.HasPrefix(err.Error(), "OTEL_PROPAGATORS: ") {
			t.Errorf("%q: %t, %v", value, got, err)
		}
	}
}

// TestNothingIsPropagated: then a span begins a trace of its own, and the upstream is sent what the client has sent.
func TestNothingIsPropagated(t *testing.T) {
	kept := &keeping{}
	tracer, err := tracing.New(t.Context(), "0.1.0", false, kept)
	if err != nil {
		t.Fatal(err)
	}
	span := tracer.Begin(time.Now(), parent, "vendor=1")
	tracer.Observe(&proxy.Exchange{Method: "GET", Trace: &span})
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if span.Parent != "" || span.State != "" || len(kept.spans) != 1 || kept.spans[0].Parent.IsValid() || kept.spans[0].SpanContext.TraceID().String() == traceID {
		t.Errorf("passed on %q, %q; spans %+v", span.Parent, span.State, kept.spans)
	}
}

func TestWanted(t *testing.T) {
	for _, test := range []struct {
		environment string
		on          bool
		wrong       string // the variable
	}{
		{"", false, ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", true, ""},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:1", true, ""},
		{"OTEL_TRACES_EXPORTER=otlp", true, ""},
		{"OTEL_TRACES_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", false, ""},
		{"OTEL_SDK_DISABLED=true OTEL_TRACES_EXPORTER=otlp", false, ""},
		{"OTEL_TRACES_EXPORTER=zipkin", false, "OTEL_TRACES_EXPORTER"},
		{"OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=grpc", false, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{"OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", true, ""},
		{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", false, ""},
		{"OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf", true, ""},
	} {
		on, err := tracing.Wanted(environment(test.environment))
		if on != test.on || (err != nil) != (test.wrong != "") || err != nil && !strings.HasPrefix(err.Error(), test.wrong+":") {
			t.Errorf("%q: %t, %v", test.environment, on, err)
		}
	}
}

// spans observes exchanges, and gives their spans in that order.
func spans(t *testing.T, observe func(*tracing.Tracer)) tracetest.SpanStubs {
	t.Helper()
	kept := &keeping{}
	tracer, err := tracing.New(t.Context(), "0.1.0", true, kept)
	if err != nil {
		t.Fatal(err)
	}
	observe(tracer)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return kept.spans
}

// record is what was decided for an exchange: hit by "slow" and "gone", skipped by "odd".
func record(t *testing.T) faults.Record {
	t.Helper()
	config := faults.Config{Seed: 1}
	for _, text := range []string{`{"name":"slow","delay":"1s"}`, `{"name":"odd","delay":"1s","every":2}`, `{"name":"gone","abort":503}`} {
		node, err := document.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var rule faults.Rule
		if err := document.Decode(node, &rule); err != nil {
			t.Fatal(err)
		}
		config.Entries = append(config.Entries, faults.Entry{Rule: rule})
	}
	set, err := faults.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	var plan faults.Plan
	view := &faults.View{Method: "GET", Path: "/"}
	plan.Begin(set, view)
	defer plan.Done()
	for {
		if action, _ := plan.Next(view); action == nil {
			return plan.Record()
		}
	}
}

// TestSpan: a span has the client's as its parent, the exchange's times, what it was, and an event for each decision.
func TestSpan(t *testing.T) {
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	var passed proxy.Span
	got := spans(t, func(tracer *tracing.Tracer) {
		passed = tracer.Begin(at, parent, "vendor=1")
		tracer.Observe(&proxy.Exchange{
			ID: 7, Proxy: "a", At: at, Duration: time.Second, Method: "GET", Host: "shop.test:8080", Path: "/cart", Client: "192.0.2.1",
			Status: 503, Outcome: proxy.Injected, Delayed: true, Faulted: true, Faults: record(t), Trace: &passed,
		})
	})
	if len(got) != 1 {
		t.Fatalf("%d spans", len(got))
	}
	span := got[0]
	if want := "00-" + traceID + "-" + span.SpanContext.SpanID().String() + "-01"; passed.Parent != want || passed.State != "vendor=1" {
		t.Errorf("the upstream is sent %q, %q; want %q", passed.Parent, passed.State, want)
	}
	if span.Name != "GET" || span.Parent.SpanID().String() != "00f067aa0ba902b7" || !span.StartTime.Equal(at) || !span.EndTime.Equal(at.Add(time.Second)) {
		t.Errorf("%s, parent %v, from %v to %v", span.Name, span.Parent.SpanID(), span.StartTime, span.EndTime)
	}
	for _, want := range []attribute.KeyValue{
		attribute.String("squall.proxy", "a"), attribute.String("squall.outcome", "injected"), attribute.Bool("squall.delayed", true),
		attribute.Int("http.response.status_code", 503), attribute.String("url.path", "/cart"), attribute.String("http.request.method", "GET"),
		attribute.String("server.address", "shop.test"), attribute.Int("server.port", 8080), attribute.String("error.type", "503"),
		attribute.StringSlice("squall.fault.rules", []string{"slow", "gone"}), attribute.StringSlice("squall.fault.kinds", []string{"delay", "abort"}),
	} {
		if !slices.Contains(span.Attributes, want) {
			t.Errorf("no %v in %v", want, span.Attributes)
		}
	}
	var events []string
	for _, e := range span.Events {
		text := ""
		for _, a := range e.Attributes {
			text += a.Value.String() + " "
		}
		events = append(events, text)
	}
	if want := []string{"slow delay hit  1 ", "odd delay skip selection 1 ", "gone abort hit  1 "}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	if span.Status.Code != codes.Error {
		t.Errorf("status %v", span.Status)
	}
}

// TestTraceContext: what cannot be read begins a new trace, and what the caller does not sample is not sent.
func TestTraceContext(t *testing.T) {
	got := spans(t, func(tracer *tracing.Tracer) {
		for _, unreadable := range []string{"", "00-4bf92f3577b34da6a3ce929d0e0e4736", strings.Replace(parent, "4bf9", "4BF9", 1), "ff-" + parent[3:]} {
			span := tracer.Begin(time.Now(), unreadable, "vendor=1")
			if len(span.Parent) != len(parent) || strings.Contains(span.Parent, traceID) || span.State != "" {
				t.Errorf("%q: the upstream is sent %q, %q", unreadable, span.Parent, span.State)
			}
		}
		silent := tracer.Begin(time.Now(), strings.TrimSuffix(parent, "1")+"0", "")
		if !strings.HasPrefix(silent.Parent, "00-"+traceID) || !strings.HasSuffix(silent.Parent, "-00") {
			t.Errorf("not sampled: the upstream is sent %q", silent.Parent)
		}
		tracer.Observe(&proxy.Exchange{Method: "GET", Trace: &silent})
	})
	if len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

// TestSpansOfOthers: connections of TCP have spans, too, errors are told, and clients' inventions name none.
func TestSpansOfOthers(t *testing.T) {
	got := spans(t, func(tracer *tracing.Tracer) {
		tracer.Observe(&proxy.Exchange{Proxy: "db", Outcome: proxy.RealError, Error: "dial: refused", At: time.Now()})
		tracer.Observe(&proxy.Exchange{Method: "BREW", Outcome: proxy.OK, Status: 200})
	})
	if len(got) != 2 || got[0].Name != "connection" || got[0].Status.Description != "dial: refused" || got[0].Parent.IsValid() {
		t.Fatalf("%+v", got)
	}
	if got[1].Name != "HTTP" || got[1].Status.Code != codes.Unset || !slices.Contains(got[1].Attributes, attribute.String("http.request.method_original", "BREW")) {
		t.Errorf("%+v", got[1])
	}
}
