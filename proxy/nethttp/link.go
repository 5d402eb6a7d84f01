package nethttp

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

const (
	idlePerUpstream = 512         // connections kept for the next request; above, they are closed
	continueWait    = time.Second // for an upstream's 100 Continue, before the body is sent anyway
	maxReplyHead    = 1 << 20     // bytes of an upstream's reply head
	bufferSize      = 32 << 10    // of the copying between the two sides
)

// link is the connection pools to one upstream. Settings that ask for the same of it share it.
type link struct {
	config *proxy.Config
	http1  *http.Transport
	http2  *http.Transport // the same one where the upstream's scheme decides
}

func (s *server) newLink(set *proxy.Settings) *link {
	l := &link{config: &set.Config}
	switch set.Upstream.Scheme {
	case proxy.H2C:
		l.http1 = s.newTransport(set, protocols(false, false, true))
		l.http2 = l.http1
	case "https":
		l.http1 = s.newTransport(set, protocols(true, false, false), alpnHTTP1)
		l.http2 = s.newTransport(set, protocols(true, true, false), alpnHTTP2, alpnHTTP1)
	default:
		l.http1 = s.newTransport(set, protocols(true, false, false))
		l.http2 = l.http1
	}
	return l
}

// of gives the pool for a request: over TLS the upstream speaks HTTP/2, if it does, where the client does.
func (l *link) of(in *http.Request) *http.Transport {
	if in.ProtoMajor == 2 {
		return l.http2
	}
	return l.http1
}

// CloseIdleConnections closes what is not in use.
func (l *link) CloseIdleConnections() {
	l.http1.CloseIdleConnections()
	l.http2.CloseIdleConnections()
}

// newTransport makes a pool; offered is what a TLS upstream may choose from (ALPN, RFC 7301), the best first.
func (s *server) newTransport(set *proxy.Settings, speaks *http.Protocols, offered ...string) *http.Transport {
	dialer := s.proxy.Dialer(set)
	return &http.Transport{
		DialContext: dialer.DialContext,
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return set.Originate(ctx, conn, s.roots, offered...)
		},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idlePerUpstream,
		IdleConnTimeout:        idleTimeout,
		ResponseHeaderTimeout:  time.Duration(set.Config.Timeout),
		ExpectContinueTimeout:  continueWait,
		MaxResponseHeaderBytes: maxReplyHead,
		Protocols:              speaks,
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerStream: replyWindow},
	}
}

// linkFor gives the pool for an exchange, at once as long as nothing about the upstream was changed. An exchange that
// started before such a change, and was held since, gets a pool of its own.
func (s *server) linkFor(set *proxy.Settings) *link {
	current := s.link.Load()
	if current.serves(&set.Config) {
		return current
	}
	fresh := s.newLink(set)
	if s.proxy.Settings() == set && s.link.CompareAndSwap(current, fresh) {
		current.CloseIdleConnections()
	}
	return fresh
}

func (l *link) serves(c *proxy.Config) bool {
	return l.config.Upstream == c.Upstream && l.config.Timeout == c.Timeout && l.config.UpstreamTLS.Equal(c.UpstreamTLS) &&
		slices.Equal(l.config.AllowUpstreams, c.AllowUpstreams)
}

// release is called when an exchange is through with a pool. One that was replaced keeps no connections.
func (s *server) release(l *link) {
	if s.link.Load() != l {
		l.CloseIdleConnections()
	}
}

// buffers is the [httputil.BufferPool] of a server.
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
