package squalltest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
	"github.com/squall-proxy/squall/proxy/nethttp"
)

// Proxy is an HTTP proxy before one upstream.
type Proxy struct {
	URL  string // for the client under test, as in "http://127.0.0.1:40123"
	Addr string // host and port of it

	*Faults

	// RootCAs are what vouches for the proxy, if it is one of NewTLS.
	RootCAs *x509.CertPool
}

// New starts a proxy before upstream, such as the URL of an httptest.Server. It ends with the test, which fails if a
// fault that was armed has not hit by then.
func New(t testing.TB, upstream string) *Proxy {
	t.Helper()
	return start(t, upstream, nil)
}

// NewTLS is New with a proxy that speaks TLS to its clients, which must trust RootCAs: those of Client do. It answers to
// every name.
func NewTLS(t testing.TB, upstream string) *Proxy {
	t.Helper()
	return start(t, upstream, &proxy.TLS{CA: proxy.Throwaway})
}

func start(t testing.TB, upstream string, speaks *proxy.TLS) *Proxy {
	t.Helper()
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{
		proxy.DefaultEngine: &http1.Executor{HTTP2: &nethttp.Executor{}},
	}}
	c := proxy.Defaults()
	c.Name, c.Listen, c.Upstream, c.TLS = name, "127.0.0.1:0", upstream, speaks
	armed := newArmory(t, engine, c)
	addr := engine.Addr(name).String()
	p := &Proxy{URL: c.At(addr), Addr: addr, Faults: &Faults{armed}}
	t.Cleanup(func() { p.end(engine) })
	if speaks != nil {
		authority, err := engine.Authority()
		if err != nil {
			t.Fatalf("squalltest: %v", err)
		}
		p.RootCAs = authority.Pool()
	}
	return p
}

// Client gives a client that trusts the proxy; its connections end with the test.
func (p *Proxy) Client() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.RootCAs}}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
