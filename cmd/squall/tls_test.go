package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/squall-proxy/squall/internal/certs"
)

// writeCertificate writes the certificate of stock.test and its key, of a new authority.
func writeCertificate(t *testing.T, dir string) *certs.Authority {
	t.Helper()
	authority, err := certs.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := authority.Leaf("stock.test")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "stock.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]})))
	writeFile(t, filepath.Join(dir, "stock.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return authority
}

// getTrusting asks a proxy over TLS, as stock.test.
func getTrusting(t *testing.T, url string, roots *x509.CertPool) error {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "stock.test"}, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Files that squall.yaml names hold from the start, over a reload and a restart from the state; the API shows them, takes
// them back, and no others; keys are in no answer and no log.
func TestServeCertificatesOfFiles(t *testing.T) {
	dir := t.TempDir()
	authority := writeCertificate(t, dir)
	path, state := filepath.Join(dir, "squall.yaml"), filepath.Join(dir, "state.json")
	tlsLine := fmt.Sprintf("tls: {certificates: [{cert_file: %s/stock.pem, key_file: %s/stock.key}]}", dir, dir)
	text := fmt.Sprintf("proxies: [{name: a, listen: \"127.0.0.1:0\", upstream: %q, %s}]\n", fineUpstream(t), tlsLine)
	writeFile(t, path, text)
	s := startServe(t, nil, "--config", path, "--state", state)
	trusted := func() {
		t.Helper()
		if err := getTrusting(t, s.url("a"), authority.Pool()); err != nil {
			t.Error(err)
		}
	}
	trusted()
	_, document := get(t, s.admin+"/admin/proxies/a")
	if !strings.Contains(document, dir+"/stock.key") || strings.Contains(document, "PRIVATE") {
		t.Errorf("the proxy is %s", document)
	}
	file := filepath.Join(dir, "a.json")
	writeFile(t, file, document)
	s.squall("proxies", "add", "a", "--file", file)
	writeFile(t, file, strings.ReplaceAll(document, "stock.key", "other.key"))
	code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, "proxies", "add", "a", "--file", file)
	if code == exitOK || !strings.Contains(errs, "tls.certificates[0].key_file") {
		t.Errorf("another file: exit code %d, %s", code, errs)
	}
	trusted()

	reload := func(text, says string) {
		t.Helper()
		before := strings.Count(s.log.String(), says)
		writeFile(t, path, text)
		s.hangup <- syscall.SIGHUP
		eventually(t, "the log does not say "+says, func() bool { return strings.Count(s.log.String(), says) > before })
	}
	reload(strings.ReplaceAll(text, "stock.pem", "none.pem"), "none.pem: no such file")
	trusted()
	reload(strings.Replace(text, tlsLine, "tls: true", 1), `"message":"reloaded"`)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(s.squall("ca"))) {
		t.Fatal("squall ca prints no certificate")
	}
	if err := getTrusting(t, s.url("a"), roots); err != nil {
		t.Error(err)
	}
	reload(text, `"message":"reloaded"`)
	trusted()
	if code := s.end(); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	if log := s.log.String(); strings.Contains(log, "PRIVATE") {
		t.Errorf("a key is in the log: %s", log)
	}

	s = startServe(t, nil, "--config", path, "--state", state)
	trusted()
	s.end()
	if err := os.Remove(filepath.Join(dir, "stock.key")); err != nil {
		t.Fatal(err)
	}
	code, _, errs = runSquall(t, nil, "serve", "--admin-listen", "127.0.0.1:0", "--config", path)
	if code == exitOK || !strings.Contains(errs, "proxies[a].tls.certificates[0]: ") || !strings.Contains(errs, "stock.key") {
		t.Errorf("a start without the key: exit code %d, %s", code, errs)
	}
}
