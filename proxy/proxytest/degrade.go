package proxytest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

const (
	mergeRule   = `{"degrade": {"merge": {"b": null, "c": 3}, "headers": {"X-Mode": "degraded"}}}`
	replaceRule = `{"degrade": {"body": {"message": "degraded"}}}`
)

// jsonUpstream answers with a body, with the fields that a change makes wrong.
func jsonUpstream(t *testing.T, body string, header ...string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Accept-Ranges", "bytes")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = io.WriteString(w, body)
	})
}

func (s suite) degrade(t *testing.T) {
	t.Run("Merge", s.merge)
	t.Run("Replace", func(t *testing.T) {
		r := s.start(t, jsonUpstream(t, "\x1f\x8b", "Content-Encoding", "gzip", "Content-Type", "text/x"), rules(replaceRule))
		for range 3 {
			reply, body := r.get("/")
			equal(t, "body", body, `{"message":"degraded"}`+"\n")
			equal(t, "Content-Encoding", reply.Header.Get("Content-Encoding"), "")
			equal(t, "Content-Type", reply.Header.Get("Content-Type"), "application/json")
		}
	})
	t.Run("OfAChunkedReply", func(t *testing.T) {
		upstream, _ := recording(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"+
			"8\r\n{\"a\": 1,\r\n7\r\n\"b\": 2}\r\n0\r\nX-Sum: 7\r\n\r\n")
		c := s.start(t, upstream, rules(mergeRule)).dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		_, fields := c.mustHead()
		equal(t, "Content-Length", field(fields, "Content-Length"), "13")
		equal(t, "Trailer", field(fields, "Trailer"), "") // of another body
		c.expect(`{"a":1,"c":3}`)
	})
	t.Run("OneAfterTheOther", func(t *testing.T) {
		r := s.start(t, jsonUpstream(t, "text"), rules(replaceRule, `{"name": "two", "degrade": {"merge": {"more": true}}}`))
		_, body := r.get("/")
		equal(t, "body", body, `{"message":"degraded","more":true}`)
	})
	t.Run("BeforeIsAnAnswer", func(t *testing.T) {
		upstream, calls := counted(t)
		reply, body := s.start(t, upstream, rules(`{"degrade": {"body": "sorry"}, "phase": "before"}`)).get("/")
		equal(t, "status", reply.StatusCode, 200)
		equal(t, "body", body, "sorry")
		equal(t, "calls", calls.Load(), 0)
	})
	t.Run("WhatCannotBeChanged", s.unchangeable)
	t.Run("WhatHasNoBody", s.degradeWithoutBody)
	t.Run("StreamsPass", func(t *testing.T) {
		for _, kind := range []string{"text/event-stream; charset=utf-8", "application/grpc+proto"} {
			r := s.start(t, jsonUpstream(t, `{"a": 1}`, "Content-Type", kind), rules(replaceRule, mergeRule))
			reply, body := r.get("/")
			equal(t, "body", body, `{"a": 1}`)
			equal(t, "attribution", reply.Header.Get(faults.AttributionHeader), "")
			equal(t, "faulted", r.exchange().Faulted, false)
		}
	})
	t.Run("BrokenOffPassesBrokenOff", s.degradeBrokenOff)
	t.Run("Edits", s.degradeEdits)
	t.Run("Encoded", s.degradeEncoded)
	t.Run("Unchanged", s.degradeUnchanged)
	t.Run("WithoutAnEnd", s.degradeWithoutEnd)
	t.Run("StreamsThatAreAskedFor", func(t *testing.T) {
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // the stream has no end of its own
		}), rules(`{"degrade": {"body": {"gone": true}, "streams": true}}`))
		reply, body := r.get("/")
		equal(t, "body", body, `{"gone":true}`+"\n")
		equal(t, "Content-Type", reply.Header.Get("Content-Type"), "application/json")
	})
}

