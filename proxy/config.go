package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Protocols of a proxy.
const (
	HTTP = "http"
	TCP  = "tcp"
)

// H2C is the scheme of an upstream that speaks HTTP/2 without TLS, from its first byte on (RFC 9113, 3.3).
const H2C = "h2c"

// What a client gets while the upstream cannot be reached.
const (
	Answer = "answer" // 502 with a JSON body, 504 after a timeout
	Close  = "close"  // the connection is closed without an answer, so that a balancer in front moves on
)

// Which Host header the upstream gets; any other text is sent as it is.
const (
	KeepHost     = "keep"
	UpstreamHost = "upstream"
)

// maxEntries bounds each of the lists of a proxy: an exchange or a dial may look at all of them.
const maxEntries = 100

// maxUnchecked bounds an upstream that may be anything, in bytes.
const maxUnchecked = 1000

// Whether a request is sent again.
const (
	RetryNever = "never"
	RetryOnce  = "once" // one without a body, after a connection that had been used before died without a byte
)

// Config is one proxy as documents describe it.
type Config struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Listen   string `json:"listen"`   // host:port; port 0 takes a free one; of a TCP proxy also unix:/path
	Upstream string `json:"upstream"` // http://, https:// or h2c:// and host:port, of a TCP proxy host:port; resolved at every dial; or unix:/path

	Host         string          `json:"host"`          // the upstream's Host header: keep, upstream, or a name
	Timeout      faults.Duration `json:"timeout"`       // for the upstream's response head
	UpstreamDown string          `json:"upstream_down"` // answer or close
	Protect      []string        `json:"protect"`       // path patterns that no fault touches
	Trusted      []string        `json:"trusted"`       // peers whose X-Forwarded-For names the client
	Enabled      bool            `json:"enabled"`

	// Attribution marks answers of ours with X-Squall-Fault.
	Attribution bool `json:"attribution"`
	// AllowUpstreams lists addresses, prefixes or names that may be dialled although they are refused by default.
	AllowUpstreams []string `json:"allow_upstreams,omitempty"`

	Engine        string       `json:"engine,omitempty"`         // http1 (default) or nethttp
	UpstreamRetry string       `json:"upstream_retry,omitempty"` // never (default) or once
	TLS           *TLS         `json:"tls,omitempty"`            // nil = clients speak clear text
	UpstreamTLS   *UpstreamTLS `json:"upstream_tls,omitempty"`   // nil = the defaults

	// UpstreamUnchecked takes the upstream of a TCP proxy as it is, whatever it is, up to 1,000 bytes: dialling it tells.
	// Toxiproxy's API asks for that.
	UpstreamUnchecked bool `json:"upstream_unchecked,omitempty"`

	// CallerFaults is what callers may ask for by header fields; nil = nothing.
	CallerFaults *faults.Caller `json:"caller_faults,omitempty"`

	// What answers add; documents may send it back.
	URL   string `json:"url,omitempty" document:"readonly"`
	Bound string `json:"bound,omitempty" document:"readonly"`
	// AcceptFailures says that clients could not be accepted; nil = they could.
	AcceptFailures *AcceptFailures `json:"accept_failures,omitempty" document:"readonly"`
}

// Defaults are the settings of a proxy that names nothing else.
func Defaults() Config {
	return Config{
		Protocol: HTTP, Host: KeepHost, Timeout: faults.Duration(60 * time.Second), UpstreamDown: Answer,
		Protect: []string{"/health"}, Trusted: []string{}, Enabled: true, Attribution: true,
	}
}

// DecodeDocument reads a proxy, fills in the defaults and checks it whole.
func (c *Config) DecodeDocument(n *document.Node) error {
	type plain Config
	*c = Defaults()
	if err := document.Decode(n, (*plain)(c)); err != nil {
		return err
	}
	if c.CallerFaults.Off() {
		c.CallerFaults = nil
	}
	return c.Validate()
}

