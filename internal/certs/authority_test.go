package certs

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func authority(t *testing.T) *Authority {
	t.Helper()
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLeaf(t *testing.T) {
	a := authority(t)
	for _, test := range []struct{ asked, fits, not string }{
		{"stock.test", "stock.test", "shop.test"},
		{"localhost", "localhost", "127.0.0.1"},
		{"192.0.2.1", "192.0.2.1", "192.0.2.2"},
		{"192.0.2.1", "127.0.0.1", "localhost"}, // a published port of a container
		{"2001:db8::1", "2001:db8::1", "2001:db8::2"},
		{strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 126) + "a", "a.a"},
	} {
		leaf, err := a.Leaf(test.asked)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: test.fits}); err != nil {
			t.Errorf("%s for %s: %v", test.asked, test.fits, err)
		}
		if err := leaf.Leaf.VerifyHostname(test.not); err == nil {
			t.Errorf("%s is for %s, too", test.asked, test.not)
		}
		if again, err := a.Leaf(test.asked); err != nil || again != leaf {
			t.Errorf("%s was made twice", test.asked)
		}
	}
	for _, name := range []string{"", "a b", "A.test", "a..b", ".a", "a.", "-a", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a", "a\x00b", "ä.test"} {
		if leaf, err := a.Leaf(name); err == nil {
			t.Errorf("%q has a certificate: %v", name, leaf.Leaf.DNSNames)
		}
	}
}

// A squall that runs for long shows no expired certificates, and keeps a bounded number of them.
func TestLeavesAreBoundedInTimeAndNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := authority(t)
		begin := time.Now()
		for time.Since(begin) < 3*leafLife {
			leaf, err := a.Leaf("stock.test")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool()}); err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), err)
			}
			time.Sleep(leafLife / 5)
		}
		for i := range maxLeaves + 5 {
			if _, err := a.Leaf(fmt.Sprintf("a%d.test", i)); err != nil {
				t.Fatal(err)
			}
		}
		if len(a.leaves) > maxLeaves {
			t.Errorf("%d are kept", len(a.leaves))
		}
	})
}

// Each flaw is the only one: with what it lacks put right, the certificate is good.
func TestFlaws(t *testing.T) {
	a := authority(t)
	expired, err := a.Expired("stock.test")
	if err != nil {
		t.Fatal(err)
	}
	_, err = expired.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: "stock.test"})
	if reason := new(x509.CertificateInvalidError); !errors.As(err, reason) || reason.Reason != x509.Expired {
		t.Errorf("expired: %v", err)
	}
	if err := errors.Join(expired.Leaf.CheckSignatureFrom(a.certificate), expired.Leaf.VerifyHostname("stock.test")); err != nil {
		t.Errorf("expired, otherwise: %v", err)
	}

	self, err := a.SelfSigned("stock.test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := self.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool()}); !errors.As(err, new(x509.UnknownAuthorityError)) {
		t.Errorf("self-signed: %v", err)
	}
	own := x509.NewCertPool()
	own.AddCert(self.Leaf)
	if _, err := self.Leaf.Verify(x509.VerifyOptions{Roots: own, DNSName: "stock.test"}); err != nil {
		t.Errorf("self-signed, trusted: %v", err)
	}

	incomplete, err := a.IncompleteChain("stock.test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := incomplete.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool()}); !errors.As(err, new(x509.UnknownAuthorityError)) {
		t.Errorf("incomplete chain: %v", err)
	}
	if len(incomplete.Certificate) != 1 || incomplete.Leaf.Issuer.String() == incomplete.Leaf.Subject.String() {
		t.Errorf("incomplete chain: %d certificates, issued by %s", len(incomplete.Certificate), incomplete.Leaf.Issuer)
	}
	for _, issue := range []func(string) error{
		func(name string) error { _, err := a.Expired(name); return err },
		func(name string) error { _, err := a.SelfSigned(name); return err },
		func(name string) error { _, err := a.IncompleteChain(name); return err },
	} {
		if issue("a b") == nil {
			t.Error("a name that is none has a certificate")
		}
	}
}

// The authority shows its certificate and not its key.
func TestPEM(t *testing.T) {
	block, rest := pem.Decode(authority(t).PEM())
	if block == nil || block.Type != "CERTIFICATE" || len(rest) != 0 {
		t.Errorf("got %v and %q", block, rest)
	}
}
