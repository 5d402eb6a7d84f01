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
type Abort struct {
	Status      int               `json:"status"`                 // 200 to 599
	Body        *document.Node    `json:"body,omitempty"`         // JSON, or a text; absent = {"message": the status' text}
	Headers     map[string]string `json:"headers,omitempty"`      // set on the answer
	ContentType string            `json:"content_type,omitempty"` // absent = application/json, or text/plain for a text
	RetryAfter  *document.Node    `json:"retry_after,omitempty"`
	KeepHeaders bool              `json:"keep_headers,omitempty"` // phase after: the upstream's fields stay

	GRPCStatus  *int   `json:"grpc_status,omitempty"`
	GRPCMessage string `json:"grpc_message,omitempty"`
}

func newAbort() Attributes { return &Abort{} }

func (a *Abort) check(phase Phase) error {
	const later = "not available in this version"
	switch {
	case a.Status == 0:
		return document.Errorf("status", "missing: want 200 to 599")
	case a.Status < 200 || a.Status > 599:
		return document.Errorf("status", "must be 200 to 599, got %d", a.Status)
	case a.RetryAfter != nil:
		return document.Errorf("retry_after", later)
	case a.GRPCStatus != nil:
		return document.Errorf("grpc_status", later)
	case a.GRPCMessage != "":
		return document.Errorf("grpc_message", later)
	case a.KeepHeaders && phase != After:
		return document.Errorf("keep_headers", "only in phase after is there an upstream's reply")
	}
	if err := checkFieldValue(a.ContentType); err != nil {
		return document.At(err, "content_type")
	}
	return document.At(checkFields(a.Headers), "headers")
}

func (a *Abort) decide(hit) Action {
	answer := Answer{Status: a.Status, Header: sortedFields(a.Headers), KeepHeader: a.KeepHeaders}
	answer.Body, answer.ContentType = renderBody(a.Body)
	if a.Body == nil {
		answer.Body, answer.ContentType = statusBody(a.Status)
	}
	if a.ContentType != "" {
		answer.ContentType = a.ContentType
	}
	return answer
}

// statusBody is the body of an answer for which none was given, as the labs' services write it.
func statusBody(status int) (body []byte, contentType string) {
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return nil, ""
	}
	text := http.StatusText(status)
	if text == "" {
		text = "Status " + strconv.Itoa(status)
	}
	body, _ = json.Marshal(map[string]string{"message": text}) // a map of strings always marshals
	return append(body, '\n'), "application/json"
}

// renderBody gives the bytes of a body in a rule: a JSON string is a text, anything else is sent as JSON.
func renderBody(n *document.Node) (body []byte, contentType string) {
	if n == nil {
		return nil, ""
	}
	if n.Kind == document.String {
		return []byte(n.Text), "text/plain; charset=utf-8"
	}
	body, _ = n.MarshalJSON() // a parsed document always marshals
	return append(body, '\n'), "application/json"
}

// sortedFields gives header fields in a stable order.
func sortedFields(fields map[string]string) []Field {
	sorted := make([]Field, 0, len(fields))
	for name, value := range fields {
		sorted = append(sorted, Field{name, value})
	}
	slices.SortFunc(sorted, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return sorted
}

// checkFields refuses header fields that would break the message, or that belong to the connection.
func checkFields(fields map[string]string) error {
	for _, field := range sortedFields(fields) {
		if err := checkFieldName(field.Name); err != nil {
			return err
		}
		if err := checkFieldValue(field.Value); err != nil {
			return document.At(err, field.Name)
		}
	}
	return nil
}

// framing lists the fields that say where a message ends or belong to one connection (RFC 9110, 7.6.1): the executor
// writes them, never a rule.
var framing = []string{
	"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}

func checkFieldName(name string) error {
	if !isToken(name) {
		return document.Errorf("", "%q is not a header name", name)
	}
	if slices.Contains(framing, strings.ToLower(name)) {
		return document.Errorf("", "%s belongs to the connection and cannot be changed", name)
	}
	return nil
}

func checkFieldValue(value string) error {
	for _, c := range []byte(value) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return document.Errorf("", "must not contain control characters, got %q", value)
		}
	}
	return nil
}