// Validate reports the first thing wrong, as a [document.Error] that names the field. An empty name is not wrong: it
// may come from the path of a request.
func (c *Config) Validate() error {
	if c.Name != "" {
		if err := faults.CheckName(c.Name); err != nil {
			return document.At(err, "name")
		}
	}
	if err := c.validateChoices(); err != nil {
		return err
	}
	if err := c.checkListen(); err != nil {
		return err
	}
	upstream, err := c.upstream()
	if err != nil {
		return err
	}
	if err := c.TLS.validate(); err != nil {
		return document.At(err, "tls")
	}
	if err := c.UpstreamTLS.validate(upstream.Scheme); err != nil {
		return document.At(err, "upstream_tls")
	}
	if c.Timeout <= 0 {
		return document.Errorf("timeout", "must be more than 0s and at most %v", faults.MaxDuration)
	}
	return c.validateLists()
}

func (c *Config) validateLists() error {
	for _, list := range []struct {
		field  string
		length int
	}{{"protect", len(c.Protect)}, {"trusted", len(c.Trusted)}, {"allow_upstreams", len(c.AllowUpstreams)}} {
		if list.length > maxEntries {
			return document.Errorf(list.field, "at most %d entries, got %d", maxEntries, list.length)
		}
	}
	for i, pattern := range c.Protect {
		if pattern == "" || pattern[0] != '/' {
			return document.Errorf(fmt.Sprintf("protect[%d]", i), "want a path pattern such as /health or /internal/**, got %q", pattern)
		}
		if len(pattern) > faults.MaxPattern {
			return document.Errorf(fmt.Sprintf("protect[%d]", i), "at most %d bytes, got %d", faults.MaxPattern, len(pattern))
		}
	}
	for i, text := range c.Trusted {
		if _, err := ParsePrefix(text); err != nil {
			return document.Errorf(fmt.Sprintf("trusted[%d]", i), "%q is neither an address nor a prefix such as 10.0.0.0/8", text)
		}
	}
	return nil
}

func (c *Config) validateChoices() error {
	switch {
	case c.Protocol == TCP:
		return c.validateTCP()
	case c.Protocol != HTTP:
		return document.Errorf("protocol", "want http or tcp, got %q", c.Protocol)
	case !isHost(c.Host):
		return document.Errorf("host", "want keep, upstream, or a name or an address with or without a port, got %.80q", c.Host)
	case c.UpstreamDown != Answer && c.UpstreamDown != Close:
		return document.Errorf("upstream_down", "want answer or close, got %q", c.UpstreamDown)
	case !slices.Contains([]string{"", "http1", "nethttp"}, c.Engine):
		return document.Errorf("engine", "want http1 or nethttp, got %q", c.Engine)
	case !slices.Contains([]string{"", RetryNever, RetryOnce}, c.UpstreamRetry):
		return document.Errorf("upstream_retry", "want never or once, got %q", c.UpstreamRetry)
	case c.UpstreamRetry == RetryOnce && strings.HasPrefix(c.Upstream, H2C+":"):
		return document.Errorf("upstream_retry", "an upstream of HTTP/2 is called by rules of net/http: want never")
	case c.UpstreamRetry == RetryOnce && c.Engine == "nethttp":
		return document.Errorf("upstream_retry", "the engine nethttp repeats by rules of its own: want never")
	case c.UpstreamUnchecked:
		return document.Errorf("upstream_unchecked", "only a proxy of protocol tcp has it")
	case c.CallerFaults != nil:
		return document.At(c.CallerFaults.Validate(), "caller_faults")
	}
	return nil
}

// validateTCP refuses what only HTTP proxies have.
func (c *Config) validateTCP() error {
	for _, setting := range []struct {
		name  string
		given bool
	}{
		{"host", c.Host != KeepHost},
		{"upstream_down", c.UpstreamDown != Answer},
		{"trusted", len(c.Trusted) > 0},
		{"engine", c.Engine != ""},
		{"upstream_retry", c.UpstreamRetry != ""},
		{"tls", c.TLS != nil},
		{"upstream_tls", c.UpstreamTLS != nil},
		{"caller_faults", c.CallerFaults != nil},
		{"protect", !slices.Equal(c.Protect, Defaults().Protect)},
		{"attribution", !c.Attribution},
	} {
		if setting.given {
			return document.Errorf(setting.name, "a proxy of protocol tcp has none")
		}
	}
	return nil
}

