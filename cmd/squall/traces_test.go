package main

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTraces: a span of each exchange reaches a collector by OTLP over HTTP, and the upstream has its id.
func TestTraces(t *testing.T) {
	posted := make(chan []byte, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/traces" && r.Header.Get("Content-Type") == "application/x-protobuf" {
			posted <- body
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer collector.Close()
	parents := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { parents <- r.Header.Get("Traceparent") }))
	defer upstream.Close()
	environment := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_SERVICE_NAME": "shop-chaos"}
	for name, value := range environment {
		t.Setenv(name, value) // OpenTelemetry reads the process's
	}
	s := startServe(t, environment, "--config-inline",
		"proxies: [{name: a, listen: \"127.0.0.1:0\", upstream: \""+upstream.URL+"\"}]\nrules: [{name: slow, proxy: a, delay: 1ms}]")
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	reply, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	parent := <-parents
	spanID, found := strings.CutPrefix(parent, "00-"+traceID+"-")
	if !found || strings.HasPrefix(spanID, "00f067aa0ba902b7") {
		t.Fatalf("the upstream was sent %q", parent)
	}
	s.end() // which sends what is left
	close(posted)
	var sent []byte
	for body := range posted {
		sent = append(sent, body...)
	}
	for _, want := range [][]byte{
		unhex(t, traceID), unhex(t, spanID[:16]), unhex(t, "00f067aa0ba902b7"),
		[]byte("shop-chaos"), []byte("squall.fault.kinds"), []byte("slow"), []byte("hit"),
	} {
		if !bytes.Contains(sent, want) {
			t.Errorf("the collector was not sent %q", want)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTracesThatCannotBe: what there is not is refused, and what cannot be sent holds nobody up.
func TestTracesThatCannotBe(t *testing.T) {
	code, _, errs := runSquall(t, map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, "serve", "--admin-listen", "127.0.0.1:0")
	if code != exitUsage || !strings.Contains(errs, "OTEL_TRACES_EXPORTER") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	code, _, errs = runSquall(t, map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_PROPAGATORS": "b3"}, "serve", "--admin-listen", "127.0.0.1:0")
	if code != exitUsage || !strings.Contains(errs, "OTEL_PROPAGATORS") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer refusing.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", refusing.URL)
	s := startServe(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": refusing.URL})
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	if status, body := get(t, s.url("a")); status != 200 || body != "fine" {
		t.Errorf("%d %s", status, body)
	}
	if code := s.end(); code != exitOK || !strings.Contains(s.log.String(), "1 spans are lost") {
		t.Errorf("exit code %d: %s", code, s.log)
	}
}
