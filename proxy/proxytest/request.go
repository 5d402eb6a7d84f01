package proxytest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

const okReply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// added are the fields that a proxy adds to a request, without the request id, which is another every time.
func (r *rig) added(host string) []string {
	return []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: " + host, "X-Forwarded-Proto: http"}
}

// withoutID takes the request id out of recorded fields.
func withoutID(fields []string) []string {
	return slices.DeleteFunc(fields, func(f string) bool { return strings.HasPrefix(f, "X-Request-Id: ") })
}

func equalFields(t *testing.T, got, want []string) {
	t.Helper()
	want = slices.Clone(want)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("fields:\n got %q\nwant %q", got, want)
	}
}

func (s suite) request(t *testing.T) {
	t.Run("ArrivesAsItCame", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream)
		const line = "GET /a%2Fb/%7Ec//d/?q=1&q=2;x=%zz+%20&&empty= HTTP/1.1"
		c := r.dial()
		sent := []string{"Host: example.test:1234", "X-B: 1", "X-A: two  words", "X-B: 2", "Accept: */*", "Cookie: a=1; b=2"}
		c.send(append(append([]string{line}, sent...), "", "")...)
		c.reply(http.MethodGet)
		got := next(t, requests)
		equal(t, "request line", got.line, line)
		equalFields(t, withoutID(got.fields), append(sent, r.added("example.test:1234")...))
	})
	t.Run("EmptyQueryStays", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		c := s.start(t, upstream).dial()
		c.send("GET /? HTTP/1.1", "Host: x", "", "")
		c.reply(http.MethodGet)
		equal(t, "request line", next(t, requests).line, "GET /? HTTP/1.1")
	})
	t.Run("AnyMethod", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream)
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "get"} {
			c := r.dial()
			c.send(method+" /x HTTP/1.1", "Host: x", "", "")
			c.reply(method)
			equal(t, "request line", next(t, requests).line, method+" /x HTTP/1.1")
		}
	})
	t.Run("HopByHopFieldsStayBehind", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream)
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "Connection: X-Hop, keep-alive", "X-Hop: 1", "Keep-Alive: timeout=5",
			"Proxy-Connection: keep-alive", "TE: gzip", "X-End: 1", "", "")
		c.reply(http.MethodGet)
		equalFields(t, withoutID(next(t, requests).fields), append(r.added("x"), "Host: x", "X-End: 1"))
	})
	t.Run("Host", s.requestHost)
	t.Run("PipelinedInOrder", func(t *testing.T) {
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }))
		c := r.dial()
		for i := range 5 {
			c.send(fmt.Sprintf("GET /%d HTTP/1.1", i), "Host: x", "", "")
		}
		for i := range 5 {
			_, body := c.reply(http.MethodGet)
			equal(t, "reply", body, fmt.Sprintf("/%d", i))
		}
	})
}

func (s suite) requestHost(t *testing.T) {
	upstream, requests := recording(t, okReply)
	own := strings.TrimPrefix(upstream, "http://")
	for _, test := range []struct{ config, want string }{
		{proxy.KeepHost, "shop.test"},
		{proxy.UpstreamHost, own},
		{"other.test", "other.test"},
	} {
		r := s.start(t, upstream, config(func(c *proxy.Config) { c.Host = test.config }))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: shop.test", "", "")
		c.reply(http.MethodGet)
		got := next(t, requests)
		equal(t, test.config, field(got.fields, "Host"), test.want)
		equal(t, "X-Forwarded-Host", field(got.fields, "X-Forwarded-Host"), "shop.test")
	}
}

func (s suite) requestTarget(t *testing.T) {
	upstream, requests := recording(t, okReply)
	own := strings.TrimPrefix(upstream, "http://")
	r := s.start(t, upstream, config(func(c *proxy.Config) { c.Host = "shop.test" }))
	for _, test := range []struct {
		name, line string
		status     int
		forwarded  string
	}{
		{"AsteriskIsTheUpstreams", "OPTIONS * HTTP/1.1", 200, "OPTIONS * HTTP/1.1"},
		{"AbsoluteForTheUpstream", "GET http://" + own + "/a?b HTTP/1.1", 200, "GET /a?b HTTP/1.1"},
		{"AbsoluteForTheConfiguredHost", "GET http://SHOP.test:80/a HTTP/1.1", 200, "GET /a HTTP/1.1"},
		{"AbsoluteForAnotherHost", "GET http://elsewhere.test/a HTTP/1.1", 421, ""},
		{"AbsoluteForAnotherPort", "GET http://shop.test:81/a HTTP/1.1", 421, ""},
		{"AbsoluteOfAnotherScheme", "GET ftp://shop.test/a HTTP/1.1", 421, ""},
		{"Connect", "CONNECT shop.test:443 HTTP/1.1", 405, ""},
		{"AsteriskOfAnotherMethod", "GET * HTTP/1.1", 400, ""},
		{"HTTP/2Preface", "PRI * HTTP/2.0", 505, ""},
		{"HTTP/2", "GET / HTTP/2.0", 505, ""},
		{"HTTP/1.2", "GET / HTTP/1.2", 505, ""},
		{"HTTP/1.9", "GET / HTTP/1.9", 505, ""},
		{"HTTP/0.9", "GET / HTTP/0.9", 505, ""},
		{"HTTP/1.0", "GET /a HTTP/1.0", 200, "GET /a HTTP/1.1"},
		{"BadEscape", "GET /%zz HTTP/1.1", 400, ""},
		{"NoPath", "GET a HTTP/1.1", 400, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := r.dial()
			c.send(test.line, "Host: shop.test", "", "")
			reply, _ := c.reply(http.MethodGet)
			equal(t, "status", reply.StatusCode, test.status)
			if test.forwarded == "" {
				none(t, requests)
			}
			if test.status == 505 {
				c.expectEnd()
			}
			if test.forwarded != "" {
				equal(t, "request line", next(t, requests).line, test.forwarded)
			}
		})
	}
}