// upstream reads the upstream, whose scheme is "tcp" in a TCP proxy. A unix socket is a localhost.
func (c *Config) upstream() (*url.URL, error) {
	if isUnix(c.Upstream) {
		return &url.URL{Scheme: c.Protocol, Host: "localhost"}, checkUnix("upstream", c.Upstream)
	}
	if c.Protocol != TCP {
		return ParseUpstream(c.Upstream)
	}
	if c.UpstreamUnchecked {
		if len(c.Upstream) > maxUnchecked {
			return nil, document.Errorf("upstream", "at most %d bytes, got %d", maxUnchecked, len(c.Upstream))
		}
		return &url.URL{Scheme: TCP, Host: c.Upstream}, nil
	}
	host, port, err := net.SplitHostPort(c.Upstream)
	switch {
	case err != nil || host == "":
		return nil, document.Errorf("upstream", `want host:port, such as "redis:6379", got %.80q`, c.Upstream)
	case !isPort(port):
		return nil, document.Errorf("upstream", "port must be 1 to 65535, got %q", port)
	}
	return &url.URL{Scheme: TCP, Host: c.Upstream}, nil
}

func (c *Config) checkListen() error {
	listen := c.Listen
	switch {
	case isUnix(listen) && c.Protocol != TCP:
		return document.Errorf("listen", "a unix socket is for protocol tcp: want host:port")
	case isUnix(listen):
		return checkUnix("listen", listen)
	}
	if listen == "" {
		return document.Errorf("listen", `missing: want host:port, such as "127.0.0.1:6055" or ":6055"`)
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return document.Errorf("listen", `%q is not host:port, such as "127.0.0.1:6055" or ":6055"`, listen)
	}
	if number, err := strconv.Atoi(port); err != nil || number < 0 || number > 65535 {
		return document.Errorf("listen", "port must be 0 to 65535, got %q", port)
	}
	return nil
}

// ParseUpstream reads an upstream: scheme, host and port, nothing else.
func ParseUpstream(text string) (*url.URL, error) {
	if text == "" {
		return nil, document.Errorf("upstream", `missing: want a URL such as "http://stock:8080"`)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, document.Errorf("upstream", `%q is not a URL such as "http://stock:8080"`, text)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != H2C:
		return nil, document.Errorf("upstream", "want scheme http, https or h2c, got %q", u.Scheme)
	case u.Hostname() == "":
		return nil, document.Errorf("upstream", "%q has no host", text)
	case u.Port() != "" && !isPort(u.Port()):
		return nil, document.Errorf("upstream", "port must be 1 to 65535, got %q", u.Port())
	case u.User != nil:
		return nil, document.Errorf("upstream", "must not contain a user or a password")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, document.Errorf("upstream", "want scheme, host and port only: the path comes from each request")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// isHost reports whether a text may stand in a Host header field: uri-host [ ":" port ] of RFC 9112, 3.2, the host a
// registered name or an address (RFC 3986, 3.2.2) of at most 255 bytes.
func isHost(text string) bool {
	host, port, hasPort := text, "", false
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 && !strings.HasSuffix(text, "]") {
		host, port, hasPort = text[:colon], text[colon+1:], true
	}
	if host == "" || len(host) > 255 || hasPort && !isPort(port) {
		return false
	}
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return closed && err == nil && address.Is6() && address.Zone() == ""
	}
	return isRegisteredName(host)
}

// isRegisteredName accepts the characters of reg-name in RFC 3986, 3.2.2.
func isRegisteredName(host string) bool {
	isHex := func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }
	for i := range len(host) {
		c := host[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("-._~!$&'()*+,;=", c) >= 0:
		case c == '%' && i+2 < len(host) && isHex(host[i+1]) && isHex(host[i+2]):
		default:
			return false
		}
	}
	return true
}

// isPort accepts 1 to 65535.
func isPort(text string) bool {
	number, err := strconv.ParseUint(text, 10, 16)
	return err == nil && number > 0
}

// ParsePrefix reads an address or an address prefix.
func ParsePrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}
