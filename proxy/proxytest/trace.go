package proxytest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// traced shows that an exchange's span goes upstream in place of the client's, and is in the record.
func (s suite) traced(t *testing.T) {
	var sent http.Header
	upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) { sent = r.Header.Clone() })
	edit := rules(`{"name": "edit", "headers": {"request": {"set": {"Tracestate": "edited"}}}, "match": {"path": "/edit"}}`)
	r := s.start(t, upstream, edit)
	const client, ours = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000aa-01"
	tell := func(path string, fields ...string) (parent, state string) {
		t.Helper()
		r.get(path, fields...)
		return strings.Join(sent.Values("Traceparent"), "|"), strings.Join(sent.Values("Tracestate"), "|")
	}

	parent, state := tell("/", "Traceparent", client, "Tracestate", "a=1")
	equal(t, "untraced: parent", parent, client)
	equal(t, "untraced: state", state, "a=1")
	equal(t, "untraced: record", r.exchange().Trace == nil, true)

	var asked []string
	tracer := func(at time.Time, parent, state string) proxy.Span {
		equal(t, "at", time.Since(at) < patience, true)
		asked = append(asked, parent+" "+state)
		if state == "silent" {
			return proxy.Span{}
		}
		return proxy.Span{Parent: ours, State: strings.TrimPrefix(state, "drop"), Of: len(asked)}
	}
	r = s.startEngine(t, upstream, func(e *proxy.Engine) { e.Tracer = tracer }, edit)
	parent, state = tell("/", "Traceparent", client, "Tracestate", "a=1")
	equal(t, "parent", parent, ours)
	equal(t, "state", state, "a=1")
	equal(t, "record", r.exchange().Trace.Of, any(1))
	parent, state = tell("/", "Tracestate", "drop")
	equal(t, "none: parent", parent, ours)
	equal(t, "none: state", state, "")
	r.exchange()
	parent, state = tell("/", "Traceparent", client, "Tracestate", "silent")
	equal(t, "not passed on: parent", parent, client)
	equal(t, "not passed on: state", state, "silent")
	r.exchange()
	_, state = tell("/edit", "Traceparent", client)
	equal(t, "a rule's word is the last: state", state, "edited")
	r.exchange()
	equal(t, "asked", strings.Join(asked, ";"), client+" a=1; drop;"+client+" silent;"+client+" ")
}
