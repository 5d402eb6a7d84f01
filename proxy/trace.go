package proxy

import (
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// Tracer begins the part that an exchange has in a distributed trace (W3C Trace Context). It is given what the client has sent
// as traceparent and tracestate, "" for none, and must not block.
type Tracer func(at time.Time, parent, state string) Span

// Span is such a part.
type Span struct {
	// Parent and State are the traceparent and the tracestate that the upstream is sent in place of the client's; State may be "",
	// for none. Without a Parent the upstream is sent what the client has sent.
	Parent, State string
	// Of is the tracer's own, for when the observer is told of the exchange.
	Of any
}

// The fields of W3C Trace Context.
const (
	traceParent = "traceparent"
	traceState  = "tracestate"
)

// Trace begins the span of an exchange whose request has these fields; nil where nothing is traced.
func (p *Proxy) Trace(at time.Time, request faults.Fields) *Span {
	if p.engine.Tracer == nil {
		return nil
	}
	parent := ""
	if parents := request.Values("Traceparent"); len(parents) == 1 { // of several nobody can say which one counts
		parent = strings.Clone(parents[0]) // a view, as all of the request's texts may be
	}
	span := p.engine.Tracer(at, parent, strings.Clone(strings.Join(request.Values("Tracestate"), ",")))
	return &span
}

// Edit has a request name the span as the parent of what the upstream does. That of nil changes nothing.
func (s *Span) Edit() faults.Edit {
	if s == nil || s.Parent == "" {
		return faults.Edit{}
	}
	edit := faults.Edit{Remove: []string{traceParent, traceState}, Set: []faults.Field{{Name: traceParent, Value: s.Parent}}}
	if s.State != "" {
		edit.Set = append(edit.Set, faults.Field{Name: traceState, Value: s.State})
	}
	return edit
}