func (s suite) degradeBrokenOff(t *testing.T) {
	r := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 200 OK", "Content-Length: 100", "", `{"a": 1}`)
		}
	}), rules(mergeRule))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	if reply, err := http.ReadResponse(c.reader, nil); err == nil {
		_, err := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		equal(t, "a clean end", err == nil, false)
	}
	equal(t, "outcome", r.exchange().Outcome, proxy.RealError)
}

func (s suite) merge(t *testing.T) {
	r := s.start(t, jsonUpstream(t, `{"a": 1, "b": 2}`), rules(mergeRule))
	reply, body := r.get("/")
	equal(t, "body", body, `{"a":1,"c":3}`)
	for name, want := range map[string]string{
		"Content-Length": "13", "Content-Type": "application/json", "X-Mode": "degraded", "Etag": "", "Accept-Ranges": "",
		faults.AttributionHeader: "rule=degrade; kind=degrade; n=1",
	} {
		equal(t, name, reply.Header.Get(name), want)
	}
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.OK)
	equal(t, "faulted", x.Faulted, true)
	equal(t, "response bytes", x.ResponseBytes, 13)
}

// unchangeable bodies pass exactly as they came, or give the answer that the rule has for them.
func (s suite) unchangeable(t *testing.T) {
	for name, upstream := range map[string]struct {
		body   string
		header []string
	}{
		"not JSON": {"plain text", []string{"Content-Type", "text/plain"}},
		"empty":    {"", nil},
		"no gzip":  {`{"a": 1}`, []string{"Content-Encoding", "gzip"}},
		"twice":    {inCoding(t, "gzip", `{"a": 1}`), []string{"Content-Encoding", "gzip, br"}},
		"a bomb":   {inCoding(t, "gzip", `"`+strings.Repeat("a", 1<<20)+`"`), []string{"Content-Encoding", "gzip"}},
		"too long": {`"` + strings.Repeat("x", faults.MaxDegradeBody) + `"`, nil},
	} {
		url := jsonUpstream(t, upstream.body, upstream.header...)
		r := s.start(t, url, rules(mergeRule))
		reply, body := r.get("/")
		equal(t, name+": same body", body == upstream.body, true)
		equal(t, name+": Etag", reply.Header.Get("Etag"), `"1"`)
		equal(t, name+": attribution", reply.Header.Get(faults.AttributionHeader), "")
		equal(t, name+": faulted", r.exchange().Faulted, false)

		r = s.start(t, url, rules(`{"degrade": {"merge": {"x": 1}, "otherwise": "abort"}}`))
		reply, _ = r.get("/")
		equal(t, name+": status otherwise", reply.StatusCode, 503)
		equal(t, name+": attribution otherwise", reply.Header.Get(faults.AttributionHeader), "rule=degrade; kind=degrade; n=1")
		equal(t, name+": outcome otherwise", r.exchange().Outcome, proxy.Injected)
	}
}

func (s suite) degradeWithoutBody(t *testing.T) {
	r := s.start(t, jsonUpstream(t, `{"a": 1}`), rules(mergeRule))
	c := r.dial()
	for range 2 {
		c.send("HEAD / HTTP/1.1", "Host: x", "", "")
		_, fields := c.mustHead()
		for name, want := range map[string]string{"Content-Length": "", "Etag": "", "X-Mode": "degraded"} {
			equal(t, "HEAD: "+name, field(fields, name), want)
		}
	}
	for _, status := range []string{"204 No Content", "304 Not Modified"} {
		upstream, _ := recording(t, "HTTP/1.1 "+status+"\r\nETag: \"1\"\r\n\r\n")
		c := s.start(t, upstream, rules(replaceRule)).dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			_, fields := c.mustHead()
			equalFields(t, fields, []string{`Etag: "1"`})
		}
	}
	upgrading := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "", "raw")
		}
	}), rules(replaceRule)).dial()
	upgrading.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
	upgrading.mustHead()
	upgrading.expect("raw")
}