func (s suite) forwarded(t *testing.T) {
	upstream, requests := recording(t, okReply)
	trusting := config(func(c *proxy.Config) { c.Trusted = []string{"127.0.0.0/8", "10.0.0.0/8"} })
	sent := []string{
		"X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 198.51.100.7, 10.1.2.3", "X-Forwarded-Host: shop.test",
		"X-Forwarded-Proto: https", "Forwarded: for=198.51.100.7", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /a",
		"X-Forwarded-Ssl: on", "X-Forwarded-Server: s", "X-Forwarded-Scheme: https", "X-Real-Ip: 198.51.100.7",
	}
	t.Run("ReplacedFromAnyone", func(t *testing.T) {
		r := s.start(t, upstream)
		c := r.dial()
		c.send(append(append([]string{"GET / HTTP/1.1", "Host: x"}, sent...), "", "")...)
		c.reply(http.MethodGet)
		equalFields(t, withoutID(next(t, requests).fields), append(r.added("x"), "Host: x"))
		equal(t, "client", r.exchange().Client, "127.0.0.1")
	})
	t.Run("ContinuedFromTrustedPeers", func(t *testing.T) {
		r := s.start(t, upstream, trusting)
		c := r.dial()
		c.send(append(append([]string{"GET / HTTP/1.1", "Host: x"}, sent...), "", "")...)
		c.reply(http.MethodGet)
		equalFields(t, withoutID(next(t, requests).fields), []string{
			"Host: x", "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.1.2.3, 127.0.0.1", "X-Forwarded-Host: shop.test",
			"X-Forwarded-Proto: https", "Forwarded: for=198.51.100.7", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /a",
			"X-Forwarded-Ssl: on", "X-Forwarded-Server: s", "X-Forwarded-Scheme: https", "X-Real-Ip: 198.51.100.7",
		})
		equal(t, "client", r.exchange().Client, "198.51.100.7")
	})
	t.Run("ClientOfTrustedPeers", func(t *testing.T) {
		r := s.start(t, upstream, trusting, rules(`{"abort": 418, "match": {"source": "198.51.100.0/24"}}`))
		for _, test := range []struct{ forwarded, client string }{
			{"198.51.100.7", "198.51.100.7"},
			{"198.51.100.7:4711", "198.51.100.7"},
			{"2001:db8::1", "2001:db8::1"},
			{"10.1.1.1, 10.2.2.2", "10.1.1.1"},
			{"203.0.113.9, nonsense, 10.2.2.2", "10.2.2.2"},
			{"nonsense", "127.0.0.1"},
		} {
			reply, _ := r.get("/", "X-Forwarded-For", test.forwarded)
			equal(t, "client by "+test.forwarded, r.exchange().Client, test.client)
			equal(t, "rule on the source", reply.StatusCode == 418, strings.HasPrefix(test.client, "198.51.100."))
		}
	})
	t.Run("RequestID", s.requestID)
}

func (s suite) requestID(t *testing.T) {
	upstream, requests := recording(t, okReply)
	r := s.start(t, upstream)
	for _, test := range []struct {
		name, sent string
		kept       bool
	}{
		{"passed on", "abc-123", true},
		{"of 128 characters", strings.Repeat("x", 128), true},
		{"of 129 characters", strings.Repeat("x", 129), false},
		{"not of ASCII", "é", false},
		{"empty", "", false},
	} {
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "X-Request-Id: "+test.sent, "", "")
		c.reply(http.MethodGet)
		got := field(next(t, requests).fields, "X-Request-Id")
		equal(t, test.name+": kept", got == test.sent, test.kept)
		equal(t, test.name+": recorded", r.exchange().RequestID, got)
		if len(got) < 16 && !test.kept {
			t.Errorf("%s: made %q, too short to be unique", test.name, got)
		}
	}
	r.get("/")
	first := field(next(t, requests).fields, "X-Request-Id")
	r.get("/")
	if second := field(next(t, requests).fields, "X-Request-Id"); first == "" || first == second {
		t.Errorf("made %q, then %q", first, second)
	}
}
