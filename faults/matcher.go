package faults

import (
	"fmt"
	"net/netip"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

// matcher is a compiled Match.
type matcher struct {
	methods  []string
	host     *tests
	path     *tests
	headers  []namedTests
	query    []namedTests
	source   *sourceTest
	sni      *tests
	nth      uint64
	first    string // bytes
	service  *tests // of gRPC
	method   *tests // of gRPC
	body     []bodyTest
	status   []int
	response []namedTests
}

// test is a compiled condition on a text.
type test func(text string) bool

// tests is a compiled Values.
type tests struct {
	any    []test
	absent bool // a missing text is fine
	regex  bool // there are regular expressions among them
}

type namedTests struct {
	name  string
	tests *tests
}

// sourceTest is a compiled condition on an address.
type sourceTest struct {
	prefixes []netip.Prefix
	text     *tests // on the address as written; nil = none
}

// compile turns the conditions into a matcher; nil where there are none.
func (m *Match) compile() (*matcher, error) {
	if m == nil {
		return nil, nil
	}
	var err error
	compiled := &matcher{methods: m.Methods, nth: m.Nth}
	if compiled.first, err = m.FirstBytes.bytes(); err != nil {
		return nil, fmt.Errorf("first_bytes: %w", err)
	}
	if compiled.host, err = m.Host.lower().compile(equal); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	if compiled.path, err = m.Path.compile(glob); err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if compiled.source, err = compileSource(m.Source); err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	if compiled.sni, err = m.SNI.lower().compile(equal); err != nil {
		return nil, fmt.Errorf("sni: %w", err)
	}
	if compiled.headers, err = compileFields(m.Headers); err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	if compiled.query, err = compileNamed(m.Query); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	if compiled.service, err = m.GRPCService.compile(equal); err != nil {
		return nil, fmt.Errorf("grpc_service: %w", err)
	}
	if compiled.method, err = m.GRPCMethod.compile(equal); err != nil {
		return nil, fmt.Errorf("grpc_method: %w", err)
	}
	if compiled.body, err = m.Body.compile(); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if m.Response != nil {
		compiled.status = m.Response.Status
		if compiled.response, err = compileFields(m.Response.Headers); err != nil {
			return nil, fmt.Errorf("response headers: %w", err)
		}
	}
	return compiled, nil
}

// compile turns conditions into functions; exact makes that of an Exact text.
func (vs Values) compile(exact func(want string) (test, error)) (*tests, error) {
	if len(vs) == 0 {
		return nil, nil
	}
	compiled := &tests{}
	for _, v := range vs {
		if v.Absent {
			compiled.absent = true
			continue
		}
		one, err := v.compile(exact)
		if err != nil {
			return nil, err
		}
		compiled.any = append(compiled.any, one)
		compiled.regex = compiled.regex || v.Regex != nil
	}
	return compiled, nil
}

func (v Value) compile(exact func(want string) (test, error)) (test, error) {
	switch {
	case v.Exact != nil:
		return exact(*v.Exact)
	case v.Prefix != nil:
		prefix := *v.Prefix
		return func(text string) bool { return strings.HasPrefix(text, prefix) }, nil
	case v.Suffix != nil:
		suffix := *v.Suffix
		return func(text string) bool { return strings.HasSuffix(text, suffix) }, nil
	case v.Regex != nil:
		expression, err := regexp.Compile(*v.Regex)
		if err != nil {
			return nil, err
		}
		return func(text string) bool { return len(text) <= MaxRegexText && expression.MatchString(text) }, nil
	}
	return nil, fmt.Errorf("a condition without a form")
}

func equal(want string) (test, error) {
	return func(text string) bool { return text == want }, nil
}

// lower makes conditions on a text in any case into conditions on it in lower case.
func (vs Values) lower() Values {
	lower := func(text *string) *string {
		if text == nil {
			return nil
		}
		lowered := strings.ToLower(*text)
		return &lowered
	}
	lowered := make(Values, len(vs))
	for i, v := range vs {
		lowered[i] = Value{Exact: lower(v.Exact), Prefix: lower(v.Prefix), Suffix: lower(v.Suffix), Absent: v.Absent}
		if v.Regex != nil {
			anyCase := "(?i:" + *v.Regex + ")"
			lowered[i].Regex = &anyCase
		}
	}
	return lowered
}

// compileFields is compileNamed for header fields, whose names it writes as [net/http.Header] does.
func compileFields(named map[string]Values) ([]namedTests, error) {
	compiled, err := compileNamed(named)
	for i := range compiled {
		compiled[i].name = textproto.CanonicalMIMEHeaderKey(compiled[i].name)
	}
	return compiled, err
}

func compileNamed(named map[string]Values) ([]namedTests, error) {
	compiled := make([]namedTests, 0, len(named))
	for _, name := range sortedNames(named) {
		values, err := named[name].compile(equal)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if values != nil {
			compiled = append(compiled, namedTests{name, values})
		}
	}
	return compiled, nil
}

func compileSource(vs Values) (*sourceTest, error) {
	if len(vs) == 0 {
		return nil, nil
	}
	compiled := &sourceTest{}
	var texts Values
	for _, v := range vs {
		if v.Exact == nil {
			texts = append(texts, v)
			continue
		}
		prefix, err := parsePrefix(*v.Exact)
		if err != nil {
			return nil, err
		}
		compiled.prefixes = append(compiled.prefixes, prefix)
	}
	var err error
	compiled.text, err = texts.compile(equal)
	return compiled, err
}

// match reports whether all conditions hold, the cheap ones first. body is the request's, as [readBody] gives it.
func (m *matcher) match(v *View, body []byte) bool {
	return (m.status == nil || slices.Contains(m.status, v.Status)) &&
		m.matchHead(v) && matchBody(m.body, body) &&
		matchFields(m.response, v.ResponseHeader)
}

// matchHead reports whether the conditions on the request's head hold.
func (m *matcher) matchHead(v *View) bool {
	return (m.methods == nil || slices.Contains(m.methods, v.Method)) &&
		(m.path == nil || m.path.match(v.Path)) &&
		(m.host == nil || m.host.match(v.hostName())) &&
		matchFields(m.headers, v.Header) &&
		(m.source == nil || m.source.match(v.source())) &&
		(m.sni == nil || m.sni.matchSNI(v.SNI)) &&
		(m.nth == 0 || m.nth == v.Nth) && strings.HasPrefix(v.FirstBytes, m.first) &&
		matchQuery(m.query, v.RawQuery) &&
		(m.service == nil && m.method == nil || m.matchGRPC(v))
}

// matchGRPC reports whether the conditions on the service and the method of a gRPC request hold.
func (m *matcher) matchGRPC(v *View) bool {
	service, method, ok := v.grpc()
	holds := func(ts *tests, text string) bool { return ts == nil || ok && ts.match(text) || !ok && ts.absent }
	return holds(m.service, service) && holds(m.method, method)
}

// match holds if any condition holds for the text.
func (ts *tests) match(text string) bool {
	for _, test := range ts.any {
		if test(text) {
			return true
		}
	}
	return false
}

func (s *sourceTest) match(source netip.Addr) bool {
	for _, prefix := range s.prefixes {
		if prefix.Contains(source) {
			return true
		}
	}
	return s.text != nil && s.text.match(source.String())
}

// matchFields holds if each of the wanted fields has a line for which one of its conditions holds, or is absent where
// that is wanted.
func matchFields(wanted []namedTests, fields Fields) bool {
	for _, want := range wanted {
		lines := fieldLines(fields, want.name)
		if len(lines) == 0 && want.tests.absent {
			continue
		}
		if want.tests.regex {
			lines = withinText(lines)
		}
		if !slices.ContainsFunc(lines, want.tests.match) {
			return false
		}
	}
	return true
}

// withinText gives the first lines, of [MaxRegexText] bytes together.
func withinText(lines []string) []string {
	left := MaxRegexText
	for i, line := range lines {
		if left -= len(line); left < 0 {
			return lines[:i]
		}
	}
	return lines
}

// matchQuery is matchFields for the parameters of a query.
func matchQuery(wanted []namedTests, query string) bool {
	for _, want := range wanted {
		value, rest, found := cutParameter(query, want.name)
		matched := !found && want.tests.absent
		for ; found && !matched; value, rest, found = cutParameter(rest, want.name) {
			matched = want.tests.match(value)
		}
		if !matched {
			return false
		}
	}
	return true
}
