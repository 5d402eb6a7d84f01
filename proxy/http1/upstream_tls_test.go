package http1_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
)

// TestHTTPSUpstreams: they are verified, and spoken to in HTTP/1.1 over TLS 1.2 and up, without CBC.
func TestHTTPSUpstreams(t *testing.T) {
	for _, test := range []struct {
		name    string
		config  *tls.Config
		trusted bool
		status  int
	}{
		{"Verified", nil, true, 200},
		{"NotVerified", nil, false, 502},
		{"TLS12", &tls.Config{MaxVersion: tls.VersionTLS12}, true, 200},
		{"TLS11", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, true, 502},
		{"CBC", &tls.Config{
			MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
		}, true, 502},
	} {
		t.Run(test.name, func(t *testing.T) {
			upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, r.Proto)
			}))
			upstream.TLS, upstream.EnableHTTP2 = test.config, true
			upstream.Config.ErrorLog = log.New(io.Discard, "", 0)
			upstream.StartTLS()
			t.Cleanup(upstream.Close)
			executor := &http1.Executor{RootCAs: x509.NewCertPool()}
			if test.trusted {
				executor.RootCAs.AddCert(upstream.Certificate())
			}
			engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: executor}}
			config := proxy.Defaults()
			config.Name, config.Listen, config.Upstream = "p", "127.0.0.1:0", upstream.URL
			change, err := engine.Prepare([]proxy.Endpoint{{Config: config}})
			if err != nil {
				t.Fatal(err)
			}
			change.Commit()
			t.Cleanup(func() { stopEngine(t, engine) })
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			reply, err := client.Get("http://" + engine.Addr("p").String())
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			body, _ := io.ReadAll(reply.Body)
			if reply.StatusCode != test.status || test.status == 200 && !strings.HasPrefix(string(body), "HTTP/1.1") {
				t.Errorf("got %d %q, want %d", reply.StatusCode, body, test.status)
			}
		})
	}
}
