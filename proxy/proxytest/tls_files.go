package proxytest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/certs"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// tlsFiles shows certificates from files.
func (s suite) tlsFiles(t *testing.T) {
	t.Run("ChosenByName", s.certificatesByName)
	t.Run("ReadAgain", s.certificatesReadAgain)
	t.Run("NotThere", s.certificatesNotThere)
}

// pairFiles writes the certificate of a name and its key.
func pairFiles(t *testing.T, dir string, authority *certs.Authority, name string) proxy.KeyPair {
	t.Helper()
	leaf, err := authority.Leaf(name)
	if err != nil {
		t.Fatal(err)
	}
	pair := proxy.KeyPair{CertFile: filepath.Join(dir, name+".pem"), KeyFile: filepath.Join(dir, name+".key")}
	writePair(t, pair, leaf)
	return pair
}

func writePair(t *testing.T, files proxy.KeyPair, pair *tls.Certificate) {
	t.Helper()
	writePEM(t, files.CertFile, "CERTIFICATE", pair.Certificate[0])
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, files.KeyFile, "PRIVATE KEY", key)
}

func writePEM(t *testing.T, path, kind string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newAuthority(t *testing.T) *certs.Authority {
	t.Helper()
	authority, err := certs.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// showing has the proxy terminate TLS with certificates from files.
func showing(pairs ...proxy.KeyPair) option {
	return config(func(c *proxy.Config) { c.TLS = &proxy.TLS{Certificates: pairs} })
}

// certificatesByName: of several certificates each client sees the one of its name, and the first where there is none.
func (s suite) certificatesByName(t *testing.T) {
	authority, dir := newAuthority(t), t.TempDir()
	r := s.start(t, nowhere(t), showing(pairFiles(t, dir, authority, "shop.test"), pairFiles(t, dir, authority, "stock.test")))
	for _, test := range []struct{ asked, shown string }{
		{"shop.test", "shop.test"},
		{"stock.test", "stock.test"},
		{"STOCK.test", "stock.test"},
		{"other.test", "shop.test"},
		{"127.0.0.1", "shop.test"},
	} {
		equal(t, test.asked, r.shown(test.asked), test.shown)
	}
	err := r.handshakeOnly(&tls.Config{ServerName: "stock.test", RootCAs: authority.Pool()})
	equal(t, "one who trusts the files' authority", err, nil)
}

// shown is the name in the certificate that a client gets.
func (r *rig) shown(name string) string {
	r.t.Helper()
	conn := tls.Client(r.dial().Conn, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	defer conn.Close()
	if err := conn.Handshake(); err != nil {
		r.t.Fatal(err)
	}
	return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
}

// certificatesReadAgain: files that change are taken over while clients come and go, and not before they fit together.
func (s suite) certificatesReadAgain(t *testing.T) {
	before, after := newAuthority(t), newAuthority(t)
	files := pairFiles(t, t.TempDir(), before, "stock.test")
	both := before.Pool()
	if !both.AppendCertsFromPEM(after.PEM()) {
		t.Fatal("no certificate")
	}
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, showing(files))
	warnings := r.warnings

	stop, clients := make(chan struct{}), sync.WaitGroup{}
	for range 2 {
		clients.Go(func() { r.comeAndGo(stop, &tls.Config{ServerName: "stock.test", RootCAs: both}) })
	}
	defer clients.Wait()
	defer close(stop)
	vouchedBy := func(authority *certs.Authority) bool {
		return r.handshakeOnly(&tls.Config{ServerName: "stock.test", RootCAs: authority.Pool()}) == nil
	}
	equal(t, "the first certificate is shown", vouchedBy(before), true)

	next, err := after.Leaf("stock.test")
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, files.CertFile, "CERTIFICATE", next.Certificate[0]) // and not its key
	warning := ""
	select {
	case warning = <-warnings:
	case <-time.After(patience):
		t.Fatal("no warning of a half-written pair")
	}
	equal(t, "the file in "+warning, strings.Contains(warning, files.CertFile), true)
	equal(t, "a key in the warning", strings.Contains(warning, "PRIVATE"), false)
	equal(t, "the first certificate is shown while its successor is half-written", vouchedBy(before), true)
	time.Sleep(1500 * time.Millisecond) // looked at again
	equal(t, "warnings of the same", len(warnings), 0)

	writePair(t, files, next)
	if !eventually(patience, func() bool { return vouchedBy(after) }) {
		t.Error("the new pair was not taken over")
	}
	equal(t, "warnings of a good pair", len(warnings), 0)

	if err := os.Remove(files.CertFile); err != nil {
		t.Fatal(err)
	}
	within(t, "a warning of a file that is gone", warnings)
	equal(t, "the last certificate is shown", vouchedBy(after), true)
	r.change(config(func(c *proxy.Config) { c.Timeout++ })) // another change is not in its way
	equal(t, "the last certificate is shown after another change", vouchedBy(after), true)
}

// comeAndGo calls the proxy on new connections, all of which must do.
func (r *rig) comeAndGo(stop <-chan struct{}, config *tls.Config) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		conn, err := tls.Dial("tcp", r.addr, config)
		if err != nil {
			r.t.Errorf("a client while files change: %v", err)
			return
		}
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // what does not arrive is missed at the other end
		reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || reply.StatusCode != 200 {
			r.t.Errorf("a client while files change: %v, %v", reply, err)
		}
		_ = conn.Close()
	}
}

