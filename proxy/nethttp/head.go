package nethttp

import (
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/proxy"
)

const (
	maxRequestLine = 16 << 10 // bytes
	maxFields      = 256
)

// refuse tells with what status and why a request's head is not accepted; 0 if it is. What is no HTTP at all net/http
// has refused already.
func refuse(r *http.Request, set *proxy.Settings) (status int, reason string) {
	switch {
	case r.Proto != "HTTP/1.1" && r.Proto != "HTTP/1.0": // net/http lets the preface of HTTP/2 pass, and HTTP/1.9
		return http.StatusHTTPVersionNotSupported, r.Proto + ": HTTP/1.1 and HTTP/1.0 are spoken here"
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
	case r.URL.Host != "" && !isConfigured(r, set):
		return http.StatusMisdirectedRequest, r.URL.Host + " is not served here: this is no forward proxy"
	}
	return 0, ""
}

func countFields(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// isConfigured reports whether a request in absolute form names a host that the proxy is configured for: its upstream's,
// or the one that it tells the upstream.
func isConfigured(r *http.Request, set *proxy.Settings) bool {
	scheme := r.URL.Scheme
	if scheme != "http" && scheme != "https" {
		return false
	}
	wanted := withPort(r.URL.Host, scheme)
	if wanted == withPort(set.Upstream.Host, set.Upstream.Scheme) {
		return true
	}
	host := set.Config.Host
	return host != proxy.KeepHost && host != proxy.UpstreamHost && wanted == withPort(host, scheme)
}

// withPort is a host in lower case, with the port that its scheme implies if it has none.
func withPort(host, scheme string) string {
	host = strings.ToLower(host)
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// clientOf gives the client's address: the peer's, unless that one is trusted. Then it is what X-Forwarded-For says: the
// last address in it that is not itself a trusted proxy's. What stands before something unreadable is not believed.
func clientOf(trusted []netip.Prefix, peer netip.Addr, h http.Header) netip.Addr {
	if !contains(trusted, peer) {
		return peer
	}
	client := peer
	hops := strings.Split(strings.Join(h["X-Forwarded-For"], ","), ",")
	for _, text := range slices.Backward(hops) {
		hop, ok := parseHop(strings.TrimSpace(text))
		if !ok {
			break
		}
		client = hop
		if !contains(trusted, hop) {
			break
		}
	}
	return client
}

// parseHop reads an address with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap(), true
	}
	if addr, err := netip.ParseAddrPort(text); err == nil {
		return addr.Addr().Unmap(), true
	}
	return netip.Addr{}, false
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
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
	if contains(x.settings.Trusted, x.peer) {
		if before := in["X-Forwarded-For"]; len(before) > 0 {
			peer = strings.Join(before, ", ") + ", " + peer
		}
		host = first(in["X-Forwarded-Host"], host)
		scheme = first(in["X-Forwarded-Proto"], scheme)
		if forwarded := in["Forwarded"]; len(forwarded) > 0 {
			out["Forwarded"] = forwarded
		}
	} else {
		maps.DeleteFunc(out, func(name string, _ []string) bool { return strings.HasPrefix(name, "X-Forwarded") })
		delete(out, "X-Real-Ip")
	}
	values := []string{peer, scheme, host}
	out["X-Forwarded-For"] = values[0:1:1]
	out["X-Forwarded-Proto"] = values[1:2:2]
	if host != "" {
		out["X-Forwarded-Host"] = values[2:3:3]
	}
}

// first gives the first of the values, or another one if there is none.
func first(values []string, otherwise string) string {
	if len(values) > 0 {
		return values[0]
	}
	return otherwise
}
