package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour // clients refuse more than 398 days, even of an authority they were told to trust
	backdated     = time.Hour            // for clients whose clock is late
	maxLeaves     = 1000                 // that are kept; making one takes about 0.15 ms
	maxName       = 253                  // characters of a host name (RFC 1035, 2.3.4)
)

// Authority vouches for certificates that it makes. Its key exists in memory only. All methods may be called concurrently.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	leafKey     *ecdsa.PrivateKey // of all leaves: it is the same process that holds them

	mu     sync.Mutex // guards leaves
	leaves map[string]*tls.Certificate
}

// NewAuthority makes an authority with a key of its own.
func NewAuthority() (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	leafKey, err := newKey()
	if err != nil {
		return nil, err
	}
	t := template("squall throw-away CA", time.Now(), authorityLife)
	asAuthority(t)
	certificate, err := sign(t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate: certificate, key: key, leafKey: leafKey, leaves: make(map[string]*tls.Certificate)}, nil
}

// PEM is the authority's certificate, for clients that are to trust it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// Pool has the authority's certificate alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// Leaf gives the certificate of a host name or an address, and makes it if need be.
func (a *Authority) Leaf(name string) (*tls.Certificate, error) {
	now := time.Now()
	a.mu.Lock()
	kept := a.leaves[name]
	a.mu.Unlock()
	if kept != nil && kept.Leaf.NotAfter.Sub(now) > leafLife/2 {
		return kept, nil
	}
	t, err := leafTemplate(name, now)
	if err != nil {
		return nil, err
	}
	leaf, err := a.issue(t)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.leaves) >= maxLeaves {
		clear(a.leaves)
	}
	a.leaves[name] = leaf
	return leaf, nil
}

// issue makes a certificate that the authority vouches for.
func (a *Authority) issue(t *x509.Certificate) (*tls.Certificate, error) {
	signed, err := sign(t, a.certificate, &a.leafKey.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return chain(signed, a.leafKey), nil
}

// chain is a certificate as TLS shows it, alone.
func chain(leaf *x509.Certificate, key *ecdsa.PrivateKey) *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate key: %w", err)
	}
	return key, nil
}

// template is a certificate that begins a little before now.
func template(name string, now time.Time, life time.Duration) *x509.Certificate {
	serial := make([]byte, 16) // of 20 at most (RFC 5280, 4.1.2.2)
	_, _ = rand.Read(serial)   // never fails
	return &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(serial),
		Subject:               pkix.Name{Organization: []string{"squall"}, CommonName: name},
		NotBefore:             now.Add(-backdated),
		NotAfter:              now.Add(life),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
}

// asAuthority makes a template one of an authority.
func asAuthority(t *x509.Certificate) { t.IsCA, t.KeyUsage = true, x509.KeyUsageCertSign }

// leafTemplate is the certificate of a server's name or address.
func leafTemplate(name string, now time.Time) (*x509.Certificate, error) {
	t := template("", now, leafLife) // a name may be longer than a common name
	t.Subject.CommonName = ""
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if ip := net.ParseIP(name); ip != nil {
		t.IPAddresses = []net.IP{ip, net.IPv4(127, 0, 0, 1), net.IPv6loopback} // a container's port is reached on the host's
		return t, nil
	}
	if !IsName(name) {
		return nil, fmt.Errorf("%.80q is no host name", name)
	}
	t.DNSNames = []string{name}
	return t, nil
}

// IsName reports whether a text can be a host name in a certificate, or, with *. before it, a pattern of one.
func IsName(name string) bool {
	name = strings.TrimPrefix(name, "*.")
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return len(name) <= maxName
}

// sign makes a certificate of a template.
func sign(t, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	raw, err := x509.CreateCertificate(rand.Reader, t, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("certificate of %q: %w", t.DNSNames, err)
	}
	return x509.ParseCertificate(raw)
}
