package faults

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

const (
	maxGRPCMessage = 1024    // bytes
	maxGRPCDetails = 10      // of one status
	maxGRPCDetail  = 4 << 10 // bytes of one: all of them travel in one header field
)

// GRPCCode is a status code of gRPC, 0 to 16. Documents write its name, such as "UNAVAILABLE", or its number.
type GRPCCode int

// grpcCode is a code with the status that HTTP clients get for it (google/rpc/code.proto).
type grpcCode struct {
	name   string
	status int
}

// grpcCodes are in the order of their numbers (gRPC's statuscodes.md).
var grpcCodes = []grpcCode{
	{"OK", 200},
	{"CANCELLED", 499},
	{"UNKNOWN", 500},
	{"INVALID_ARGUMENT", 400},
	{"DEADLINE_EXCEEDED", 504},
	{"NOT_FOUND", 404},
	{"ALREADY_EXISTS", 409},
	{"PERMISSION_DENIED", 403},
	{"RESOURCE_EXHAUSTED", 429},
	{"FAILED_PRECONDITION", 400},
	{"ABORTED", 409},
	{"OUT_OF_RANGE", 400},
	{"UNIMPLEMENTED", 501},
	{"INTERNAL", 500},
	{"UNAVAILABLE", 503},
	{"DATA_LOSS", 500},
	{"UNAUTHENTICATED", 401},
}

// ParseGRPCCode reads a name.
func ParseGRPCCode(name string) (GRPCCode, error) {
	number := slices.IndexFunc(grpcCodes, func(g grpcCode) bool { return g.name == name })
	if number < 0 {
		return 0, document.Errorf("", "%q is no status of gRPC, such as UNAVAILABLE", clip(name))
	}
	return GRPCCode(number), nil
}

// DecodeDocument reads a name or a number.
func (c *GRPCCode) DecodeDocument(n *document.Node) error {
	if n.Kind == document.String {
		code, err := ParseGRPCCode(n.Text)
		*c = code
		return err
	}
	var number int
	if err := document.Decode(n, &number); err != nil {
		return err
	}
	*c = GRPCCode(number)
	return c.check()
}

func (c GRPCCode) check() error {
	if c < 0 || int(c) >= len(grpcCodes) {
		return document.Errorf("", "must be 0 to 16, or a name such as UNAVAILABLE, got %d", int(c))
	}
	return nil
}

// MarshalJSON writes the name.
func (c GRPCCode) MarshalJSON() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return json.Marshal(grpcCodes[c].name)
}

// grpcOf is the code that a client makes of a reply of HTTP that carries none (gRPC's http-grpc-status-mapping.md).
func grpcOf(status int) GRPCCode {
	switch status {
	case 400:
		return 13
	case 401:
		return 16
	case 403:
		return 7
	case 404:
		return 12
	case 429, 502, 503, 504:
		return 14
	}
	return 2
}

// GRPCStatus is how a call of gRPC ends.
type GRPCStatus struct {
	Code    GRPCCode
	Message string
	Details []GRPCDetail
}

// GRPCDetail is one detail of a status: an encoded protocol buffer message.
type GRPCDetail struct {
	Type  string `json:"type"`  // its name, as in google.rpc.RetryInfo, or a type URL
	Value string `json:"value"` // in base64
}

func checkGRPCDetails(details []GRPCDetail) error {
	if len(details) > maxGRPCDetails {
		return document.Errorf("", "at most %d, got %d", maxGRPCDetails, len(details))
	}
	for i, d := range details {
		at := fmt.Sprintf("[%d]", i)
		if name := d.Type[strings.LastIndexByte(d.Type, '/')+1:]; name == "" || len(d.Type) > 256 || checkFieldValue(d.Type) != nil {
			return document.Errorf(at+".type", "want the name of a message, such as google.rpc.RetryInfo, got %q", clip(d.Type))
		}
		if len(d.Value) > maxGRPCDetail {
			return document.Errorf(at+".value", "at most %d bytes, got %d", maxGRPCDetail, len(d.Value))
		}
		if _, err := base64.StdEncoding.DecodeString(d.Value); err != nil {
			return document.Errorf(at+".value", "is not base64: %v", err)
		}
	}
	return nil
}

// IsGRPC reports whether a content type is that of a gRPC call (PROTOCOL-HTTP2.md, "Content-Type"). gRPC-Web is not:
// its clients read an answer of HTTP.
func IsGRPC(contentType string) bool {
	const name = "application/grpc"
	if len(contentType) < len(name) || !strings.EqualFold(contentType[:len(name)], name) {
		return false
	}
	rest := contentType[len(name):]
	return rest == "" || rest[0] == '+' || rest[0] == ';' || rest[0] == ' '
}

// ForGRPC is the answer as a gRPC client understands it: trailers only, which HTTP sends as a head without a body
// (PROTOCOL-HTTP2.md, "Responses"). The call ends with the status that is in GRPC, else with the one that the status of
// HTTP stands for, as in Envoy. An answer that says itself that it is gRPC stays.
func (a Answer) ForGRPC() Answer {
	if IsGRPC(a.ContentType) {
		return a
	}
	said := a.GRPC
	if said == nil {
		said = &GRPCStatus{Code: grpcOf(a.Status), Message: statusText(a.Status)}
	}
	a.Header = append(slices.Clone(a.Header), Field{"Grpc-Status", strconv.Itoa(int(said.Code))})
	if said.Message != "" {
		a.Header = append(a.Header, Field{"Grpc-Message", encodeGRPCMessage(said.Message)})
	}
	if len(said.Details) > 0 {
		a.Header = append(a.Header, Field{"Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(said.encode())})
	}
	a.Status, a.ContentType, a.Body = http.StatusOK, "application/grpc", nil
	return a
}

// encodeGRPCMessage writes what is no plain character in percents (PROTOCOL-HTTP2.md, "Status-Message").
func encodeGRPCMessage(text string) string {
	var out strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// encode writes the status as a message google.rpc.Status: code = 1, message = 2, details = 3; each of those is an Any:
// type_url = 1, value = 2.
func (s *GRPCStatus) encode() []byte {
	out := binary.AppendUvarint([]byte{1 << 3}, uint64(s.Code))
	out = appendBytes(out, 2, s.Message)
	for _, d := range s.Details {
		url := d.Type
		if !strings.Contains(url, "/") {
			url = "type.googleapis.com/" + url
		}
		value, _ := base64.StdEncoding.DecodeString(d.Value) // it was checked
		out = appendBytes(out, 3, string(appendBytes(appendBytes(nil, 1, url), 2, string(value))))
	}
	return out
}

// appendBytes appends a field of bytes of a protocol buffer message.
func appendBytes(out []byte, field byte, value string) []byte {
	out = binary.AppendUvarint(append(out, field<<3|2), uint64(len(value)))
	return append(out, value...)
}
