package squalltest_test

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/squalltest"
)

func TestTLS(t *testing.T) {
	url, calls := stock(t)
	p := squalltest.NewTLS(t, url)
	if !strings.HasPrefix(p.URL, "https://") {
		t.Errorf("the URL is %s", p.URL)
	}
	p.FailHandshake("expired", squalltest.First(1))
	p.FailHandshake("alert", squalltest.SNI("shop.test"), squalltest.MayMiss())
	_, err := p.Client().Get(p.URL)
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("got %v, want an expired certificate", err)
	}
	response, err := p.Client().Get(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if response.StatusCode != http.StatusOK || calls.Load() != 1 {
		t.Errorf("status %d after %d calls", response.StatusCode, calls.Load())
	}
	if _, err := http.Get(p.URL); !errors.As(err, new(x509.UnknownAuthorityError)) {
		t.Errorf("a client that does not trust the proxy got %v", err)
	}
}
