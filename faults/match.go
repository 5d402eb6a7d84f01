package faults

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Match says which exchanges a rule is about. All that is given must hold; nothing given matches everything.
type Match struct {
	Methods []string          `json:"methods,omitempty"`
	Host    Values            `json:"host,omitempty"` // compared in lower case, without a port
	Path    Values            `json:"path,omitempty"` // decoded and cleaned; exact: * within a segment, ** across
	Headers map[string]Values `json:"headers,omitempty"`
	Query   map[string]Values `json:"query,omitempty"`
	Source  Values            `json:"source,omitempty"` // the client's address; exact may be a prefix such as 10.0.0.0/8

	// Of a request whose content type begins with application/grpc and whose path is /service/method; others have neither.
	GRPCService Values `json:"grpc_service,omitempty"`
	GRPCMethod  Values `json:"grpc_method,omitempty"`

	Body BodyMatch `json:"body,omitempty"`

	Response *ResponseMatch `json:"response,omitempty"` // phase after

	Nth        uint64     `json:"nth,omitempty"`         // TCP: the nth connection of the proxy, from 1
	FirstBytes FirstBytes `json:"first_bytes,omitempty"` // TCP: what the client sends first
	SNI        Values     `json:"sni,omitempty"`         // phase handshake; compared in lower case
}

// DecodeDocument reads the conditions.
func (m *Match) DecodeDocument(n *document.Node) error {
	if methods := n.Get("methods"); methods != nil && methods.Kind == document.String {
		return document.Errorf("methods", `want a list such as ["GET"], got a string`)
	}
	type plain Match
	*m = Match{}
	if err := document.Decode(n, (*plain)(m)); err != nil {
		return err
	}
	switch {
	case m.Nth == 0 && n.Get("nth") != nil:
		return document.Errorf("nth", "connections are counted from 1")
	case m.FirstBytes == "" && n.Get("first_bytes") != nil:
		return document.Errorf("first_bytes", "must not be empty: leave it out for any connection")
	}
	return nil
}

// ResponseMatch is a condition on the upstream's reply.
type ResponseMatch struct {
	Status  []int             `json:"status,omitempty"` // any of these; documents may write one alone
	Headers map[string]Values `json:"headers,omitempty"`
}

// DecodeDocument reads the conditions; status may be one number or a list.
func (m *ResponseMatch) DecodeDocument(n *document.Node) error {
	type plain ResponseMatch
	*m = ResponseMatch{}
	status := n.Get("status")
	if status == nil {
		return document.Decode(n, (*plain)(m))
	}
	if status.Kind == document.String {
		return document.Errorf("status", "want a number such as 503, or a list such as [500, 502], got %q: each status stands by itself",
			clip(status.Text))
	}
	if status.Kind != document.Number {
		return document.Decode(n, (*plain)(m))
	}
	listed := *n
	listed.Members = slices.Clone(n.Members)
	for i := range listed.Members {
		if listed.Members[i].Name == "status" {
			listed.Members[i].Value = &document.Node{Kind: document.List, Items: []*document.Node{status}}
		}
	}
	return document.Each(document.Decode(&listed, (*plain)(m)), func(e *document.Error) {
		if e.Field == "status[0]" {
			e.Field = "status"
		}
	})
}

// empty reports that nothing is asked for.
func (m *Match) empty() bool {
	return len(m.Methods) == 0 && m.Host == nil && m.Path == nil && len(m.Headers) == 0 && len(m.Query) == 0 &&
		m.Source == nil && m.SNI == nil && m.Nth == 0 && m.FirstBytes == "" && m.GRPCService == nil && m.GRPCMethod == nil && len(m.Body) == 0 && (m.Response == nil || len(m.Response.Status)+len(m.Response.Headers) == 0)
}

