package faults

import (
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"
)

// Fields reads header fields by name, in any case. [net/http.Header] is one.
type Fields interface{ Values(name string) []string }

// View is what deciding sees of an exchange. Executors fill one in, so that a decision needs no *http.Request and no
// clock.
type View struct {
	Proxy      string // the proxy's name
	Method     string
	Host       string // as sent, with a port if there was one
	Path       string // decoded and cleaned, see [CleanPath]
	RawQuery   string // without the question mark
	Header     Fields
	Source     netip.Addr // the client's address
	Connection uint64     // the client connection's number
	SNI        string     // the server name that a TLS client asked for

	// Now is when the exchange began, from a clock with a monotonic reading.
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
	if clean != "/" && strings.HasSuffix(decoded, "/") {
		return clean + "/"
	}
	return clean
}

// queryValues gives the values of one query parameter.
func (v *View) queryValues(name string) []string {
	values, err := url.ParseQuery(v.RawQuery)
	if err != nil && len(values) == 0 {
		return nil
	}
	return values[name]
}

// hostName is the host without a port, in lower case.
func (v *View) hostName() string {
	host := v.Host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(host)
}
