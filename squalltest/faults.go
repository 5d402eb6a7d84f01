package squalltest

import (
	"encoding/json"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Delay holds every request for a time before it goes on.
func (f *Faults) Delay(latency time.Duration, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("delay", faults.Before, &faults.Delay{Latency: faults.Duration(latency)}), options...)
}

// Abort answers with a status; the upstream is not asked.
func (f *Faults) Abort(status int, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("abort", faults.Before, &faults.Abort{Status: status}), options...)
}

// AbortGRPC ends every gRPC call with a status, by its name such as "UNAVAILABLE", and a message; the upstream, which is an
// h2c:// one mostly, is not asked. Requests of HTTP get the status that stands for it, such as 503.
func (f *Faults) AbortGRPC(status, message string, options ...Option) *Fault {
	f.t.Helper()
	code, err := faults.ParseGRPCCode(status)
	if err != nil {
		f.t.Fatalf("squalltest: %v", err)
	}
	return f.Arm(newRule("abort", faults.Before, &faults.Abort{GRPCStatus: &code, GRPCMessage: message}), options...)
}

// LoseReply lets the upstream do its work and answers with a status in place of its reply.
func (f *Faults) LoseReply(status int, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("abort", faults.After, &faults.Abort{Status: status}), options...)
}

// Degrade replaces the body of every reply by body, written as JSON.
func (f *Faults) Degrade(body any, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("degrade", faults.After, &faults.Degrade{Body: f.node(body)}), options...)
}

// Merge merges patch, written as JSON, into the body of every JSON reply (RFC 7396).
func (f *Faults) Merge(patch any, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("degrade", faults.After, &faults.Degrade{Merge: f.node(patch)}), options...)
}

// Patch applies a JSON patch (RFC 6902), written as JSON, to the body of every reply that it fits.
func (f *Faults) Patch(patch any, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("degrade", faults.After, &faults.Degrade{Patch: f.node(patch)}), options...)
}

// CutLists leaves so many items in every list of every JSON reply.
func (f *Faults) CutLists(items int, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("degrade", faults.After, &faults.Degrade{Lists: &items}), options...)
}

// Drop takes what stands at JSON pointers (RFC 6901) out of every JSON reply.
func (f *Faults) Drop(pointers []string, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("degrade", faults.After, &faults.Degrade{Drop: pointers}), options...)
}

// Null puts null where JSON pointers (RFC 6901) lead in every JSON reply.
func (f *Faults) Null(pointers []string, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("degrade", faults.After, &faults.Degrade{Null: pointers}), options...)
}

// Stale gives the last good reply again, one of at most this age, in place of every reply to a GET or HEAD: each is shown one
// call late.
func (p *Proxy) Stale(age time.Duration, options ...Option) *Fault {
	p.t.Helper()
	most := faults.Duration(age)
	return p.Arm(newRule("degrade", faults.After, &faults.Degrade{Stale: &most}), options...)
}

// Corrupt flips the first bytes of every reply's body, so many; its length stays.
func (f *Faults) Corrupt(bytes int64, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("corrupt", faults.After, &faults.Corrupt{Bytes: faults.Size(bytes)}), options...)
}

// Throttle slows every reply's body down to a rate in bytes per second.
func (f *Faults) Throttle(rate int64, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("throttle", faults.Before, &faults.Throttle{Rate: faults.Size(rate)}), options...)
}

// Drip sends every reply's body in pieces of so many bytes, an interval apart. Replies that are known to be no longer
// than one pass.
func (f *Faults) Drip(chunk int64, interval time.Duration, options ...Option) *Fault {
	f.t.Helper()
	attributes := &faults.Drip{Chunk: faults.Size(chunk), Interval: faults.Duration(interval)}
	return f.Arm(newRule("drip", faults.After, attributes), options...)
}

// Truncate lets so many bytes of every reply's body arrive and closes the connection. Replies that are known to be no
// longer pass.
func (f *Faults) Truncate(after int64, options ...Option) *Fault {
	f.t.Helper()
	part := &faults.Part{Bytes: faults.Size(after)}
	return f.Arm(newRule("truncate", faults.After, &faults.Truncate{After: part}), options...)
}

// ResetConnection ends the connection with a TCP reset instead of a reply, on HTTP/2 the stream; the upstream is not asked.
func (f *Faults) ResetConnection(options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("reset", faults.Before, &faults.Reset{}), options...)
}

