package faults

import (
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"
)

// Fields reads header fields by name, in any case. [net/http.Header] is one. What Values gives is not changed.
type Fields interface{ Values(name string) []string }

// View is what deciding sees of an exchange. Executors fill one in, so that a decision needs no *http.Request and no
// clock.
type View struct {
	Proxy      string // the proxy's name
	Method     string
	Host       string // as sent, with a port if there was one
	Path       string // decoded and cleaned, see [CleanPath]
	RawQuery   string // without the question mark
	Target     string // the request's, as it came: tells apart what has the same Path
	Header     Fields
	Body       []byte     // the request's, whole, if [Set.NeedsBody]; nil where it is larger than [MaxMatchBody]
	Source     netip.Addr // the client's address
	Connection uint64     // the client connection's number
	SNI        string     // the server name that a TLS client asked for
	Nth        uint64     // TCP: the client connection's number among those of its proxy, from 1
	FirstBytes string     // TCP: what the client sent first, if [Set.NeedsFirstBytes]

	// Now is when the rules are decided, from a clock with a monotonic reading; later where a delay went before.
	Now time.Time

	// Status and ResponseHeader are the upstream's reply, for rules of phase after.
	Status         int
	ResponseHeader Fields
}

// CleanPath gives the form of a decoded request path that rules match on: dots resolved, slashes not doubled, a
// trailing slash kept.
func CleanPath(decoded string) string {
	if decoded == "" || decoded[0] != '/' {
		decoded = "/" + decoded
	}
	clean := path.Clean(decoded)
	switch {
	case clean == "/" || !strings.HasSuffix(decoded, "/"):
		return clean
	case len(clean) == len(decoded)-1: // nothing but the slash was lost
		return decoded
	}
	return clean + "/"
}

// hostName is the host without a port, in lower case.
func (v *View) hostName() string {
	host := v.Host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(host)
}

// grpc gives the service and the method that a gRPC request is for (its path is /service/method, see gRPC over HTTP/2,
// "Requests"); ok is false for any other request.
func (v *View) grpc() (service, method string, ok bool) {
	slash := strings.LastIndexByte(v.Path, '/')
	if slash < 1 || !v.isGRPC() {
		return "", "", false
	}
	return v.Path[1:slash], v.Path[slash+1:], true
}

// isGRPC reports whether a request is a gRPC one, by its content type.
func (v *View) isGRPC() bool {
	const prefix = "application/grpc"
	types := fieldLines(v.Header, "Content-Type")
	return len(types) == 1 && len(types[0]) >= len(prefix) && strings.EqualFold(types[0][:len(prefix)], prefix)
}

// source is the client's address without what differs from socket to socket: IPv4 in IPv6, zones.
func (v *View) source() netip.Addr { return v.Source.Unmap().WithZone("") }

// fieldLines gives the lines of a header field; fields may be nil.
func fieldLines(fields Fields, name string) []string {
	if fields == nil {
		return nil
	}
	return fields.Values(name)
}

// cutParameter finds the first parameter of a name in a raw query, and gives its value and what follows it. Pairs that
// [url.ParseQuery] refuses are passed over, here as there.
func cutParameter(query, name string) (value, rest string, found bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" || strings.Contains(pair, ";") {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(key); err != nil || key != name {
			continue
		}
		if value, err := url.QueryUnescape(value); err == nil {
			return value, query, true
		}
	}
	return "", "", false
}
