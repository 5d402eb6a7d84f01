package proxytest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// certificate gives a server's certificate for 127.0.0.1, and who vouches for it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler()) // it brings its own
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.TLS.Certificates[0], roots
}

// terminating has the proxy speak TLS to its clients.
func terminating(_ *testing.T, e *proxy.Endpoint) { e.Config.TLS = &proxy.TLS{CA: proxy.Throwaway} }

// clientTLS is how a client speaks it that trusts the proxy; version is the highest that it may.
func clientTLS(version uint16) *tls.Config {
	return &tls.Config{ServerName: "stock.test", MinVersion: tls.VersionTLS12, MaxVersion: version}
}

// roots has the proxy's throw-away authority.
func (r *rig) roots() *x509.CertPool {
	r.t.Helper()
	authority, err := r.engine.Authority()
	if err != nil {
		r.t.Fatal(err)
	}
	return authority.Pool()
}

// dialTLS connects a client over TLS that trusts the proxy. wire is what goes below that.
func (r *rig) dialTLS(config *tls.Config) (c *peer, wire *recorder) {
	r.t.Helper()
	c = r.dial()
	wire = &recorder{Conn: c.Conn}
	config = config.Clone()
	config.RootCAs = r.roots()
	secured := tls.Client(wire, config)
	if err := secured.HandshakeContext(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	c.Conn, c.reader = secured, bufio.NewReader(secured)
	return c, wire
}

// endingTLS shows endings and leaving below TLS.
func (s suite) endingTLS(t *testing.T) {
	for version, name := range map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"} {
		client := clientTLS(version)
		t.Run("Endings/"+name, func(t *testing.T) { s.endUnderTLS(t, client, terminating) })
		t.Run("BehindAMegabyte/"+name, func(t *testing.T) {
			s.endSlowReader(t, func(r *rig) *peer {
				c, _ := r.dialTLS(client)
				return c
			}, terminating)
		})
		t.Run("Leaving/"+name, func(t *testing.T) { s.leaveUnderTLS(t, client) })
	}
	t.Run("Endings/ClearText", func(t *testing.T) { s.endUnderTLS(t, nil) }) // the same without
	t.Run("BehindAMegabyte/ClearText", func(t *testing.T) { s.endSlowReader(t, (*rig).dial) })
	t.Run("IdleForLongerThanAHeadMayTake", func(t *testing.T) {
		t.Parallel()
		upstream, _ := recording(t, okReply)
		c, _ := s.start(t, upstream, terminating).dialTLS(clientTLS(tls.VersionTLS13))
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			c.reply(http.MethodGet)
			c.stay(5500 * time.Millisecond)
		}
	})
}

// endUnderTLS: an RST comes without a close_notify, a FIN behind one; whatever of the request is unread, also by the
// proxy's socket.
func (s suite) endUnderTLS(t *testing.T, client *tls.Config, options ...option) {
	const reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
	half := "Content-Length: 1000\r\n\r\nhalf of it"
	much := "Content-Length: 100000\r\n\r\n" + strings.Repeat("h", 50_000)
	for _, test := range []struct{ rule, sent, end, upload string }{
		{`{"reset": "start"}`, "", rst, half}, // writing after the end would take its error away: so not much
		{`{"reset": "start", "phase": "after"}`, "", rst, half},
		{`{"reset": "head"}`, "HTTP/1.1 2", rst, half},
		{`{"reset": {"at": "body", "after": 4}}`, "0123", rst, half},
		{`{"truncate": {"after": 4, "how": "reset"}}`, "0123", rst, half},
		{`{"truncate": 4}`, "0123", fin, much},
		{`{"empty": {}}`, "", fin, much},
		{`{"empty": {}, "phase": "after"}`, "", fin, much},
		{`{"malformed": "garbage"}`, garbled(), fin, much},
	} {
		for _, rest := range []string{"\r\n", test.upload} {
			r := s.start(t, eager(t, reply), append(options, rules(test.rule))...)
			c, wire := r.dial(), (*recorder)(nil)
			if client != nil {
				c, wire = r.dialTLS(client)
			}
			c.send("POST / HTTP/1.1", "Host: x", rest)
			got, end := c.rest()
			if _, body, found := strings.Cut(got, "\r\n\r\n"); found && len(test.sent) == 4 {
				got = body
			}
			equal(t, test.rule+": bytes", got, test.sent)
			equal(t, test.rule+": end", end, test.end)
			if wire != nil {
				equal(t, test.rule+": close_notify", wire.endsWithAlert(t), test.end == fin)
			}
			equal(t, test.rule+": outcome", r.exchange().Outcome, proxy.Injected)
		}
	}
}

