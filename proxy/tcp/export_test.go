package tcp

import (
	"context"
	"errors"
	"net"

	"github.com/squall-proxy/squall/proxy"
)

// Over makes an executor that takes its clients and its upstreams from elsewhere than the network.
func Over(ln net.Listener, dial func(context.Context) (net.Conn, error)) proxy.Executor {
	return elsewhere{ln, dial}
}

type elsewhere struct {
	ln   net.Listener
	dial func(context.Context) (net.Conn, error)
}

// Start serves the other listener.
func (e elsewhere) Start(ln net.Listener, p *proxy.Proxy) proxy.Server {
	own := Executor{dial: func(ctx context.Context, _ *proxy.Settings) (net.Conn, error) { return e.dial(ctx) }}
	return own.Start(both{e.ln, ln}, p)
}

// both is a listener that is served, and one that is not and ends with it.
type both struct {
	net.Listener
	idle net.Listener
}

// Close ends both.
func (b both) Close() error { return errors.Join(b.Listener.Close(), b.idle.Close()) }
