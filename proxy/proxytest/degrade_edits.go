package proxytest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// inCoding writes a body in a content coding.
func inCoding(t *testing.T, coding, body string) string {
	t.Helper()
	var out bytes.Buffer
	var to io.WriteCloser
	switch coding {
	case "gzip":
		to = gzip.NewWriter(&out)
	case "br":
		to = brotli.NewWriter(&out)
	case "zstd":
		z, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		to = z
	}
	_, _ = io.WriteString(to, body)
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fromCoding is the way back.
func fromCoding(t *testing.T, coding, body string) string {
	t.Helper()
	var from io.Reader
	var err error
	switch coding {
	case "gzip":
		from, err = gzip.NewReader(strings.NewReader(body))
	case "br":
		from = brotli.NewReader(strings.NewReader(body))
	case "zstd":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(strings.NewReader(body)); err == nil {
			defer z.Close()
			from = z
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

const cart = `{"id":12345678901234567890,"items":[{"sku":"tea","n":1},{"sku":"cup"}],"paid":true}`

func (s suite) degradeEdits(t *testing.T) {
	for attributes, want := range map[string]string{
		`{"patch": [{"op": "replace", "path": "/items/0/n", "value": 2}]}`: strings.Replace(cart, `"n":1`, `"n":2`, 1),
		`{"lists": 1}`:                       strings.Replace(cart, `,{"sku":"cup"}`, "", 1),
		`{"drop": ["/paid", "/items/1"]}`:    `{"id":12345678901234567890,"items":[{"sku":"tea","n":1}]}`,
		`{"null": ["/items"]}`:               `{"id":12345678901234567890,"items":null,"paid":true}`,
		`{"merge": {"paid": null, "id": 1}}`: `{"id":1,"items":[{"sku":"tea","n":1},{"sku":"cup"}]}`,
	} {
		r := s.start(t, jsonUpstream(t, cart), rules(`{"degrade": `+attributes+`}`))
		reply, body := r.get("/")
		equal(t, attributes, body, want)
		equal(t, "Content-Length", reply.Header.Get("Content-Length"), strconv.Itoa(len(want)))
		equal(t, "attribution", reply.Header.Get(faults.AttributionHeader), "rule=degrade; kind=degrade; n=1")
		equal(t, "faulted", r.exchange().Faulted, true)
	}
}

// degradeEncoded: what came encoded goes on encoded, and nothing in the head speaks of another body.
func (s suite) degradeEncoded(t *testing.T) {
	stale := []string{
		"Digest", "sha-256=x", "Content-Digest", "sha-256=:x:", "Repr-Digest", "sha-256=:x:", "Content-MD5", "x", "Etag", `"1"`,
	}
	for _, coding := range []string{"gzip", "br", "zstd"} {
		came := inCoding(t, coding, cart)
		header := append([]string{"Content-Encoding", coding, "Vary", "Accept-Encoding"}, stale...)
		r := s.start(t, jsonUpstream(t, came, header...),
			rules(`{"degrade": {"drop": ["/items"]}}`, `{"name": "two", "degrade": {"merge": {"paid": false}}}`))
		c := r.dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: x", "Accept-Encoding: "+coding, "", "")
			reply, body := c.reply(http.MethodGet)
			equal(t, coding, fromCoding(t, coding, body), `{"id":12345678901234567890,"paid":false}`)
			equal(t, "Content-Encoding", reply.Header.Get("Content-Encoding"), coding)
			equal(t, "Content-Length", reply.Header.Get("Content-Length"), strconv.Itoa(len(body)))
			equal(t, "Vary", reply.Header.Get("Vary"), "Accept-Encoding")
			for i := 0; i < len(stale); i += 2 {
				equal(t, stale[i], reply.Header.Get(stale[i]), "")
			}
		}
		c.send("HEAD / HTTP/1.1", "Host: x", "", "")
		_, fields := c.mustHead()
		for name, want := range map[string]string{"Content-Length": "", "Etag": "", "Content-Encoding": coding} {
			equal(t, "HEAD: "+name, field(fields, name), want)
		}
		r = s.start(t, jsonUpstream(t, came, header...), rules(replaceRule))
		reply, body := r.get("/")
		equal(t, "replaced", body, `{"message":"degraded"}`+"\n")
		equal(t, "replaced: Content-Encoding", reply.Header.Get("Content-Encoding"), "")
	}
}

// degradeUnchanged: an edit that finds nothing to do has not hit, and a part of a body is no body.
func (s suite) degradeUnchanged(t *testing.T) {
	coded := inCoding(t, "gzip", cart)
	for _, rule := range []string{`{"drop": ["/nothing"]}`, `{"lists": 2, "otherwise": "abort"}`, `{"merge": {"paid": true}}`} {
		r := s.start(t, jsonUpstream(t, coded, "Content-Encoding", "gzip"), rules(`{"degrade": `+rule+`}`))
		reply, body := r.get("/", "Accept-Encoding", "gzip")
		equal(t, rule, body == coded, true)
		equal(t, "Etag", reply.Header.Get("Etag"), `"1"`)
		x := r.exchange()
		equal(t, "faulted", x.Faulted, false)
		equal(t, "why", x.Faults.Decisions()[0].Why, faults.WhyBody)
	}
	for _, rule := range []string{replaceRule, mergeRule, `{"degrade": {"lists": 0, "otherwise": "abort"}}`} {
		upstream, _ := recording(t, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-6/20\r\nContent-Length: 7\r\n\r\n[1,2,3]")
		c := s.start(t, upstream, rules(rule)).dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: x", "Range: bytes=0-6", "", "")
			reply, body := c.reply(http.MethodGet)
			equal(t, "a part", body, "[1,2,3]")
			equal(t, "Content-Range", reply.Header.Get("Content-Range"), "bytes 0-6/20")
		}
	}
}

// degradeWithoutEnd: a body that does not come to its end is not waited for longer than the upstream's head would be. It
// passes, and flows on, or is answered as the rule says.
func (s suite) degradeWithoutEnd(t *testing.T) {
	const timeout = 200 * time.Millisecond
	quick := config(func(c *proxy.Config) { c.Timeout = faults.Duration(timeout) })
	more := make(chan struct{})
	upstream := scripted(t, func(p *peer) {
		if _, _, err := p.head(); err != nil {
			return
		}
		p.send("HTTP/1.1 200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked", "", "3", "[1,", "2", "2,", "")
		<-more
		p.send("2", "3]", "0", "X-Sum: 7", "", "")
		_, _, _ = p.head() // up to the client's leaving
	})
	r := s.start(t, upstream, quick, rules(`{"degrade": {"lists": 1}}`, `{"name": "two", "degrade": {"merge": {"a": 1}}}`))
	c := r.dial()
	begin := time.Now()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	c.mustHead()
	if took := time.Since(begin); took < timeout || took >= 2*timeout {
		t.Errorf("passed after %v, want %v: one time for both rules", took, timeout)
	}
	body := make([]byte, len("3\r\n[1,\r\n"))
	_, _ = io.ReadFull(c.reader, body)
	close(more)
	rest := string(body)
	for !strings.Contains(rest, "X-Sum: 7\r\n\r\n") {
		line, err := c.reader.ReadString('\n')
		if rest += line; err != nil {
			t.Fatalf("%q, %v", rest, err)
		}
	}
	equal(t, "body", unchunk(t, rest), "[1,2,3]")
	equal(t, "faulted", r.exchange().Faulted, false)

	r = s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 200 OK", "Content-Length: 100", "", "[1,")
			_, _, _ = p.head()
		}
	}), quick, rules(`{"degrade": {"lists": 1, "otherwise": "abort"}}`))
	for range 2 {
		reply, _ := r.get("/")
		equal(t, "status otherwise", reply.StatusCode, 503)
		equal(t, "outcome otherwise", fmt.Sprint(r.exchange().Outcome), "injected")
	}
}