// recorder is a connection that keeps what comes.
type recorder struct {
	net.Conn
	got []byte
}

// Read reads and keeps.
func (c *recorder) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got = append(c.got, p[:n]...)
	return n, err
}

// endsWithAlert reports whether the last record is an alert (RFC 5246, 6.2.1). In TLS 1.3 its type is inside (RFC 8446,
// 5.2), and its length tells: two bytes, one for the type, and 16 for the AEAD.
func (c *recorder) endsWithAlert(t *testing.T) bool {
	t.Helper()
	var kind byte
	length := 0
	for rest := c.got; len(rest) >= 5; rest = rest[5+length:] {
		kind, length = rest[0], int(rest[3])<<8|int(rest[4])
		if len(rest) < 5+length {
			return false // cut off
		}
	}
	return kind == 21 || kind == 23 && length == 2+1+16
}

// endSlowReader: what was to arrive before an end arrives, also at a client that reads slowly, and has sent what nobody
// reads: closing over that would throw away what is not sent yet.
func (s suite) endSlowReader(t *testing.T, dial func(*rig) *peer, options ...option) {
	const size = 1 << 20
	body := strings.Repeat("0123456789abcdef", 2*size/16)
	upstream := eager(t, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
	for _, test := range []struct{ rule, end, rest string }{
		{`{"reset": {"at": "body", "after": 1048576}}`, rst, "\r\n"},
		{`{"truncate": 1048576}`, fin, "\r\n"},
		{`{"truncate": 1048576}`, fin, "Content-Length: 1000000\r\n\r\n" + strings.Repeat("h", 50_000)},
	} {
		r := s.start(t, upstream, append(options, rules(test.rule))...)
		c := dial(r)
		c.send("POST / HTTP/1.1", "Host: x", test.rest)
		c.mustHead()
		got := make([]byte, size)
		for i := 0; i < size; i += 1 << 16 {
			time.Sleep(4 * time.Millisecond) // the client's pace
			if len(test.rest) > 2 {
				c.send(strings.Repeat("h", 1000)) // while nobody reads any more
			}
			if n, err := io.ReadFull(c.reader, got[i:i+1<<16]); err != nil {
				t.Fatalf("%s: %d bytes arrived, then %v", test.rule, i+n, err)
			}
		}
		rest, end := c.rest()
		equal(t, "as the upstream sent it", string(got) == body[:size], true)
		equal(t, "more", rest, "")
		equal(t, "end", end, test.end)
		r.endedBy(t, 200, size)
	}
}

// leaveUnderTLS: a client's leaving is seen below TLS, with a close_notify and without.
func (s suite) leaveUnderTLS(t *testing.T, client *tls.Config) {
	for _, how := range []string{"close_notify", fin, rst} {
		counter := faults.NewCounter()
		r := s.start(t, nowhere(t), armed(t, counter, `{"delay": "1h"}`), terminating)
		checkNoticed(t, func(i int) time.Duration {
			c, wire := r.dialTLS(client)
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			if _, err := counter.WaitHits(t.Context(), uint64(i)+1); err != nil {
				t.Fatal(err)
			}
			c.stay(stays(i))
			equal(t, how+": ended although the client stayed", len(r.exchanges), 0)
			begin := time.Now()
			if how != "close_notify" {
				c.Conn = wire.Conn
			}
			c.leave(how)
			equal(t, how+": outcome", r.exchange().Outcome, proxy.ClientLeft)
			return time.Since(begin)
		})
	}
}