// certificatesNotThere: a proxy does not start without its files, and the refusal names the field and the file.
func (s suite) certificatesNotThere(t *testing.T) {
	dir := t.TempDir()
	good := pairFiles(t, dir, newAuthority(t), "stock.test")
	other := pairFiles(t, dir, newAuthority(t), "shop.test")
	r := s.start(t, nowhere(t))
	for _, test := range []struct {
		change func(*proxy.Config)
		field  string
		says   string
	}{
		{func(c *proxy.Config) { c.TLS.Certificates[1].CertFile = dir + "/none" }, "tls.certificates[1]", dir + "/none: no such file"},
		{func(c *proxy.Config) { c.TLS.Certificates[1].CertFile = dir }, "tls.certificates[1]", "not a file"},
		{func(c *proxy.Config) { c.TLS.Certificates[1].KeyFile = good.KeyFile }, "tls.certificates[1]", "does not match"},
		{func(c *proxy.Config) { c.TLS.Certificates[1].KeyFile = other.CertFile }, "tls.certificates[1]", "private key"},
		{func(c *proxy.Config) { c.UpstreamTLS.RootsFile = other.KeyFile }, "upstream_tls.roots_file", "no certificate"},
		{func(c *proxy.Config) { c.UpstreamTLS.CertFile, c.UpstreamTLS.KeyFile = dir, dir }, "upstream_tls.cert_file", "not a file"},
	} {
		endpoint := r.endpoint
		endpoint.Config.Upstream, endpoint.Config.UpstreamTLS = "https://127.0.0.1:1", &proxy.UpstreamTLS{}
		endpoint.Config.TLS = &proxy.TLS{Certificates: []proxy.KeyPair{good, other}}
		test.change(&endpoint.Config)
		_, err := r.engine.Prepare([]proxy.Endpoint{endpoint})
		refusal, ok := errors.AsType[*document.Error](err)
		if !ok || refusal.Field != "proxies[p]."+test.field || !strings.Contains(refusal.Reason, test.says) {
			t.Errorf("got %v, want a refusal of %s that says %q", err, test.field, test.says)
		}
	}
	reply, _ := r.get("/")
	equal(t, "the proxy goes on", reply.StatusCode, 502)
}

// originate shows how https upstreams are spoken to.
func (s suite) originate(t *testing.T) {
	authority, dir := newAuthority(t), t.TempDir()
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	own := pairFiles(t, dir, authority, "client.test")
	foreign := pairFiles(t, dir, newAuthority(t), "foreign.test")
	trusting := proxy.UpstreamTLS{RootsFile: roots, ServerName: "stock.test"}
	for _, test := range []struct {
		name     string
		upstream func(*tls.Config)
		settings *proxy.UpstreamTLS
		says     string // in the 502; "" = 200
	}{
		{"Roots", nil, &trusting, ""},
		{"SystemRoots", nil, &proxy.UpstreamTLS{ServerName: "stock.test"}, "unknown authority"},
		{"Defaults", nil, nil, "doesn't contain any IP SANs"},
		{"WrongServerName", nil, &proxy.UpstreamTLS{RootsFile: roots, ServerName: "shop.test"}, "certificate is valid for stock.test, not shop.test"},
		{"NoServerName", nil, &proxy.UpstreamTLS{RootsFile: roots}, "doesn't contain any IP SANs"},
		{"Insecure", nil, &proxy.UpstreamTLS{Verify: proxy.Insecure}, ""},
		{"WithoutAClientsCertificate", asking(authority), &trusting, "certificate required"},
		{"ClientsCertificate", asking(authority), with(trusting, own), ""},
		{"ForeignClientsCertificate", asking(authority), with(trusting, foreign), "tls: "},
		{"TLS11", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, &trusting, "protocol version"},
		{"CBC", cbcOnly, &trusting, "handshake failure"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := s.start(t, secured(t, authority, test.upstream), config(func(c *proxy.Config) { c.UpstreamTLS = test.settings }))
			reply, body := r.get("/")
			equal(t, "status", reply.StatusCode, map[bool]int{true: 200, false: 502}[test.says == ""])
			equal(t, "the reason in "+body, strings.Contains(body, test.says), true)
		})
	}
	t.Run("AChangeHoldsForTheNextRequest", func(t *testing.T) {
		r := s.start(t, secured(t, authority, nil), config(func(c *proxy.Config) { c.UpstreamTLS = &trusting }))
		for range 2 {
			_, body := r.get("/")
			equal(t, "asked for", body, "stock.test")
			r.change(config(func(c *proxy.Config) { c.UpstreamTLS = &proxy.UpstreamTLS{RootsFile: roots, ServerName: "shop.test"} }))
			reply, _ := r.get("/")
			equal(t, "status", reply.StatusCode, 502)
			r.change(config(func(c *proxy.Config) { c.UpstreamTLS = &trusting }))
		}
	})
}

// secured starts an https upstream for stock.test, which replies with the name that it was asked for.
func secured(t *testing.T, authority *certs.Authority, change func(*tls.Config)) (url string) {
	t.Helper()
	leaf, err := authority.Leaf("stock.test")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.ServerName)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12}
	if change != nil {
		change(server.TLS)
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// asking has an upstream ask for a client's certificate.
func asking(authority *certs.Authority) func(*tls.Config) {
	return func(c *tls.Config) {
		c.ClientAuth = tls.RequireAnyClientCert
		c.VerifyConnection = func(s tls.ConnectionState) error {
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{
				Roots: authority.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
			})
			return err
		}
	}
}

// cbcOnly has an upstream speak nothing that has AEAD.
func cbcOnly(c *tls.Config) {
	c.MaxVersion = tls.VersionTLS12
	c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}
}

// with adds a client's certificate.
func with(c proxy.UpstreamTLS, own proxy.KeyPair) *proxy.UpstreamTLS {
	c.CertFile, c.KeyFile = own.CertFile, own.KeyFile
	return &c
}
