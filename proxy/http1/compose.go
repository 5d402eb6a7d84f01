package http1

import (
	"strings"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

// composeRequest writes the head of the upstream's request: the client's lines as they came, in their order, without what
// was for this connection only, and with what the upstream has to know of the client.
func (x *exchange) composeRequest() {
	r, h := &x.request, &x.head
	h.lines = h.lines[:0]
	trusted := semantics.Contains(x.settings.Trusted, x.conn.peer)
	webSocket := r.wantsWebSocket()
	_, hasConnection := r.get(connection)
	hosted := false
	for i := range r.lines {
		line := r.lines[i]
		switch line.id {
		case host:
			line.value, hosted = x.upstreamHost(), true
		case requestID, forwardedFor, forwardedHost, forwardedProto:
			continue // written below
		case forwarded, forwardedOther:
			if !trusted {
				continue
			}
		case upgrade:
			if !webSocket {
				continue
			}
		case expect:
			if r.minor == 0 {
				continue
			}
		case trailer:
			if r.framing != chunked {
				continue
			}
		case te:
			if !r.lists(te, "trailers") {
				continue
			}
			line.value = "trailers"
			h.lines = append(h.lines, line)
			continue
		}
		if isHopByHop(line.id) || hasConnection && line.id == otherField && r.lists(connection, line.name) {
			continue
		}
		h.lines = append(h.lines, line)
	}
	if !hosted {
		h.lines = append(h.lines, field{"Host", x.upstreamHost(), host})
	}
	if webSocket {
		h.lines = append(h.lines, field{"Connection", "Upgrade", connection})
	}
	x.addForwarded(trusted)
	h.lines = append(h.lines, field{"X-Request-Id", x.record.RequestID, requestID})
	h.apply(x.record.Trace.Edit())
	for _, edit := range x.requestEdits {
		h.apply(edit)
	}
	_, x.asked = h.get(expect) // also where a rule asks
	x.out = append(append(x.out[:0], r.method...), ' ')
	x.out = append(append(x.out, r.origin...), " HTTP/1.1\r\n"...)
	x.out = append(h.appendTo(x.out), "\r\n"...)
}

// upstreamHost is the Host that the upstream is told.
func (x *exchange) upstreamHost() string {
	switch own := x.settings.Config.Host; own {
	case proxy.KeepHost:
		if x.request.host != "" {
			return x.request.host
		}
		return x.settings.Upstream.Host
	case proxy.UpstreamHost:
		return x.settings.Upstream.Host
	default:
		return own
	}
}

// addForwarded tells the upstream who asked, for which host and how. What the client says of that is replaced, unless
// the peer is a trusted proxy: then X-Forwarded-For is appended to, and the others are kept.
func (x *exchange) addForwarded(trusted bool) {
	r, h := &x.request, &x.head
	peer, askedFor, scheme := x.conn.texts.peer, r.host, "http"
	if x.conn.secure {
		scheme = "https"
	}
	if trusted {
		if before := r.Values("X-Forwarded-For"); len(before) > 0 {
			peer = strings.Join(before, ", ") + ", " + peer
		}
		if given, found := r.get(forwardedHost); found {
			askedFor = given
		}
		if given, found := r.get(forwardedProto); found {
			scheme = given
		}
	}
	h.lines = append(h.lines, field{"X-Forwarded-For", peer, forwardedFor}, field{"X-Forwarded-Proto", scheme, forwardedProto})
	if askedFor != "" {
		h.lines = append(h.lines, field{"X-Forwarded-Host", askedFor, forwardedHost})
	}
}

// composeReply puts the lines of the upstream's reply that are the client's, and the rules' edits, into x.head. framed
// says how the client will find the end of the body.
func (x *exchange) composeReply(framed framing) {
	r, h := &x.reply, &x.head
	h.lines = h.lines[:0]
	_, hasConnection := r.get(connection)
	hasCoding := false
	for i := range r.lines {
		line := r.lines[i]
		switch line.id {
		case upgrade:
			if r.status != 101 {
				continue
			}
		case connection:
			if r.status != 101 {
				continue
			}
			line.value = "Upgrade"
			h.lines = append(h.lines, line)
			continue
		case transferEncoding:
			if framed != chunked {
				continue
			}
			hasCoding = true
		case trailer:
			if framed != chunked {
				continue
			}
		case contentLength:
			if framed == chunked || framed == untilEnd || r.status < 200 || r.status == 204 {
				continue
			}
		}
		if isHopByHop(line.id) || hasConnection && line.id == otherField && r.lists(connection, line.name) {
			continue
		}
		h.lines = append(h.lines, line)
	}
	if framed == chunked && !hasCoding {
		h.lines = append(h.lines, field{"Transfer-Encoding", "chunked", transferEncoding})
	}
	for _, edit := range x.replyEdits {
		h.apply(edit)
	}
}
