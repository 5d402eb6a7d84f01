package squalltest

import "github.com/squall-proxy/squall/faults"

// Option narrows down what a fault hits: of HTTP, requests; of TCP, connections.
type Option func(armed)

type armed struct {
	rule  *faults.Rule
	fault *Fault
}

// First hits only the first n matching requests.
func First(n uint64) Option { return func(a armed) { a.rule.First = n } }

// Skip leaves the first n matching requests alone.
func Skip(n uint64) Option { return func(a armed) { a.rule.Skip = n } }

// Every hits each nth matching request.
func Every(n uint64) Option { return func(a armed) { a.rule.Every = n } }

// Burst hits so many matching requests in a row, then leaves so many alone, and so on.
func Burst(on, off uint64) Option {
	return func(a armed) { a.rule.Burst = &faults.Burst{On: on, Off: off} }
}

// MaxConsecutive spares the request after n hits in a row.
func MaxConsecutive(n uint64) Option { return func(a armed) { a.rule.MaxConsecutive = n } }

// Exactly hits a share of the matching requests, in whole percents, of any 100 in a row exactly; which ones depends on the
// seed.
func Exactly(percent int) Option {
	return func(a armed) { a.rule.Percent, a.rule.Exact = float64(percent), true }
}

// Percent hits a share of the matching requests, or connections of TCP, 0 to 100; which ones depends on the seed. Toxiproxy's
// toxicity of 0.2 is 20.
func Percent(percent float64) Option { return func(a armed) { a.rule.Percent = percent } }

// Key counts requests apart, as in "header:X-Test": parallel tests do not disturb each other.
func Key(key string) Option { return func(a armed) { a.rule.Key = key } }

// Path hits only requests for a path; * stands for any text within a segment, ** across.
func Path(pattern string) Option {
	return func(a armed) { a.match().Path = faults.Exactly(pattern) }
}

// Methods hits only requests with one of these methods.
func Methods(methods ...string) Option { return func(a armed) { a.match().Methods = methods } }

// Body hits only requests with a JSON body of at most 64 KiB in which value, written as JSON, stands where a JSON pointer
// (RFC 6901) leads, as in Body("/items/0/sku", "tea").
func Body(pointer string, value any) Option {
	return func(a armed) {
		m := a.match()
		if m.Body == nil {
			m.Body = make(faults.BodyMatch)
		}
		m.Body[pointer] = a.fault.of.node(value)
	}
}

// Header hits only requests with this header field.
func Header(field, value string) Option {
	return func(a armed) {
		m := a.match()
		if m.Headers == nil {
			m.Headers = make(map[string]faults.Values)
		}
		m.Headers[field] = faults.Exactly(value)
	}
}

// SNI hits only handshakes of clients that ask for a server's name, in a FailHandshake.
func SNI(name string) Option {
	return func(a armed) { a.match().SNI = faults.Exactly(name) }
}

// Upstream has a toxic act on what the client sends, instead of what comes from the service.
func Upstream() Option { return func(a armed) { a.rule.Stream = faults.Upstream } }

// FirstBytes hits only TCP connections whose client begins with a text, or with bytes in hex behind "0x".
func FirstBytes(text string) Option {
	return func(a armed) { a.match().FirstBytes = faults.FirstBytes(text) }
}

// Named gives the fault a name, which marks its answers.
func Named(name string) Option { return func(a armed) { a.rule.Name = name } }

// MayMiss lets the test pass although the fault never hit.
func MayMiss() Option { return func(a armed) { a.fault.optional = true } }

func (a armed) match() *faults.Match {
	if a.rule.Match == nil {
		a.rule.Match = &faults.Match{}
	}
	return a.rule.Match
}
