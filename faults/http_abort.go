package faults

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Abort answers in the upstream's place: in phase before it is never contacted, in phase after it ran and its reply is
// dropped, the lost reply that makes a client charge twice.
//
// A gRPC call (content type application/grpc, or with + and more behind) ends with a status of gRPC, sent as trailers alone:
// the one asked for, or the one that the status of HTTP stands for, as in Envoy: 400 is INTERNAL, 401 UNAUTHENTICATED, 403
// PERMISSION_DENIED, 404 UNIMPLEMENTED, 429, 502, 503 and 504 UNAVAILABLE, all others UNKNOWN.
type Abort struct {
	Status      int               `json:"status,omitempty"`       // 200 to 599; absent = the one that grpc_status stands for: UNAVAILABLE is 503
	Body        *document.Node    `json:"body,omitempty"`         // JSON, or a text; absent = {"message": the status' text}
	Headers     map[string]string `json:"headers,omitempty"`      // set on the answer
	ContentType string            `json:"content_type,omitempty"` // absent = application/json, or text/plain for a text
	RetryAfter  *RetryAfter       `json:"retry_after,omitempty"`  // in seconds, as header field Retry-After: 5, [1, 5] for one between, or {"date": 5} for a date
	KeepHeaders bool              `json:"keep_headers,omitempty"` // phase after: the upstream's fields stay

	GRPCStatus  *GRPCCode    `json:"grpc_status,omitempty"`  // of gRPC calls: a name such as "UNAVAILABLE", or 0 to 16
	GRPCMessage string       `json:"grpc_message,omitempty"` // up to 1024 bytes; only with grpc_status
	GRPCDetails []GRPCDetail `json:"grpc_details,omitempty"` // up to 10 of {"type": "google.rpc.RetryInfo", "value": "CgIIAg=="}, the encoded message in base64; only with grpc_status
}

func newAbort() Attributes { return &Abort{} }

// DecodeDocument reads the attributes.
func (a *Abort) DecodeDocument(n *document.Node) error {
	type plain Abort
	err := document.Decode(n, (*plain)(a))
	a.Body = unplaced(a.Body)
	return err
}

func (a *Abort) check(phase Phase) error {
	if err := a.checkGRPC(); err != nil {
		return err
	}
	switch status := a.status(); {
	case status == 0:
		return document.Errorf("status", "missing: want 200 to 599")
	case status < 200 || status > 599:
		return document.Errorf("status", "must be 200 to 599, got %d", status)
	case a.Body != nil && !mayHaveBody(status):
		return document.Errorf("body", "a reply of status %d has none", status)
	case a.KeepHeaders && phase != After:
		return document.Errorf("keep_headers", "only in phase after is there an upstream's reply")
	}
	if err := checkFieldValue(a.ContentType); err != nil {
		return document.At(err, "content_type")
	}
	if err := checkFields(a.Headers); err != nil {
		return document.At(err, "headers")
	}
	for name := range a.Headers {
		if a.ContentType != "" && strings.EqualFold(name, "content-type") {
			return document.Errorf("content_type", "given in headers, too")
		}
		if a.RetryAfter != nil && strings.EqualFold(name, "retry-after") {
			return document.Errorf("retry_after", "given in headers, too")
		}
	}
	return document.At(a.RetryAfter.check(), "retry_after")
}

// checkGRPC checks what gRPC calls get.
func (a *Abort) checkGRPC() error {
	if a.GRPCStatus == nil {
		const only = "only with grpc_status"
		switch {
		case a.GRPCMessage != "":
			return document.Errorf("grpc_message", only)
		case a.GRPCDetails != nil:
			return document.Errorf("grpc_details", only)
		}
		return nil
	}
	if err := a.GRPCStatus.check(); err != nil {
		return document.At(err, "grpc_status")
	}
	if len(a.GRPCMessage) > maxGRPCMessage {
		return document.Errorf("grpc_message", "at most %d bytes, got %d", maxGRPCMessage, len(a.GRPCMessage))
	}
	return document.At(checkGRPCDetails(a.GRPCDetails), "grpc_details")
}

// status is what clients of HTTP get; 0 = none was given.
func (a *Abort) status() int {
	if a.Status == 0 && a.GRPCStatus != nil {
		return grpcCodes[*a.GRPCStatus].status
	}
	return a.Status
}

func (a *Abort) decide(h hit) Action {
	status := a.status()
	answer := Answer{Status: status, KeepHeader: a.KeepHeaders}
	if a.GRPCStatus != nil {
		answer.GRPC = &GRPCStatus{Code: *a.GRPCStatus, Message: a.GRPCMessage, Details: slices.Clone(a.GRPCDetails)}
	}
	if a.Body == nil {
		answer.Body, answer.ContentType = statusBody(status)
	} else {
		answer.Body, answer.ContentType = renderBody(a.Body)
	}
	if a.ContentType != "" {
		answer.ContentType = a.ContentType
	}
	answer.Header, answer.ContentType = splitContentType(a.Headers, answer.ContentType)
	if a.RetryAfter != nil {
		answer.Header = append(answer.Header, a.RetryAfter.field(h))
	}
	return answer
}

// mayHaveBody reports whether a reply of that status has a body (RFC 9110, 15.3.5, 15.3.6 and 15.4.5).
func mayHaveBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}

// statusBody is the body of an answer for which none was given, as the labs' services write it.
func statusBody(status int) (body []byte, contentType string) {
	if !mayHaveBody(status) {
		return nil, ""
	}
	body, _ = json.Marshal(map[string]string{"message": statusText(status)}) // a map of strings always marshals
	return append(body, '\n'), "application/json"
}

// statusText is a status in words.
func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Status " + strconv.Itoa(status)
}

// renderBody gives the bytes of a body in a rule: a JSON string is a text, anything else is sent as JSON.
func renderBody(n *document.Node) (body []byte, contentType string) {
	if n.Kind == document.String {
		return []byte(n.Text), "text/plain; charset=utf-8"
	}
	body, _ = n.MarshalJSON() // a parsed document always marshals
	return append(body, '\n'), "application/json"
}

// unplaced copies a document without its lines and columns, so that rules written differently but meaning the same are
// equal; nil stays nil.
func unplaced(n *document.Node) *document.Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Line, c.Column, c.Members, c.Items = 0, 0, nil, nil
	for _, m := range n.Members {
		c.Members = append(c.Members, document.Member{Name: m.Name, Value: unplaced(m.Value)})
	}
	for _, item := range n.Items {
		c.Items = append(c.Items, unplaced(item))
	}
	return &c
}
