// Package semantics is what executors of HTTP agree on, whatever carries their bytes: whom a request is for and from, and
// what the fields of a reply mean for a fault.
package semantics

import (
	"encoding/json"
	"mime"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// AllowedMethods are those that a 405 offers instead of CONNECT (RFC 9110, 15.5.6 asks for a list).
const AllowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// aboutBody lists the header fields that describe a body, in lower case.
var aboutBody = []string{
	"accept-ranges", "content-digest", "content-disposition", "content-encoding", "content-language", "content-length",
	"content-location", "content-md5", "content-range", "content-type", "digest", "etag", "last-modified", "repr-digest",
	"trailer", "transfer-encoding",
}

// IsAboutBody reports whether a header field describes the body beside it, so that it does not stand beside another one.
func IsAboutBody(name string) bool { return slices.Contains(aboutBody, strings.ToLower(name)) }

// IsForOrigins reports whether a header field of a reply tells a browser which pages may see it.
func IsForOrigins(name string) bool {
	name = strings.ToLower(name)
	return name == "vary" || strings.HasPrefix(name, "access-control-")
}

// StaleAfterChange lists the header fields that are wrong once a body has been changed.
func StaleAfterChange() []string {
	return []string{"Accept-Ranges", "Content-Digest", "Content-Md5", "Digest", "Etag", "Repr-Digest"}
}

// MayDegrade reports whether a fault may change the body of a reply of that status and content type: a part of a body is
// left as it is, and streams are left alone unless the fault asks for them.
func MayDegrade(status int, contentType string, b faults.Body) bool {
	switch status {
	case 101, 204, 205, 206, 304:
		return false
	}
	return b.Streams || !IsStream(contentType)
}

// IsStream reports whether a reply of a content type is one that has no whole: events, messages, parts that come as they
// happen.
func IsStream(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch kind {
	case "text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace":
		return true
	}
	return strings.HasPrefix(kind, "application/grpc")
}

// Problem is the body of an error that is real.
func Problem(status int, reason string) []byte {
	body, _ := json.Marshal(struct { // a number and a text always marshal
		Status int    `json:"status"`
		Reason string `json:"reason"`
	}{status, reason})
	return append(body, '\n')
}

// IsRequestID accepts 1 to 128 printable ASCII characters.
func IsRequestID(id string) bool {
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
	}
	return id != "" && len(id) <= 128
}

// IsServed reports whether a host that a request in absolute form names is one that the proxy is configured for: its
// upstream's, or the one that it tells the upstream.
func IsServed(scheme, host string, set *proxy.Settings) bool {
	if scheme != "http" && scheme != "https" {
		return false
	}
	wanted := WithPort(host, scheme)
	if wanted == WithPort(set.Upstream.Host, set.Upstream.Scheme) {
		return true
	}
	own := set.Config.Host
	return own != proxy.KeepHost && own != proxy.UpstreamHost && wanted == WithPort(own, scheme)
}

// WithPort is a host in lower case, with the port that its scheme implies if it has none.
func WithPort(host, scheme string) string {
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

// ClientOf gives the client's address: the peer's, unless that one is trusted. Then it is what the lines of
// X-Forwarded-For say: the last address in them that is not itself a trusted proxy's. What stands before something
// unreadable is not believed.
func ClientOf(trusted []netip.Prefix, peer netip.Addr, lines []string) netip.Addr {
	if !Contains(trusted, peer) {
		return peer
	}
	client := peer
	hops := strings.Split(strings.Join(lines, ","), ",")
	for _, text := range slices.Backward(hops) {
		hop, ok := parseHop(strings.TrimSpace(text))
		if !ok {
			break
		}
		client = hop
		if !Contains(trusted, hop) {
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

// Contains reports whether one of the prefixes has an address.
func Contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