// Empty closes the connection without a byte of answer; the upstream is not asked.
func (f *Faults) Empty(options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("empty", faults.Before, &faults.Empty{}), options...)
}

// Malformed answers with bytes that are no HTTP: as "status_line", "header", "chunk" or "garbage". The upstream is not
// asked.
func (f *Faults) Malformed(as string, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("malformed", faults.Before, &faults.Malformed{As: as}), options...)
}

// Blackhole accepts requests and never answers them, until the client leaves.
func (f *Faults) Blackhole(options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("blackhole", faults.Before, &faults.Blackhole{}), options...)
}

// RateLimit refuses, with 429 and a Retry-After, what comes more than so often in a time. What passes it does not hit.
func (f *Faults) RateLimit(rate uint64, per time.Duration, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("rate_limit", faults.Before, &faults.RateLimit{Rate: rate, Per: faults.Duration(per)}), options...)
}

// Concurrency lets so many requests pass at once, holds queue others, and answers the rest with 503. What passes at once
// it does not hit.
func (f *Faults) Concurrency(most, queue uint64, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("concurrency", faults.Before, &faults.Concurrency{Max: most, Queue: queue}), options...)
}

// Duplicate sends every request to the upstream again, so many times, once the client has its reply.
func (f *Faults) Duplicate(times int, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("duplicate", faults.Before, &faults.Duplicate{Times: times}), options...)
}

// Goaway closes the client's connection behind every reply, and says so in it.
func (f *Faults) Goaway(options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("goaway", faults.Before, &faults.Goaway{}), options...)
}

// CutWebSocket lets so many messages of the upstream's pass on every WebSocket and closes the connection, without a Close
// frame. Other requests it leaves alone.
func (f *Faults) CutWebSocket(messages uint64, options ...Option) *Fault {
	f.t.Helper()
	attributes := &faults.WebSocket{CutAfter: &faults.Traffic{Messages: messages}}
	return f.Arm(newRule("websocket", faults.Before, attributes), options...)
}

// RefuseWebSocket answers with a status where a WebSocket is asked for; the upstream is not asked.
func (f *Faults) RefuseWebSocket(status int, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("websocket", faults.Before, &faults.WebSocket{Refuse: status}), options...)
}

// SetTrailer sets a field behind the body of every reply, which becomes a chunked one.
func (f *Faults) SetTrailer(field, value string, options ...Option) *Fault {
	f.t.Helper()
	return f.Arm(newRule("trailers", faults.After, &faults.Trailers{Set: map[string]string{field: value}}), options...)
}

// DropTrailers drops all fields behind the body of every reply in chunks.
func (f *Faults) DropTrailers(options ...Option) *Fault {
	f.t.Helper()
	attributes := &faults.Trailers{Drop: &faults.Names{All: true}}
	return f.Arm(newRule("trailers", faults.After, attributes), options...)
}

// FailHandshake fails the TLS handshake of every connection to a proxy of NewTLS: as "expired", "wrong_name", "self_signed",
// "incomplete_chain" (what is wrong with the certificate), "stall" or "alert". Connections that there are go on.
func (p *Proxy) FailHandshake(as string, options ...Option) *Fault {
	p.t.Helper()
	return p.Arm(newRule("tls", faults.Handshake, &faults.TLSFault{As: as}), options...)
}

// SetHeader sets a header field of every reply.
func (f *Faults) SetHeader(field, value string, options ...Option) *Fault {
	f.t.Helper()
	edit := &faults.HeaderEdit{Set: map[string]string{field: value}}
	return f.Arm(newRule("headers", faults.After, &faults.Headers{Response: edit}), options...)
}

func newRule(kind string, phase faults.Phase, attributes faults.Attributes) faults.Rule {
	return faults.Rule{Kind: kind, Phase: phase, Attributes: attributes, Percent: 100, Enabled: true}
}

// node turns a Go value into a document.
func (f *Faults) node(value any) *document.Node {
	f.t.Helper()
	written, err := json.Marshal(value)
	if err != nil {
		f.t.Fatalf("squalltest: %v", err)
	}
	n, err := document.ParseJSON(written)
	if err != nil {
		f.t.Fatalf("squalltest: %v", err)
	}
	return n
}

// Option narrows down what a fault hits.
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

// Percent hits a share of the matching requests, 0 to 100; which ones depends on the seed.
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
