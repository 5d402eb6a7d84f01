package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// Protocols of a proxy.
const (
	HTTP = "http"
	TCP  = "tcp"
)

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

// Config is one proxy as documents describe it.
type Config struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Listen   string `json:"listen"`   // host:port; port 0 takes a free one
	Upstream string `json:"upstream"` // http://host:port or https://host:port; resolved at every dial

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

	Engine        string         `json:"engine,omitempty"`         // nethttp
	UpstreamRetry string         `json:"upstream_retry,omitempty"` // never
	TLS           *document.Node `json:"tls,omitempty"`
	UpstreamTLS   *document.Node `json:"upstream_tls,omitempty"`
	CallerFaults  bool           `json:"caller_faults,omitempty"`

	// URL and Bound are what answers add; documents may send them back.
	URL   string `json:"url,omitempty" document:"readonly"`
	Bound string `json:"bound,omitempty" document:"readonly"`
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
	if err := checkListen(c.Listen); err != nil {
		return err
	}
	if _, err := ParseUpstream(c.Upstream); err != nil {
		return err
	}
	if c.Timeout <= 0 {
		return document.Errorf("timeout", "must be more than 0s and at most %v", faults.MaxDuration)
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
	const later = "not available in this version"
	switch {
	case c.Protocol == TCP:
		return document.Errorf("protocol", "tcp is not available in this version")
	case c.Protocol != HTTP:
		return document.Errorf("protocol", "want http, got %q", c.Protocol)
	case c.Host == "":
		return document.Errorf("host", "want keep, upstream or a name")
	case c.UpstreamDown != Answer && c.UpstreamDown != Close:
		return document.Errorf("upstream_down", "want answer or close, got %q", c.UpstreamDown)
	case !slices.Contains([]string{"", "nethttp"}, c.Engine):
		return document.Errorf("engine", "want nethttp, got %q", c.Engine)
	case !slices.Contains([]string{"", "never"}, c.UpstreamRetry):
		return document.Errorf("upstream_retry", "want never, got %q", c.UpstreamRetry)
	case c.TLS != nil:
		return document.Errorf("tls", later)
	case c.UpstreamTLS != nil:
		return document.Errorf("upstream_tls", later)
	case c.CallerFaults:
		return document.Errorf("caller_faults", later)
	}
	return nil
}

func checkListen(listen string) error {
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
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, document.Errorf("upstream", "scheme %q is not available in this version: want http or https", u.Scheme)
	case u.Hostname() == "":
		return nil, document.Errorf("upstream", "%q has no host", text)
	case u.User != nil:
		return nil, document.Errorf("upstream", "must not contain a user or a password")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, document.Errorf("upstream", "want scheme, host and port only: the path comes from each request")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// ParsePrefix reads an address or an address prefix.
func ParsePrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}
