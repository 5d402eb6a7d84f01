package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// roleArgument makes this program play a part: "role ADDRESS NAME …".
const roleArgument = "role"

// The roles.
const (
	upstreamRole     = "upstream"     // answers at ADDRESS
	reverseProxyRole = "reverseproxy" // passes on to the upstream that follows the name
)

// play serves in a role until ctx is done.
func play(ctx context.Context, args []string) error {
	var serve func(net.Listener) error
	switch {
	case len(args) == 2 && args[1] == upstreamRole:
		serve = serveUpstream
	case len(args) == 3 && args[1] == reverseProxyRole:
		serve = func(ln net.Listener) error { return serveReverseProxy(ln, args[2]) }
	default:
		return fmt.Errorf("no such role: %q", args)
	}
	ln, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	if err := serve(ln); ctx.Err() == nil {
		return err
	}
	return nil // as asked
}

// What squall's executor on net/http has, the bare reverse proxy has, too.
const (
	idlePerUpstream = 512
	idleTimeout     = 60 * time.Second
	bufferSize      = 32 << 10
)

// serveReverseProxy is the least that the standard library can do as a proxy.
func serveReverseProxy(ln net.Listener, upstream string) error {
	target := &url.URL{Scheme: "http", Host: upstream}
	return http.Serve(ln, &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host
		},
		Transport: &http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: idlePerUpstream, IdleConnTimeout: idleTimeout,
		},
		BufferPool: &buffers{},
		ErrorLog:   log.New(io.Discard, "", 0), // of clients that leave when their turn is over
	})
}

// buffers is an [httputil.BufferPool].
type buffers struct{ pool sync.Pool }

// Get gives a buffer, which goes back with Put.
func (b *buffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buffer[:]
	}
	return new([bufferSize]byte)[:]
}

// Put takes a buffer back.
func (b *buffers) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }
