package proxytest

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// endings shows what goes over the wire when a fault ends a connection: the bytes before the end, and whether that is a
// FIN or an RST.
func (s suite) endings(t *testing.T) {
	t.Run("WithoutAReply", s.endWithoutReply)
	t.Run("WithinABody", s.endWithinBody)
	t.Run("WithinChunks", s.endWithinChunks)
	t.Run("ToHTTP10", s.endToHTTP10)
	t.Run("OfAStream", s.endStream)
	t.Run("BehindAMegabyte", s.endBehindMegabyte)
	t.Run("WhatCannotBeCutPasses", s.uncuttable)
	t.Run("UpgradesPass", s.uncuttableUpgrade)
	t.Run("OfHalfAnUpload", s.endUpload)
	t.Run("UpstreamBreaksOffFirst", s.endBrokenOff)
	t.Run("Hang", s.endInSilence)
	t.Run("HangEndsWithTheServer", s.endInSilenceDrained)
	t.Run("Percent", s.endPercent)
}

// How a connection ends.
const (
	fin = "FIN"
	rst = "RST"
)

// rest reads up to the end of the connection, tells which it was, and closes it on this side, too.
func (p *peer) rest() (got, end string) {
	p.t.Helper()
	all, err := io.ReadAll(p.reader)
	_ = p.Close() // the proxy's end may wait for it
	switch {
	case err == nil:
		end = fin
	case errors.Is(err, syscall.ECONNRESET):
		end = rst
	default:
		p.t.Fatalf("the connection ends with %v after %q", err, all)
	}
	return string(all), end
}

// garbled are bytes that stand in no line of HTTP.
func garbled() string {
	var b strings.Builder
	for c := range 256 {
		if c < ' ' || c >= 0x80 {
			b.WriteByte(byte(c))
		}
	}
	return b.String()
}

func (s suite) endWithoutReply(t *testing.T) {
	for _, test := range []struct{ rule, phase, sent, end string }{
		{`"reset": "start"`, "before", "", rst},
		{`"reset": "start"`, "after", "", rst},
		{`"reset": "head"`, "before", "HTTP/1.1 2", rst},
		{`"reset": "head"`, "after", "HTTP/1.1 2", rst},
		{`"empty": {}`, "before", "", fin},
		{`"empty": {}`, "after", "", fin},
		{`"malformed": "status_line"`, "before", "HTTP/1.1 OK 200\r\nContent-Length: 2\r\n\r\nok", fin},
		{`"malformed": "header"`, "before", "HTTP/1.1 200 OK\r\nthis is no field\r\nContent-Length: 2\r\n\r\nok", fin},
		{
			`"malformed": "chunk"`, "before",
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nsize\r\nok\r\n0\r\n\r\n", fin,
		},
		{`"malformed": "garbage"`, "before", garbled(), fin},
	} {
		t.Run(test.rule+"/"+test.phase, func(t *testing.T) {
			upstream, requests := recording(t, okReply)
			r := s.start(t, upstream, rules(`{"name": "it", "first": 1, "phase": "`+test.phase+`", `+test.rule+`}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			sent, end := c.rest()
			equal(t, "bytes", sent, test.sent)
			equal(t, "end", end, test.end)
			r.endedBy(t, 0, 0)
			if test.phase == "after" {
				next(t, requests)
			}
			none(t, requests)
			r.untouched(t)
			next(t, requests)
		})
	}
}

// endedBy checks the record of an exchange that its only rule has ended.
func (r *rig) endedBy(t *testing.T, status int, body int64) {
	t.Helper()
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.Injected)
	equal(t, "error", x.Error, "")
	equal(t, "flags", strings.Join(x.Flags(), ","), "FI")
	equal(t, "recorded status", x.Status, status)
	equal(t, "recorded bytes", x.ResponseBytes, body)
	if d := x.Faults.Decisions(); len(d) != 1 || d[0].Outcome != faults.Hit || d[0].N != 1 {
		t.Errorf("decided %+v", d)
	}
}

// untouched checks that the exchange behind one that was hit is not, on a connection of its own.
func (r *rig) untouched(t *testing.T) {
	t.Helper()
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	reply, _ := c.reply(http.MethodGet)
	equal(t, "status of the next", reply.StatusCode, 200)
	equal(t, "mark of the next", reply.Header.Get(faults.AttributionHeader), "")
	x := r.exchange()
	equal(t, "outcome of the next", x.Outcome, proxy.OK)
	equal(t, "flags of the next", len(x.Flags()), 0)
	if d := x.Faults.Decisions(); len(d) != 1 || d[0].Why != faults.WhySelection {
		t.Errorf("decided for the next: %+v", d)
	}
}

func (s suite) endWithinBody(t *testing.T) {
	const reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Own: 1\r\n\r\n0123456789"
	for _, test := range []struct{ rule, kind, body, end string }{
		{`"truncate": 4`, "truncate", "0123", fin},
		{`"truncate": 0`, "truncate", "", fin},
		{`"truncate": 9`, "truncate", "012345678", fin},
		{`"truncate": 0.59`, "truncate", "01234", fin},
		{`"truncate": {"after": 4, "how": "reset"}`, "truncate", "0123", rst},
		{`"reset": "body"`, "reset", "", rst},
		{`"reset": {"at": "body", "after": "4B"}`, "reset", "0123", rst},
		{`"reset": {"at": "body", "after": 10}`, "reset", "0123456789", rst},
		{`"reset": {"at": "body", "after": "1KB"}`, "reset", "0123456789", rst},
	} {
		t.Run(test.rule, func(t *testing.T) {
			upstream, requests := recording(t, reply)
			r := s.start(t, upstream, rules(`{"name": "it", "first": 1, `+test.rule+`}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			line, fields := c.mustHead()
			equal(t, "status line", line, "HTTP/1.1 200 OK")
			mark := faults.AttributionHeader + ": rule=it; kind=" + test.kind + "; n=1"
			equalFields(t, fields, []string{"Content-Length: 10", "X-Own: 1", mark})
			body, end := c.rest()
			equal(t, "body", body, test.body)
			equal(t, "end", end, test.end)
			r.endedBy(t, 200, int64(len(test.body)))
			next(t, requests)
			none(t, requests)
			r.untouched(t)
		})
	}
	t.Run("WithoutAttribution", func(t *testing.T) {
		upstream, _ := recording(t, reply)
		off := config(func(c *proxy.Config) { c.Attribution = false })
		c := s.start(t, upstream, off, rules(`{"truncate": 4}`)).dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		_, fields := c.mustHead()
		equalFields(t, fields, []string{"Content-Length: 10", "X-Own: 1"})
	})
}

const chunkedReply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
	"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n"

// chunks reads what there is of a chunked body, which must not end within a chunk. last says whether the last chunk is
// there.
func chunks(t *testing.T, raw string) (data string, last bool) {
	t.Helper()
	r := bufio.NewReader(strings.NewReader(raw))
	for {
		line, err := r.ReadString('\n')
		if line == "" {
			return data, false
		}
		size, bad := strconv.ParseUint(strings.TrimSuffix(line, "\r\n"), 16, 31)
		if err != nil || bad != nil {
			t.Fatalf("%q has a chunk of size %q", raw, line)
		}
		if size == 0 {
			return data, true
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(r, chunk); err != nil || string(chunk[size:]) != "\r\n" {
			t.Fatalf("%q ends within a chunk", raw)
		}
		data += string(chunk[:size])
	}
}

func (s suite) endWithinChunks(t *testing.T) {
	for _, test := range []struct{ rule, body, end string }{
		{`"truncate": 0`, "", fin},
		{`"truncate": 7`, "hello w", fin},
		{`"truncate": 11`, "hello world", fin},
		{`"truncate": 1000`, "hello world", fin},
		{`"truncate": {"after": 5, "how": "reset"}`, "hello", rst},
		{`"reset": {"at": "body", "after": 1000}`, "hello world", rst},
	} {
		t.Run(test.rule, func(t *testing.T) {
			upstream, requests := recording(t, chunkedReply)
			r := s.start(t, upstream, rules(`{"first": 1, `+test.rule+`}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			_, fields := c.mustHead()
			equal(t, "framing", field(fields, "Transfer-Encoding"), "chunked")
			equal(t, "marked", field(fields, faults.AttributionHeader) != "", true)
			raw, end := c.rest()
			body, last := chunks(t, raw)
			equal(t, "body", body, test.body)
			equal(t, "last chunk", last, false)
			equal(t, "end", end, test.end)
			r.endedBy(t, 200, int64(len(test.body)))
			next(t, requests)
			none(t, requests)
			r.untouched(t)
		})
	}
}

func (s suite) endToHTTP10(t *testing.T) {
	const sized = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
	for _, test := range []struct{ rule, reply, body, end string }{
		{`{"truncate": 4}`, sized, "0123", fin},
		{`{"truncate": {"after": 0.5, "how": "reset"}}`, sized, "01234", rst},
		{`{"truncate": 7}`, chunkedReply, "hello w", fin},
		{`{"reset": {"at": "body", "after": 7}}`, chunkedReply, "hello w", rst},
		{`{"reset": "start"}`, sized, "", rst},
		{`{"empty": {}}`, sized, "", fin},
	} {
		upstream, _ := recording(t, test.reply)
		c := s.start(t, upstream, rules(test.rule)).dial()
		c.send("GET / HTTP/1.0", "Host: x", "Connection: keep-alive", "", "")
		raw, end := c.rest()
		head, body, _ := strings.Cut(raw, "\r\n\r\n")
		equal(t, test.rule+": body", body, test.body)
		equal(t, test.rule+": end", end, test.end)
		equal(t, test.rule+": chunked", strings.Contains(strings.ToLower(head), "transfer-encoding"), false)
	}
}
