package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"sync"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/certs"
	"github.com/squall-proxy/squall/internal/document"
)

// lazyAuthority is made when it is first asked for.
type lazyAuthority struct {
	sync.Once
	*certs.Authority
	err error
}

// Authority gives the throw-away authority that vouches for the proxies of this engine.
func (e *Engine) Authority() (*certs.Authority, error) {
	a := &e.authority
	a.Do(func() { a.Authority, a.err = certs.NewAuthority() })
	return a.Authority, a.err
}

// CA is the throw-away authority's certificate, as PEM.
func (e *Engine) CA() ([]byte, error) {
	authority, err := e.Authority()
	if err != nil {
		return nil, err
	}
	return authority.PEM(), nil
}

// secure gives settings what they need to speak TLS: what earlier ones of the proxy have, where they ask for the same. An
// error names the field.
func (e *Engine) secure(s, earlier *Settings) error {
	name := s.Config.Name
	warn := func(err error) {
		if e.Warn != nil {
			e.Warn(name, fmt.Errorf("a changed file is not taken over: %w", err))
		}
	}
	var err error
	if s.terminator, err = e.newTerminator(s.Config.TLS, earlier, warn); err != nil {
		return inProxy(name, document.At(err, "tls"))
	}
	if s.originator, err = newOriginator(s.Config.UpstreamTLS, earlier, warn); err != nil {
		return inProxy(name, document.At(err, "upstream_tls"))
	}
	return nil
}

// inProxy puts a proxy's place before the field of a refusal.
func inProxy(name string, err error) error {
	if refusal, ok := errors.AsType[*document.Error](err); ok {
		refusal.Field = "proxies[" + name + "]." + refusal.Field
	}
	return err
}

// terminator has what the clients of a proxy are shown.
type terminator struct {
	config    *TLS
	authority *certs.Authority
	pairs     []*certs.Watched[tls.Certificate] // none = what the authority makes
}

// newTerminator prepares what settings ask for; it is the earlier ones', if they ask for the same. An error's field is one of
// [TLS].
func (e *Engine) newTerminator(c *TLS, earlier *Settings, warn func(error)) (*terminator, error) {
	switch {
	case c == nil:
		return nil, nil
	case earlier != nil && earlier.terminator != nil && reflect.DeepEqual(c, earlier.Config.TLS):
		return earlier.terminator, nil
	}
	authority, err := e.Authority()
	if err != nil {
		return nil, err
	}
	t := &terminator{config: c, authority: authority}
	for i, files := range c.Certificates {
		pair, err := certs.WatchPair(files.CertFile, files.KeyFile, warn)
		if err != nil {
			return nil, document.Errorf(fmt.Sprintf("certificates[%d]", i), "%v", err)
		}
		t.pairs = append(t.pairs, pair)
	}
	return t, nil
}

// certificates gives those to choose from for a client that asks for a name at an address; none if there is none of that
// name. Without a name the throw-away authority vouches for the address.
func (t *terminator) certificates(name string, at net.Addr) ([]tls.Certificate, error) {
	var all []tls.Certificate
	for _, pair := range t.pairs {
		all = append(all, pair.Get())
	}
	if len(all) > 0 || name != "" && !t.config.has(name) {
		return all, nil
	}
	leaf, err := t.authority.Leaf(subject(name, at))
	if err != nil {
		return nil, err
	}
	return []tls.Certificate{*leaf}, nil
}

// flawed gives a certificate with a flaw for a name or an address.
func (t *terminator) flawed(flaw faults.Flaw, name string) ([]tls.Certificate, error) {
	issue := t.authority.Leaf
	switch flaw {
	case faults.Expired:
		issue = t.authority.Expired
	case faults.SelfSigned:
		issue = t.authority.SelfSigned
	case faults.IncompleteChain:
		issue = t.authority.IncompleteChain
	case faults.WrongName:
		name = certs.WrongName
	}
	one, err := issue(name)
	if err != nil {
		return nil, err
	}
	return []tls.Certificate{*one}, nil
}

// subject is what a certificate is for: the name that a client asks for, else the address that it has called.
func subject(name string, at net.Addr) string {
	if addr, err := netip.ParseAddrPort(at.String()); name == "" && err == nil {
		return addr.Addr().Unmap().WithZone("").String()
	}
	return name
}

// aead lists the cipher suites of TLS 1.2 with AEAD: Go still offers some in CBC mode. TLS 1.3 has no others.
func aead() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}
