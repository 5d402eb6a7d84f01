package certs

import (
	"crypto/tls"
	"time"
)

// WrongName is what a certificate for the wrong name is for. Nobody can have it (RFC 6761, 6.4).
const WrongName = "wrong-name.invalid"

// Expired gives a certificate of a host name or an address that has expired yesterday.
func (a *Authority) Expired(name string) (*tls.Certificate, error) {
	t, err := leafTemplate(name, time.Now())
	if err != nil {
		return nil, err
	}
	t.NotBefore, t.NotAfter = t.NotBefore.Add(-leafLife), time.Now().Add(-24*time.Hour)
	return a.issue(t)
}

// SelfSigned gives one that nobody vouches for.
func (a *Authority) SelfSigned(name string) (*tls.Certificate, error) {
	t, err := leafTemplate(name, time.Now())
	if err != nil {
		return nil, err
	}
	t.Subject.CommonName = "squall self-signed"
	signed, err := sign(t, t, &a.leafKey.PublicKey, a.leafKey)
	if err != nil {
		return nil, err
	}
	return chain(signed, a.leafKey), nil
}

// IncompleteChain gives one that an intermediate authority has signed, without the certificate of that.
func (a *Authority) IncompleteChain(name string) (*tls.Certificate, error) {
	t, err := leafTemplate(name, time.Now())
	if err != nil {
		return nil, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	between := template("squall intermediate CA", time.Now(), leafLife)
	asAuthority(between)
	intermediate, err := sign(between, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	signed, err := sign(t, intermediate, &a.leafKey.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return chain(signed, a.leafKey), nil
}
