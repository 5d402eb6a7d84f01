package nethttp

import (
	"net/http"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// answer replies in the upstream's place. dropped is the header of the reply that it replaces; nil if there is none.
func (x *exchange) answer(a faults.Answer, d faults.Decision, dropped http.Header) {
	x.record.Outcome, x.record.Faulted = proxy.Injected, true
	if faults.IsGRPC(x.in.Header.Get("Content-Type")) {
		a = a.ForGRPC()
	}
	h := x.Header()
	if dropped == nil {
		allowOrigin(h, x.in.Header)
	}
	keep(h, dropped, a.KeepHeader)
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	}
	for _, field := range a.Header {
		h.Set(field.Name, field.Value)
	}
	for _, edit := range x.replyEdits {
		apply(h, edit)
	}
	if x.settings.Config.Attribution {
		h.Set(faults.AttributionHeader, faults.Attribution(d))
		h.Add(faults.ServerTimingHeader, faults.ServerTiming(d, time.Since(x.record.At)))
	}
	x.write(a.Status, a.Body)
}

// allowOrigin lets a page of another origin see the answer's status instead of a CORS error.
func allowOrigin(h, request http.Header) {
	if origin := request.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Vary", "Origin")
	}
}

// keep takes fields over from a reply that is dropped: those that let a page of another origin see the answer, or all
// but those about the body.
func keep(h, dropped http.Header, all bool) {
	for name, values := range dropped {
		if semantics.IsForOrigins(name) || all && !semantics.IsAboutBody(name) {
			h[name] = values
		}
	}
}

// problem answers with an error that is real: no fault of ours, so it does not carry the mark of one.
func (x *exchange) problem(status int, reason string) {
	x.record.Outcome, x.record.Error = proxy.RealError, reason
	x.Header().Set("Content-Type", "application/json")
	x.write(status, semantics.Problem(status, reason))
}

// write sends a reply of ours, with the header that is set already.
func (x *exchange) write(status int, body []byte) {
	h := x.Header()
	if len(h["X-Request-Id"]) == 0 {
		h.Set("X-Request-Id", x.record.RequestID)
	}
	switch {
	case status == http.StatusNoContent, status == http.StatusNotModified:
		body = nil
	case x.stream && len(body) == 0:
		h["Content-Length"] = nil // the head ends the stream
	default:
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	keepSilent(h, h, "Content-Type")
	x.dismiss()
	x.WriteHeader(status)
	if x.in.Method != http.MethodHead && len(body) > 0 {
		x.writeBody(body)
	}
}

// dismiss asks the client to leave its connection, if a fault wants that: in the head of the reply itself, as what stood in
// the header is gone after an interim one. (In HTTP/2 net/http makes a GOAWAY of it.)
func (x *exchange) dismiss() {
	if x.leaves {
		x.Header().Set("Connection", "close")
	}
}

// keepSilent stops net/http from adding a field of its own to out where the reply has none: nil is a field without
// values.
func keepSilent(out, reply http.Header, name string) {
	if _, ok := reply[name]; !ok {
		out[name] = nil
	}
}

// apply edits header fields.
func apply(h http.Header, e faults.Edit) {
	for _, name := range e.Remove {
		h.Del(name)
	}
	for _, field := range e.Set {
		h.Set(field.Name, field.Value)
	}
	for _, field := range e.Add {
		h.Add(field.Name, field.Value)
	}
}
