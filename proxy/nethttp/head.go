package nethttp

import (
	"maps"
	"net/http"
	"strings"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/semantics"
)

const (
	maxRequestLine = 16 << 10 // bytes
	maxFields      = 256
)

// refuse tells with what status and why a request's head is not accepted; 0 if it is. What is no HTTP at all net/http
// has refused already.
func refuse(r *http.Request, set *proxy.Settings) (status int, reason string) {
	switch {
	case r.Method == "PRI", r.Proto != "HTTP/2.0" && r.Proto != "HTTP/1.1" && r.Proto != "HTTP/1.0": // net/http lets HTTP/1.9 pass
		return http.StatusHTTPVersionNotSupported, r.Proto + ": HTTP/2, HTTP/1.1 and HTTP/1.0 are spoken here"
	case !consistsOf(r.Method, isTokenChar): // HTTP/2 brings it as it is
		return http.StatusBadRequest, "the method has a character that none may have"
	case !consistsOf(r.RequestURI, isTargetChar):
		return http.StatusBadRequest, "the request target has a character that none may have"
	case r.RequestURI == "*" && r.Method != http.MethodOptions:
		return http.StatusBadRequest, "the request target * is for OPTIONS alone"
	case r.Method == http.MethodConnect:
		return http.StatusMethodNotAllowed, "CONNECT: this is no forward proxy"
	case len(r.Method)+len(r.RequestURI)+len(r.Proto)+2 > maxRequestLine:
		return http.StatusRequestURITooLong, "the request line is longer than 16 KiB"
	case countFields(r.Header) > maxFields-1: // Host is not among them
		return http.StatusRequestHeaderFieldsTooLarge, "more than 256 header fields"
	case r.URL.Opaque != "":
		return http.StatusBadRequest, "the request target is neither a path nor a URL"
	case r.URL.Host != "" && !semantics.IsServed(r.URL.Scheme, r.URL.Host, set):
		return http.StatusMisdirectedRequest, r.URL.Host + " is not served here: this is no forward proxy"
	}
	return 0, ""
}

func consistsOf(text string, allowed func(byte) bool) bool {
	for i := range len(text) {
		if !allowed(text[i]) {
			return false
		}
	}
	return text != ""
}

// isTokenChar accepts the characters of a token (RFC 9110, 5.6.2).
func isTokenChar(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// isTargetChar refuses what would end a request target, or the line that it is in (RFC 9112, 3.2).
func isTargetChar(c byte) bool { return c > ' ' && c != 0x7f }

func countFields(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// setForwarded tells the upstream who asked, for which host and how. What the client says of that is replaced or
// dropped: all fields X-Forwarded-…, and X-Real-IP. Unless the peer is a trusted proxy: then X-Forwarded-For is appended
// to, and the others are kept.
func (x *exchange) setForwarded(out http.Header) {
	in, peer := x.in.Header, x.peer.String()
	host, scheme := x.in.Host, "http"
	if x.in.TLS != nil {
		scheme = "https"
	}
	if semantics.Contains(x.settings.Trusted, x.peer) {
		if before := in["X-Forwarded-For"]; len(before) > 0 {
			peer = strings.Join(before, ", ") + ", " + peer
		}
		host = first(in["X-Forwarded-Host"], host)
		scheme = first(in["X-Forwarded-Proto"], scheme)
		if forwarded := in["Forwarded"]; len(forwarded) > 0 {
			out["Forwarded"] = forwarded
		}
	} else {
		dropOrigins(out)
	}
	values := []string{peer, scheme, host}
	out["X-Forwarded-For"] = values[0:1:1]
	out["X-Forwarded-Proto"] = values[1:2:2]
	if host != "" {
		out["X-Forwarded-Host"] = values[2:3:3]
	}
}

// dropOrigins removes what is believed only of a trusted proxy.
func dropOrigins(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool { return strings.HasPrefix(name, "X-Forwarded") })
	delete(h, "X-Real-Ip")
}

// first gives the first of the values, or another one if there is none.
func first(values []string, otherwise string) string {
	if len(values) > 0 {
		return values[0]
	}
	return otherwise
}
