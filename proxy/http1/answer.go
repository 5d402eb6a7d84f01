package http1

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// answer replies in the upstream's place. In phase after the upstream's reply is dropped.
func (x *exchange) answer(a faults.Answer, d faults.Decision) {
	x.record.Outcome, x.record.Faulted = proxy.Injected, true
	if faults.IsGRPC(x.request.value("Content-Type")) {
		a = a.ForGRPC()
	}
	h := &x.head
	h.lines = h.lines[:0]
	if x.reply.status == 0 {
		x.allowOrigin()
	}
	for _, line := range x.reply.lines {
		if x.reply.status != 0 && x.staysBeside(line, a.KeepHeader) {
			h.lines = append(h.lines, line)
		}
	}
	if a.ContentType != "" {
		h.set("Content-Type", a.ContentType)
	}
	for _, field := range a.Header {
		h.set(field.Name, field.Value)
	}
	for _, edit := range x.replyEdits {
		h.apply(edit)
	}
	if x.settings.Config.Attribution {
		h.set(faults.AttributionHeader, faults.Attribution(d))
		h.add(faults.ServerTimingHeader, faults.ServerTiming(d, time.Since(x.record.At)))
	}
	x.write(a.Status, a.Body)
}

// staysBeside reports whether a field of the dropped reply stands beside an answer of ours: one that lets a page of
// another origin see it, or, if they all are kept, one that is not about the body.
func (x *exchange) staysBeside(line field, all bool) bool {
	if isHopByHop(line.id) || line.id == upgrade || x.reply.lists(connection, line.name) {
		return false
	}
	return semantics.IsForOrigins(line.name) || all && !semantics.IsAboutBody(line.name)
}

// allowOrigin lets a page of another origin see the answer's status instead of a CORS error.
func (x *exchange) allowOrigin() {
	if origin := x.request.value("Origin"); origin != "" {
		x.head.add("Access-Control-Allow-Origin", origin)
		x.head.add("Access-Control-Allow-Credentials", "true")
		x.head.add("Vary", "Origin")
	}
}

// problem answers with an error that is real: no fault of ours, so it does not carry the mark of one.
func (x *exchange) problem(status int, reason string) {
	x.record.Outcome, x.record.Error = proxy.RealError, reason
	x.head.lines = append(x.head.lines[:0], field{name: "Content-Type", value: "application/json"})
	if status == http.StatusMethodNotAllowed {
		x.head.add("Allow", semantics.AllowedMethods)
	}
	x.write(status, semantics.Problem(status, reason))
}

// write sends a reply of ours, with the fields that are in x.head already. What is left of the request's body is not
// waited for: the connection ends after such a reply.
func (x *exchange) write(status int, body []byte) {
	h := &x.head
	if _, found := h.get(requestID); !found && x.record.RequestID != "" {
		h.add("X-Request-Id", x.record.RequestID)
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		body = nil
	} else {
		h.set("Content-Length", strconv.Itoa(len(body)))
	}
	x.startReply(status, http.StatusText(status))
	if x.request.method != http.MethodHead {
		_ = x.sendPieces(sized, body) // whoever ends it, nothing more is to be sent
	}
	x.flush()
}

// startReply begins what goes to the client with a status line, the fields in x.head, and what the client has to know of
// its connection.
func (x *exchange) startReply(status int, reason string) {
	x.record.Status = status
	x.noteReply()
	x.upload.skip()
	if !x.upload.isRead() || x.server.draining.Err() != nil {
		x.persist = false
	}
	x.out = append(x.out[:0], "HTTP/1.1 "...)
	x.out = strconv.AppendInt(x.out, int64(status), 10)
	x.out = append(append(x.out, ' '), reason...)
	x.out = append(x.out, "\r\n"...)
	x.out = x.head.appendTo(x.out)
	switch {
	case status == http.StatusSwitchingProtocols:
	case !x.persist:
		x.out = append(x.out, "Connection: close\r\n"...)
	case x.request.minor == 0:
		x.out = append(x.out, "Connection: keep-alive\r\n"...)
	}
	x.out = append(x.out, "\r\n"...)
}

// flush writes what is to be written to the client.
func (x *exchange) flush() {
	if len(x.out) == 0 || x.writeErr != nil {
		return
	}
	if x.record.Status != 0 {
		x.noteFirstByte()
	}
	x.writeErr = x.conn.write(x.out)
	x.out = x.out[:0]
}

// refuseHead tells a client, if it is still there, why its head was not read. Where nothing of a request had come there
// was no exchange.
func (x *exchange) refuseHead(err error) bool {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
	case errors.Is(err, errHeadTooLarge):
		refused = x.tooLarge()
	case err == io.EOF && len(x.conn.in.buffered()) == 0:
		return false
	default: // it left in the middle, or was too slow
		return false
	}
	x.begin()
	defer x.finish()
	x.identify()
	return x.refuse(refused)
}

// tooLarge says what of a head is too large: its first line, or all of it.
func (x *exchange) tooLarge() *refusal {
	begin := x.conn.in.buffered()
	for i := range begin[:min(len(begin), maxRequestLine+1)] {
		if begin[i] == '\n' {
			return &refusal{431, "the head is larger than 64 KiB"}
		}
	}
	return &refusal{414, "the request line is longer than 16 KiB"}
}

// refuse answers a request that breaks the protocol or a limit, and ends its connection: where the next request begins is
// not certain.
func (x *exchange) refuse(why *refusal) bool {
	x.persist = false
	x.problem(why.status, why.reason)
	return x.end()
}
