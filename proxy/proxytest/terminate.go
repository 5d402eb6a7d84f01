package proxytest

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// terminate shows that clients speak TLS where the proxy's settings say so.
func (s suite) terminate(t *testing.T) {
	t.Run("ThrowawayAuthority", s.throwawayAuthority)
	t.Run("Names", s.names)
	t.Run("OldProtocols", s.oldProtocols)
	t.Run("ClearTextToTLS", s.clearTextToTLS)
	t.Run("Switched", s.switchedTLS)
	t.Run("SilentClients", s.silentHandshakes)
	t.Run("PlacesComeBack", s.placesComeBack)
}

// throwawayAuthority: whatever name a client asks for, and the address where it asks for none, has a certificate; the
// upstream is told that the client came over https.
func (s suite) throwawayAuthority(t *testing.T) {
	upstream, seen := recording(t, okReply)
	r := s.start(t, upstream, terminating)
	for _, name := range []string{"stock.test", "shop.example", "127.0.0.1"} {
		config := clientTLS(tls.VersionTLS13)
		config.ServerName = name
		c, _ := r.dialTLS(config)
		c.send("GET / HTTP/1.1", "Host: "+name, "", "")
		reply, _ := c.reply(http.MethodGet)
		equal(t, "status", reply.StatusCode, 200)
		equal(t, "told of https", strings.Contains(strings.Join((<-seen).fields, "\n"), "X-Forwarded-Proto: https"), true)
		equal(t, "outcome", r.exchange().Outcome, proxy.OK)
	}
}

// names: names that are not the proxy's get the alert that says so.
func (s suite) names(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, config(func(c *proxy.Config) {
		c.TLS = &proxy.TLS{CA: proxy.Throwaway, Names: []string{"stock.test", "*.shop.test"}}
	}))
	for name, served := range map[string]bool{
		"stock.test": true, "STOCK.test": true, "a.shop.test": true, "127.0.0.1": true,
		"shop.test": false, "a.b.shop.test": false, "other.test": false, "xstock.test": false,
	} {
		err := r.handshake(&tls.Config{ServerName: name, RootCAs: r.roots()})
		if served {
			equal(t, name, err, nil)
			continue
		}
		equal(t, name+" is told", fmt.Sprint(err), "remote error: tls: unrecognized name")
		x := r.exchange()
		equal(t, "outcome", x.Outcome, proxy.RealError)
		equal(t, "host", x.Host, name)
		equal(t, "method", x.Method, "")
		equal(t, "the name in "+x.Error, strings.Contains(x.Error, name), true)
	}
	equal(t, "records of handshakes that went well", len(r.exchanges), 0)
}

// oldProtocols: TLS 1.1 and cipher suites in CBC mode are refused; those with AEAD are not.
func (s suite) oldProtocols(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, terminating)
	for _, test := range []struct {
		what    string
		version uint16
		suites  []uint16
		says    string
	}{
		{"TLS 1.1", tls.VersionTLS11, nil, "remote error: tls: protocol version not supported"},
		{"CBC", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}, "remote error: tls: handshake failure"},
		{"AEAD", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, "<nil>"},
		{"TLS 1.3", tls.VersionTLS13, nil, "<nil>"},
	} {
		err := r.handshake(&tls.Config{
			ServerName: "stock.test", RootCAs: r.roots(),
			MinVersion: tls.VersionTLS10, MaxVersion: test.version, CipherSuites: test.suites,
		})
		equal(t, test.what, fmt.Sprint(err), test.says)
		if err != nil {
			equal(t, test.what+": outcome", r.exchange().Outcome, proxy.RealError)
		}
	}
}

// clearTextToTLS: a client that does not speak TLS is told so.
func (s suite) clearTextToTLS(t *testing.T) {
	r := s.start(t, nowhere(t), terminating)
	reply, body := r.get("/")
	equal(t, "status", reply.StatusCode, 400)
	equal(t, "a hint in "+body, strings.Contains(body, "https"), true)
	equal(t, "outcome", r.exchange().Outcome, proxy.RealError)
}

// switchedTLS: settings hold for every connection that is made after the change; those that there are go on.
func (s suite) switchedTLS(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream)
	clear := r.dial()
	ask := func(c *peer) {
		t.Helper()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		reply, _ := c.reply(http.MethodGet)
		equal(t, "status", reply.StatusCode, 200)
	}
	ask(clear)
	for range 3 {
		r.change(terminating)
		secured, _ := r.dialTLS(clientTLS(tls.VersionTLS13))
		ask(secured)
		ask(clear)
		r.change(config(func(c *proxy.Config) { c.TLS = nil }))
		ask(r.dial())
		ask(secured)
	}
}

// silentHandshakes: clients that do not get on with their handshake keep nobody from being served, nor from ending.
func (s suite) silentHandshakes(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, terminating)
	for i := range 20 {
		r.dial().send("\x16\x03\x01\x02"[:i%4]) // the beginning of a greeting
	}
	c, _ := r.dialTLS(clientTLS(tls.VersionTLS13))
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	reply, _ := c.reply(http.MethodGet)
	equal(t, "status", reply.StatusCode, 200)
	r.exchange()
	begin := time.Now()
	equal(t, "dropped an exchange", r.shutdown(patience), false)
	if took := time.Since(begin); took > handshakeTime/2 {
		t.Errorf("shutting down took %v", took)
	}
	equal(t, "records of clients that said nothing", len(r.exchanges), 0)
}

// placesComeBack: a handshake takes one of the places that there are for clients, and gives it back however it ends.
func (s suite) placesComeBack(t *testing.T) {
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream, terminating, rules(
		`{"tls":"expired","match":{"sni":"expired.test"}}`, `{"tls":"alert","match":{"sni":"alert.test"}}`,
		`{"name":"brief","tls":{"as":"stall","for":"1ms"},"match":{"sni":"brief.test"}}`,
		`{"name":"endless","tls":"stall","match":{"sni":"endless.test"}}`,
	))
	engine := &proxy.Engine{Executors: r.engine.Executors, MaxClients: 2} // one like the rig's, with few places
	change, err := engine.Prepare([]proxy.Endpoint{r.endpoint})
	if err != nil {
		t.Fatal(err)
	}
	change.Commit()
	few := &rig{t: t, engine: engine, addr: engine.Addr("p").String()}
	defer few.shutdown(patience)
	for range 5 {
		for _, name := range []string{"expired.test", "alert.test", "brief.test"} {
			equal(t, name+" is served", few.handshakeOnly(&tls.Config{ServerName: name, RootCAs: few.roots()}) != nil, true)
		}
		few.dial().send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		few.dial().leave(fin)
		c := few.dial()
		_ = c.SetDeadline(time.Now().Add(50 * time.Millisecond))
		_ = tls.Client(c.Conn, &tls.Config{ServerName: "endless.test", RootCAs: few.roots()}).Handshake() // ends with the deadline
		c.leave(rst)
		equal(t, "after that", few.handshakeOnly(&tls.Config{ServerName: "stock.test", RootCAs: few.roots()}), nil)
	}
}

// handshakeTime is how long a client may take.
const handshakeTime = 5 * time.Second

// handshake connects, and gives the error of the handshake, which in TLS 1.3 may come with the first read.
func (r *rig) handshake(config *tls.Config) error {
	r.t.Helper()
	secured := tls.Client(r.dial().Conn, config)
	defer secured.Close()
	if err := secured.HandshakeContext(r.t.Context()); err != nil {
		return err
	}
	if _, err := secured.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		return err
	}
	if _, err := secured.Read(make([]byte, 1)); err != nil {
		return err
	}
	r.exchange()
	return nil
}
