package squalltest

import (
	"context"
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
}

// New starts a proxy before upstream, such as the URL of an httptest.Server. It ends with the test, which fails if a
// fault that was armed has not hit by then.
func New(t testing.TB, upstream string) *Proxy {
	t.Helper()
	http := &http1.Executor{HTTP2: &nethttp.Executor{}}
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: http}}
	armed := newFaults(t, engine, upstream)
	addr := engine.Addr(name).String()
	p := &Proxy{URL: "http://" + addr, Addr: addr, Faults: armed}
	t.Cleanup(func() { p.end(engine) })
	return p
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
