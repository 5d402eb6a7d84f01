package squalltest

import (
	"time"

	"github.com/squall-proxy/squall/faults"
)

// Faults are what a [Proxy] and a [Transport] have in common: methods that arm faults. They may be called while traffic
// flows, and take effect for every request that starts after they return.
type Faults struct{ *armory }

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
