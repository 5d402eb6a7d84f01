package proxytest

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"golang.org/x/net/http2"

	"github.com/squall-proxy/squall/proxy"
)

// secured shows HTTP/2 over TLS: what each side speaks is chosen by ALPN, and faults are those of clear text.
func (s http2Suite) secured(t *testing.T) {
	t.Run("Choice", s.securedChoice)
	t.Run("Faults", s.securedFaults)
	t.Run("HTTP1ToH2C", s.securedHTTP1)
	t.Run("Drain", s.securedDrain)
}

// serveTLS starts an upstream over TLS that answers with what it was asked in, and by which way. speaks is what it may
// choose from.
func serveTLS(t *testing.T, speaks ...string) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get("X-Forwarded-Proto"))
	}))
	server.EnableHTTP2 = slices.Contains(speaks, "h2")
	server.TLS = &tls.Config{NextProtos: speaks, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func unverified(_ *testing.T, e *proxy.Endpoint) {
	e.Config.UpstreamTLS = &proxy.UpstreamTLS{Verify: proxy.Insecure}
}

// http2TLS connects a client of HTTP/2 over TLS.
func (r *rig) http2TLS() *h2conn {
	r.t.Helper()
	config := clientTLS(tls.VersionTLS13)
	config.NextProtos = []string{"h2", "http/1.1"}
	c, _ := r.dialTLS(config)
	equal(r.t, "agreed on", c.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol, "h2")
	return newHTTP2(r.t, c.Conn)
}

// securedChoice: the upstream is spoken to in HTTP/2 where the client speaks it and the upstream can.
func (s http2Suite) securedChoice(t *testing.T) {
	for _, test := range []struct {
		speaks           []string
		toHTTP2, toHTTP1 string
	}{
		{[]string{"h2", "http/1.1"}, "HTTP/2.0 https", "HTTP/1.1 https"},
		{[]string{"http/1.1"}, "HTTP/1.1 https", "HTTP/1.1 https"},
		{nil, "HTTP/1.1 https", "HTTP/1.1 https"},
	} {
		r := s.start(t, serveTLS(t, test.speaks...), terminating, unverified)
		c := r.http2TLS()
		for range 2 {
			equal(t, "HTTP/2", c.get("/").body, test.toHTTP2)
			equal(t, "outcome", r.exchange().Outcome, proxy.OK)
		}
		for _, protocols := range [][]string{nil, {"http/1.1"}} {
			config := clientTLS(tls.VersionTLS13)
			config.NextProtos = protocols
			old, _ := r.dialTLS(config)
			old.send("GET / HTTP/1.1", "Host: x", "", "")
			_, body := old.reply(http.MethodGet)
			equal(t, "HTTP/1.1", body, test.toHTTP1)
		}
	}
}

func (s http2Suite) securedFaults(t *testing.T) {
	upstream, _, _ := halves(t)
	r := s.start(t, upstream, terminating, rules(
		`{"name": "it", "truncate": 4, "match": {"path": "/cut"}}`, `{"reset": "start", "match": {"path": "/reset"}}`,
		`{"abort": {"grpc_status": 14}, "match": {"path": "/abort"}}`, `{"goaway": {}, "match": {"path": "/leave"}}`,
	))
	c := r.http2TLS()
	cut := c.get("/cut")
	equal(t, "cut", cut.body+" "+cut.end, "0123 "+internalError)
	reset := c.get("/reset")
	equal(t, "reset", reset.field(":status")+reset.end, internalError)
	equal(t, "abort", c.get("/abort", "content-type", "application/grpc").field("grpc-status"), "14")
	equal(t, "untouched", c.get("/").body, "0123456789")
	equal(t, "the connection lives", c.goaway == nil, true)
	equal(t, "leave", c.get("/leave").body, "0123456789")
	c.until("a GOAWAY", func() bool { return c.goaway != nil })
	equal(t, "GOAWAY", *c.goaway, http2.ErrCodeNo)
}

// securedHTTP1: a client of HTTP/1.1 over TLS reaches an upstream that speaks HTTP/2 alone.
func (s http2Suite) securedHTTP1(t *testing.T) {
	r := s.start(t, serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get("X-Forwarded-Proto"))
	}), terminating, rules(`{"reset": "start", "match": {"path": "/reset"}}`))
	c, _ := r.dialTLS(clientTLS(tls.VersionTLS13))
	for range 2 {
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		_, body := c.reply(http.MethodGet)
		equal(t, "body", body, "HTTP/2.0 https")
	}
	c.send("GET /reset HTTP/1.1", "Host: x", "", "")
	_, end := c.rest()
	equal(t, "end", end, rst)
}

// securedDrain: a shutdown says GOAWAY, and does not wait for connections that idle.
func (s http2Suite) securedDrain(t *testing.T) {
	upstream, _, _ := halves(t)
	r := s.start(t, upstream, terminating)
	c := r.http2TLS()
	c.get("/")
	down := make(chan bool, 1)
	go func() { down <- r.shutdown(patience) }()
	c.until("a GOAWAY", func() bool { return c.goaway != nil })
	c.expectEnd()
	equal(t, "dropped", <-down, false)
}
