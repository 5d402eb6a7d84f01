package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"

	"github.com/squall-proxy/squall/internal/certs"
	"github.com/squall-proxy/squall/internal/document"
)

// originator has what an upstream is spoken to with.
type originator struct {
	config *UpstreamTLS
	roots  *certs.Watched[*x509.CertPool]  // nil = the executor's
	own    *certs.Watched[tls.Certificate] // nil = none
}

// newOriginator reads the files that settings name; it is the earlier ones', if they name the same. An error's field is
// one of [UpstreamTLS].
func newOriginator(c *UpstreamTLS, earlier *Settings, warn func(error)) (*originator, error) {
	switch {
	case c == nil:
		return nil, nil
	case earlier != nil && earlier.originator != nil && c.Equal(earlier.Config.UpstreamTLS):
		return earlier.originator, nil
	}
	o := &originator{config: c}
	var err error
	if c.RootsFile != "" {
		if o.roots, err = certs.WatchRoots(c.RootsFile, warn); err != nil {
			return nil, document.Errorf("roots_file", "%v", err)
		}
	}
	if c.CertFile != "" {
		if o.own, err = certs.WatchPair(c.CertFile, c.KeyFile, warn); err != nil {
			return nil, document.Errorf("cert_file", "%v", err)
		}
	}
	return o, nil
}

// clientTLS is how an upstream is spoken to: TLS 1.2 and up, of 1.2 only cipher suites with AEAD (Go still offers those in
// CBC mode). roots are what it is verified against where the settings name none; nil = the system's.
func (s *Settings) clientTLS(roots *x509.CertPool, protocols ...string) *tls.Config {
	c := &tls.Config{
		RootCAs: roots, ServerName: s.Upstream.Hostname(), NextProtos: protocols, MinVersion: tls.VersionTLS12, CipherSuites: aead(),
	}
	o := s.originator
	if o == nil {
		return c
	}
	if o.config.ServerName != "" {
		c.ServerName = o.config.ServerName
	}
	if o.roots != nil {
		c.RootCAs = o.roots.Get()
	}
	if o.own != nil {
		c.Certificates = []tls.Certificate{o.own.Get()}
	}
	c.InsecureSkipVerify = o.config.Verify == Insecure
	return c
}

// Originate does the TLS handshake with an upstream, within five seconds. protocols are those that the executor speaks there,
// the best first. On an error the connection is closed.
func (s *Settings) Originate(ctx context.Context, conn net.Conn, roots *x509.CertPool, protocols ...string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	secured := tls.Client(conn, s.clientTLS(roots, protocols...))
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // it was never used
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return secured, nil
}
