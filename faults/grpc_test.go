package faults

import (
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fieldOf is the value of a header field; "" where there is none.
func fieldOf(a Answer, name string) string {
	for _, f := range a.Header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// TestStatusOfHTTPStandsForOneOfGRPC: as gRPC's http-grpc-status-mapping.md has it, and so Envoy.
func TestStatusOfHTTPStandsForOneOfGRPC(t *testing.T) {
	for status, want := range map[int]string{
		200: "2", 400: "13", 401: "16", 403: "7", 404: "12", 409: "2", 429: "14", 500: "2", 502: "14", 503: "14", 504: "14", 599: "2",
	} {
		got := Answer{Status: status, ContentType: jsonType, Body: []byte("{}")}.ForGRPC()
		if got.Status != 200 || got.ContentType != "application/grpc" || got.Body != nil || fieldOf(got, "Grpc-Status") != want {
			t.Errorf("%d: got %+v, want status %s", status, got, want)
		}
	}
	if got := fieldOf(Answer{Status: 503}.ForGRPC(), "Grpc-Message"); got != "Service Unavailable" {
		t.Errorf("message %q", got)
	}
}

// TestGRPCStatusStandsForOneOfHTTP: without a status of its own, clients of HTTP get the one that google/rpc/code.proto
// names.
func TestGRPCStatusStandsForOneOfHTTP(t *testing.T) {
	want := []int{200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401}
	for code, status := range want {
		number := GRPCCode(code)
		if got := (&Abort{GRPCStatus: &number}).decide(hit{}).(Answer); got.Status != status {
			t.Errorf("%d: got %d, want %d", code, got.Status, status)
		}
	}
	unavailable := GRPCCode(14)
	both := (&Abort{Status: 429, GRPCStatus: &unavailable}).decide(hit{}).(Answer)
	if got := both.ForGRPC(); both.Status != 429 || fieldOf(got, "Grpc-Status") != "14" {
		t.Errorf("got %+v and %+v", both, got)
	}
}

func TestAnswerForGRPC(t *testing.T) {
	own := Answer{Status: 200, ContentType: "application/grpc+proto", Body: []byte("frames"), Header: []Field{{"X-A", "b"}}}
	if diff := cmp.Diff(own, own.ForGRPC()); diff != "" {
		t.Error("an answer that is gRPC itself:", diff)
	}
	answer := Answer{Status: 503, Header: []Field{{"X-A", "b"}}, GRPC: &GRPCStatus{
		Code: 8, Message: "größer\n100 %~", Details: []GRPCDetail{{"google.rpc.RetryInfo", "CgIIAg=="}, {"x.test/a.B", ""}},
	}}
	got := answer.ForGRPC()
	if message := fieldOf(got, "Grpc-Message"); message != "gr%C3%B6%C3%9Fer%0A100 %25~" {
		t.Errorf("message %q", message)
	}
	if fieldOf(got, "X-A") != "b" || len(answer.Header) != 1 {
		t.Errorf("fields %v of %v", got.Header, answer.Header)
	}
	details, err := base64.RawStdEncoding.DecodeString(fieldOf(got, "Grpc-Status-Details-Bin"))
	if err != nil {
		t.Fatal(err)
	}
	want := "0808" + // code
		"120f" + hex.EncodeToString([]byte("größer\n100 %~")) +
		"1a30" + "0a28" + hex.EncodeToString([]byte("type.googleapis.com/google.rpc.RetryInfo")) + "1204" + "0a020802" +
		"1a0e" + "0a0a" + hex.EncodeToString([]byte("x.test/a.B")) + "1200"
	if hex.EncodeToString(details) != want {
		t.Errorf("details\n%x, want\n%s", details, want)
	}
}

func TestIsGRPC(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/grpc": true, "Application/GRPC": true, "application/grpc+proto": true, "application/grpc; a=b": true,
		"": false, "application/grpc-web": false, "application/grpc-web+proto": false, "application/grp": false, "application/json": false,
	} {
		if got := IsGRPC(contentType); got != want {
			t.Errorf("%q: got %v", contentType, got)
		}
	}
}
