package squalltest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
	"github.com/squall-proxy/squall/proxy/nethttp"
)

// drain bounds how long the end of a test waits for exchanges under way.
const drain = 5 * time.Second

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
	armed := newFaults(t, engine, c)
	addr := engine.Addr(name).String()
	p := &Proxy{URL: c.At(addr), Addr: addr, Faults: armed}
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

// end stops everything and reports the faults that never hit.
func (p *Proxy) end(engine *proxy.Engine) {
	p.checkHits()
	p.controller.Close()
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := engine.Shutdown(ctx); err != nil {
		p.t.Errorf("squalltest: %v", err)
	}
}
