package tracing

import (
	"fmt"
	"strings"
)

// Wanted reports whether the environment asks for traces: by OTEL_TRACES_EXPORTER, which may be "otlp" or "none", or by an
// endpoint in OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. OTEL_SDK_DISABLED=true beats them all. An error
// names the variable that asks for what there is not: the protocol is http/protobuf.
func Wanted(getenv func(string) string) (bool, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	endpoint := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	switch exporter := strings.TrimSpace(getenv("OTEL_TRACES_EXPORTER")); {
	case exporter == "none", exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER: want otlp or none, got %q", exporter)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} { // the first that is set counts
		switch protocol := getenv(name); protocol {
		case "":
			continue
		case "http/protobuf":
			return true, nil
		default:
			return false, fmt.Errorf("%s: want http/protobuf, got %q", name, protocol)
		}
	}
	return true, nil
}

// Propagates reports whether spans are joined to those of the callers and passed on to upstreams, as W3C Trace Context has it:
// unless OTEL_PROPAGATORS, a list of "tracecontext", "baggage" and "none", leaves that out or has "none" in it. A client's baggage is a
// header field that squall neither reads nor changes, and so goes upstream either way. An error names the variable.
func Propagates(getenv func(string) string) (bool, error) {
	const name = "OTEL_PROPAGATORS"
	text := getenv(name)
	if text == "" {
		return true, nil
	}
	wanted, none := false, false
	for propagator := range strings.SplitSeq(text, ",") {
		switch strings.TrimSpace(propagator) {
		case "tracecontext":
			wanted = true
		case "baggage":
		case "none":
			none = true
		default:
			return false, fmt.Errorf("%s: want tracecontext, baggage or none, got %q", name, propagator)
		}
	}
	return wanted && !none, nil
}
