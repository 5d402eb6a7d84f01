package proxytest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// trailersOfReplies shows that the fields behind a body are changed where there can be any.
func (s suite) trailersOfReplies(t *testing.T) {
	t.Run("Changed", s.trailersChanged)
	t.Run("CannotBe", s.trailersCannotBe)
	t.Run("BesideOtherFaults", s.trailersBeside)
}

const trailedReply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Time\r\n\r\n" +
	"5\r\nhello\r\n0\r\nX-Sum: 7\r\nX-Time: 8\r\nX-Late: 9\r\n\r\n"

const (
	sizedReply  = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	emptyReply  = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	endlessHead = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
)

// tail reads a chunked reply, and gives what its head announces, its body, and its trailer as "name=value".
func (p *peer) tail() (announced, body, trailer string) {
	p.t.Helper()
	_, fields := p.mustHead()
	if field(fields, "Content-Length") != "" || field(fields, "Transfer-Encoding") != "chunked" {
		p.t.Fatalf("the reply is not a chunked one: %q", fields)
	}
	names := strings.Split(field(fields, "Trailer"), ", ")
	slices.Sort(names)
	raw, err := p.announcedBody(fields)
	if err != nil {
		p.t.Fatalf("%v after %q", err, raw)
	}
	body, section, _ := strings.Cut("\r\n"+raw, "\r\n0\r\n")
	body, _ = chunks(p.t, strings.TrimPrefix(body+"\r\n", "\r\n"))
	if section == "\r\n" {
		return strings.Join(names, " "), body, ""
	}
	lines := strings.Split(strings.TrimSuffix(section, "\r\n\r\n"), "\r\n")
	slices.Sort(lines)
	return strings.Join(names, " "), body, strings.ReplaceAll(strings.Join(lines, " "), ": ", "=")
}

func (s suite) trailersChanged(t *testing.T) {
	for _, test := range []struct{ rule, reply, announced, body, trailer string }{
		{`{"drop": ["x-sum"]}`, trailedReply, "X-Time", "hello", "X-Late=9 X-Time=8"},
		{`{"drop": ["X-Late", "X-Time"]}`, trailedReply, "X-Sum", "hello", "X-Sum=7"},
		{`{"drop": "all"}`, trailedReply, "", "hello", ""},
		{`{"set": {"X-Sum": "new"}}`, trailedReply, "X-Sum X-Time", "hello", "X-Late=9 X-Sum=new X-Time=8"},
		{`{"drop": "all", "set": {"X-Sum": "new", "X-Own": "1"}}`, trailedReply, "X-Own X-Sum", "hello", "X-Own=1 X-Sum=new"},
		{`{"set": {"X-Own": "1"}}`, sizedReply, "X-Own", "hello", "X-Own=1"},
		{`{"set": {"X-Own": "1"}}`, emptyReply, "X-Own", "", "X-Own=1"},
		{`{"set": {"X-Own": "1"}}`, endlessHead + "hello", "X-Own", "hello", "X-Own=1"},
	} {
		t.Run(test.rule+"/"+test.reply[17:30], func(t *testing.T) {
			r := s.start(t, scripted(t, func(p *peer) {
				for {
					if _, _, err := p.head(); err != nil {
						return
					}
					if p.send(test.reply); strings.HasPrefix(test.reply, endlessHead) {
						return
					}
				}
			}), rules(`{"name": "it", "first": 1, "trailers": `+test.rule+`}`))
			c := r.ask("/")
			announced, body, trailer := c.tail()
			equal(t, "announced", announced, test.announced)
			equal(t, "body", body, test.body)
			equal(t, "trailer", trailer, test.trailer)
			x := r.exchange()
			equal(t, "flags", strings.Join(x.Flags(), ","), "FI")
			equal(t, "outcome", x.Outcome, proxy.OK)
			equal(t, "decision", decision(t, x).Outcome, faults.Hit)
			c.send("GET / HTTP/1.1", "Host: x", "", "") // the connection goes on
			reply, body := c.reply(http.MethodGet)
			equal(t, "body of the next", body, test.body)
			equal(t, "set for the next", reply.Trailer.Get("X-Own")+reply.Header.Get("X-Own"), "")
			x = r.exchange()
			equal(t, "flags of the next", len(x.Flags()), 0)
		})
	}
}

func (s suite) trailersCannotBe(t *testing.T) {
	const set, drop = `{"set": {"X-Own": "1"}}`, `{"drop": "all"}`
	for _, test := range []struct{ rule, request, reply string }{
		{drop, "GET / HTTP/1.1", sizedReply},
		{drop, "GET / HTTP/1.0", trailedReply},
		{set, "GET / HTTP/1.0", sizedReply},
		{set, "HEAD / HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
		{set, "GET / HTTP/1.1", "HTTP/1.1 204 No Content\r\n\r\n"},
		{set, "GET / HTTP/1.1", "HTTP/1.1 304 Not Modified\r\nEtag: \"1\"\r\n\r\n"},
	} {
		upstream, _ := recording(t, test.reply)
		r := s.start(t, upstream, rules(`{"name": "it", "trailers": `+test.rule+`}`))
		c := r.dial()
		c.send(test.request, "Host: x", "", "")
		reply, body := c.reply(strings.Fields(test.request)[0])
		if strings.HasSuffix(test.reply, "hello") || strings.Contains(test.reply, "chunked") {
			equal(t, test.request+": body", body, "hello")
		}
		equal(t, test.request+": set", reply.Trailer.Get("X-Own")+reply.Header.Get("X-Own"), "")
		x := r.exchange()
		equal(t, test.request+": flags", len(x.Flags()), 0)
		d := decision(t, x)
		equal(t, test.request+": decision", d.Outcome, faults.Skip)
		equal(t, test.request+": reason", d.Why, faults.WhyBody)
	}
}

func (s suite) trailersBeside(t *testing.T) {
	const set = `{"name": "it", "trailers": {"drop": "all", "set": {"X-Own": "1"}}}`
	for _, degraded := range [][]string{{set, `{"degrade": {"body": 1}}`}, {`{"degrade": {"body": 1}}`, set}} {
		upstream, _ := recording(t, trailedReply)
		_, body, trailer := s.start(t, upstream, rules(degraded...)).ask("/").tail()
		equal(t, "body", body, "1\n")
		equal(t, "trailer", trailer, "X-Own=1")
	}
	upstream, _ := recording(t, trailedReply)
	c := s.start(t, upstream, rules(set, `{"truncate": 3}`)).ask("/")
	_, fields := c.mustHead()
	equal(t, "framing", field(fields, "Transfer-Encoding"), "chunked")
	raw, end := c.rest()
	body, last := chunks(t, raw)
	equal(t, "body", body, "hel")
	equal(t, "last chunk", last, false)
	equal(t, "end", end, fin)
}