func (m *Match) validate(layer Layer, phase Phase) error {
	switch {
	case m == nil:
		return nil
	case layer == TLS:
		return m.validateHandshake()
	case layer == TCP:
		return m.validateConnection()
	case m.SNI != nil:
		return document.Errorf("sni", "only rules of kind tls see it")
	case m.Nth != 0:
		return document.Errorf("nth", "only rules of TCP kinds count connections")
	case m.FirstBytes != "":
		return document.Errorf("first_bytes", "only rules of TCP kinds see them")
	}
	if err := checkMethods(m.Methods); err != nil {
		return err
	}
	for _, field := range []struct {
		name   string
		values Values
		check  func(Value) error
	}{
		{"host", m.Host, checkHost},
		{"path", m.Path, checkPath},
		{"source", m.Source, checkSource},
		{"grpc_service", m.GRPCService, nil},
		{"grpc_method", m.GRPCMethod, nil},
	} {
		if err := field.values.validate(field.check); err != nil {
			return document.At(err, field.name)
		}
	}
	if err := checkHeaderValues(m.Headers); err != nil {
		return document.At(err, "headers")
	}
	if err := checkNamedValues(m.Query); err != nil {
		return document.At(err, "query")
	}
	if err := m.Body.validate(); err != nil {
		return document.At(err, "body")
	}
	if m.Response != nil && phase != After {
		return document.Errorf("response", "only rules of phase after see a response")
	}
	if err := m.Response.validate(); err != nil {
		return document.At(err, "response")
	}
	return nil
}

func (m *ResponseMatch) validate() error {
	if m == nil {
		return nil
	}
	if err := checkList(m.Status != nil, len(m.Status)); err != nil {
		return document.At(err, "status")
	}
	for _, status := range m.Status {
		if status < 100 || status > 599 {
			return document.Errorf("status", "must be 100 to 599, got %d", status)
		}
	}
	return document.At(checkHeaderValues(m.Headers), "headers")
}

// checkMethods refuses what can never match. Methods are case-sensitive (RFC 9110, 9.1).
func checkMethods(methods []string) error {
	if err := checkList(methods != nil, len(methods)); err != nil {
		return document.At(err, "methods")
	}
	common := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
	for i, method := range methods {
		upper := strings.ToUpper(method)
		if isToken(method) && (method == upper || !slices.Contains(common, upper)) {
			continue
		}
		refusal := document.Errorf(fmt.Sprintf("methods[%d]", i), "%q is not an HTTP method", clip(method))
		if slices.Contains(common, upper) {
			refusal.DidYouMean = upper
		}
		return refusal
	}
	return nil
}

func checkHeaderValues(headers map[string]Values) error {
	for _, name := range sortedNames(headers) {
		if !isToken(name) {
			return document.Errorf("", "%q is not a header name", clip(name))
		}
		if strings.EqualFold(name, "host") {
			return document.At(document.Errorf("", `the host has a condition of its own, "host"`), name)
		}
	}
	return checkNamedValues(headers)
}

// checkNamedValues checks the conditions on fields or parameters.
func checkNamedValues(named map[string]Values) error {
	if err := checkList(false, len(named)); err != nil {
		return err
	}
	for _, name := range sortedNames(named) {
		if err := named[name].validate(nil); err != nil {
			return document.At(err, name)
		}
	}
	return nil
}

func checkHost(v Value) error {
	if v.Absent {
		return document.Errorf("absent", "every exchange has a host")
	}
	return nil
}

func checkPath(v Value) error {
	switch {
	case v.Absent:
		return document.Errorf("absent", "every exchange has a path")
	case v.Exact != nil && !strings.HasPrefix(*v.Exact, "/") && !strings.HasPrefix(*v.Exact, "**"):
		return document.Errorf("", "must begin with / or **, got %q", clip(*v.Exact))
	}
	return nil
}

func checkSource(v Value) error {
	if v.Absent {
		return document.Errorf("absent", "every exchange has a source")
	}
	if v.Exact == nil {
		return nil
	}
	if _, err := parsePrefix(*v.Exact); err != nil {
		return document.Errorf("", "%q is neither an address nor a prefix such as 10.0.0.0/8", clip(*v.Exact))
	}
	return nil
}

// parsePrefix reads an address, or a prefix of addresses. IPv4 in IPv6 counts as IPv4, as it does in [View.Source].
func parsePrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap().WithZone("")
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err == nil && prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		return netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96), nil
	}
	return prefix, err
}

// isToken reports whether s is a token as RFC 9110, 5.6.2 has it: a method, a field name.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
