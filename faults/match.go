package faults

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// Match says which exchanges a rule is about. All that is given must hold; nothing given matches everything.
type Match struct {
	Methods []string          `json:"methods,omitempty"`
	Host    Values            `json:"host,omitempty"` // compared in lower case, without a port
	Path    Values            `json:"path,omitempty"` // decoded and cleaned; * within a segment, ** across
	Headers map[string]Values `json:"headers,omitempty"`
	Query   map[string]Values `json:"query,omitempty"`
	Source  Values            `json:"source,omitempty"` // the client's address; exact may be a prefix such as 10.0.0.0/8

	GRPCService Values                    `json:"grpc_service,omitempty"`
	GRPCMethod  Values                    `json:"grpc_method,omitempty"`
	Body        map[string]*document.Node `json:"body,omitempty"` // JSON pointer to value

	Response *ResponseMatch `json:"response,omitempty"` // phase after

	Nth        uint64 `json:"nth,omitempty"`         // TCP: the nth connection, from 1
	FirstBytes string `json:"first_bytes,omitempty"` // TCP: text, or 0x… in hex
	SNI        Values `json:"sni,omitempty"`         // TLS
}

// ResponseMatch is a condition on the upstream's reply.
type ResponseMatch struct {
	Status  []int             `json:"status,omitempty"`
	Headers map[string]Values `json:"headers,omitempty"`
}

// DecodeDocument reads the conditions and checks them.
func (m *Match) DecodeDocument(n *document.Node) error {
	type plain Match
	*m = Match{}
	if err := document.Decode(n, (*plain)(m)); err != nil {
		return err
	}
	return m.validate()
}

// DecodeDocument reads the conditions; status may be one number or a list.
func (m *ResponseMatch) DecodeDocument(n *document.Node) error {
	type plain ResponseMatch
	*m = ResponseMatch{}
	if status := n.Get("status"); status != nil && status.Kind == document.Number {
		single := *status
		*status = document.Node{Kind: document.List, Items: []*document.Node{&single}, Line: single.Line, Column: single.Column}
	}
	return document.Decode(n, (*plain)(m))
}

func (m *Match) validate() error {
	for i, method := range m.Methods {
		if !isToken(method) {
			return document.Errorf(fmt.Sprintf("methods[%d]", i), "%q is not an HTTP method", method)
		}
	}
	for name := range m.Headers {
		if !isToken(name) {
			return document.Errorf("headers", "%q is not a header name", name)
		}
	}
	for _, v := range m.Source {
		if v.Exact != nil {
			if _, err := parsePrefix(*v.Exact); err != nil {
				return document.Errorf("source", "%q is neither an address nor a prefix such as 10.0.0.0/8", *v.Exact)
			}
		}
	}
	if m.Response != nil {
		for _, status := range m.Response.Status {
			if status < 100 || status > 599 {
				return document.Errorf("response.status", "must be 100 to 599, got %d", status)
			}
		}
	}
	return m.validateLater()
}

// validateLater refuses what this version knows only the names of.
func (m *Match) validateLater() error {
	const reason = "not available in this version"
	switch {
	case m.GRPCService != nil:
		return document.Errorf("grpc_service", reason)
	case m.GRPCMethod != nil:
		return document.Errorf("grpc_method", reason)
	case m.Body != nil:
		return document.Errorf("body", reason)
	case m.Nth != 0:
		return document.Errorf("nth", reason)
	case m.FirstBytes != "":
		return document.Errorf("first_bytes", reason)
	case m.SNI != nil:
		return document.Errorf("sni", reason)
	}
	return nil
}

// matcher is a compiled Match.
type matcher struct {
	methods  []string
	host     *tests
	path     *tests
	headers  []namedTests
	query    []namedTests
	source   *tests
	status   []int
	response []namedTests
}

type namedTests struct {
	name  string
	tests *tests
}

// compile turns the conditions into a matcher; nil for none.
func (m *Match) compile() *matcher {
	if m == nil {
		return nil
	}
	compiled := &matcher{
		methods: m.Methods,
		host:    m.Host.compile(func(want string) test { return equal(strings.ToLower(want)) }),
		path:    m.Path.compile(glob),
		headers: compileNamed(m.Headers),
		query:   compileNamed(m.Query),
		source:  m.Source.compile(inPrefix),
	}
	if m.Response != nil {
		compiled.status = m.Response.Status
		compiled.response = compileNamed(m.Response.Headers)
	}
	return compiled
}

func compileNamed(named map[string]Values) []namedTests {
	compiled := make([]namedTests, 0, len(named))
	for name, values := range named {
		compiled = append(compiled, namedTests{name, values.compile(equal)})
	}
	slices.SortFunc(compiled, func(a, b namedTests) int { return strings.Compare(a.name, b.name) })
	return compiled
}

// match reports whether all conditions hold, the cheap ones first.
func (m *matcher) match(v *View) bool {
	if m.methods != nil && !slices.Contains(m.methods, v.Method) {
		return false
	}
	if m.path != nil && !m.path.match(v.Path) {
		return false
	}
	if m.host != nil && !m.host.match(v.hostName()) {
		return false
	}
	if !matchFields(m.headers, v.Header) {
		return false
	}
	if m.source != nil && !m.source.match(v.Source.String()) {
		return false
	}
	for _, q := range m.query {
		if !q.tests.matchAny(v.queryValues(q.name)) {
			return false
		}
	}
	if m.status != nil && !slices.Contains(m.status, v.Status) {
		return false
	}
	return matchFields(m.response, v.ResponseHeader)
}

func matchFields(wanted []namedTests, fields Fields) bool {
	for _, h := range wanted {
		if fields == nil || !h.tests.matchAny(fields.Values(h.name)) {
			return false
		}
	}
	return true
}

func inPrefix(text string) test {
	prefix, err := parsePrefix(text)
	return func(address string) bool {
		source, parseErr := netip.ParseAddr(address)
		return err == nil && parseErr == nil && prefix.Contains(source.Unmap())
	}
}

// parsePrefix reads an address or an address prefix.
func parsePrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// isToken reports whether s is a token as RFC 9110, 5.6.2 has it: a method, a field name.
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}
