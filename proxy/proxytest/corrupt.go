package proxytest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// corrupt shows that so many bytes of a body arrive as others, and everything else as it was.
func (s suite) corrupt(t *testing.T) {
	t.Run("Reply", s.corruptReply)
	t.Run("ChunkedReply", s.corruptChunked)
	t.Run("Request", s.corruptRequest)
	t.Run("OneAfterTheOther", s.corruptStacked)
	t.Run("WhatIsNotCorrupted", s.uncorrupted)
}

// differ gives the places, as a text, at which two bodies of one length differ.
func differ(t *testing.T, got, want string) string {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %q, want as many bytes as %q", got, want)
	}
	places := []int{}
	for i := range len(got) {
		if got[i] != want[i] {
			places = append(places, i)
		}
	}
	return fmt.Sprint(places)
}

func (s suite) corruptReply(t *testing.T) {
	const body = "0123456789"
	const reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Encoding: gzip\r\nEtag: \"1\"\r\n\r\n" + body
	for rule, want := range map[string]string{
		`"corrupt": 3`: "[0 1 2]",
		`"corrupt": {"bytes": 2, "where": "end"}`:             "[8 9]",
		`"corrupt": {"fraction": 0.3}`:                        "[0 1 2]",
		`"corrupt": {"fraction": 1, "where": "random"}`:       "[0 1 2 3 4 5 6 7 8 9]",
		`"corrupt": {"bytes": "1KB", "side": "response"}`:     "[0 1 2 3 4 5 6 7 8 9]",
		`"corrupt": {"bytes": 4, "where": "random"}`:          "[2 3 6 7]", // by the seed
		`"corrupt": {"fraction": 0.001, "where": "end"}`:      "[9]",
		`"phase": "after", "corrupt": {"bytes": 1}`:           "[0]",
		`"corrupt": {"bytes": 10, "where": "end"}, "key": ""`: "[0 1 2 3 4 5 6 7 8 9]",
	} {
		t.Run(rule, func(t *testing.T) {
			upstream, _ := recording(t, reply)
			r := s.start(t, upstream, rules(`{"name": "it", "first": 1, `+rule+`}`))
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			_, fields := c.mustHead()
			mark := faults.AttributionHeader + ": rule=it; kind=corrupt; n=1"
			equalFields(t, fields, []string{"Content-Encoding: gzip", "Content-Length: 10", `Etag: "1"`, mark})
			got := make([]byte, len(body))
			if _, err := io.ReadFull(c.reader, got); err != nil {
				t.Fatal(err)
			}
			equal(t, "flipped", differ(t, string(got), body), want)
			x := r.exchange()
			equal(t, "outcome", x.Outcome, proxy.OK)
			equal(t, "flags", strings.Join(x.Flags(), ","), "FI")
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			_, fields = c.mustHead()
			equal(t, "mark of the next", field(fields, faults.AttributionHeader), "")
			c.expect(body)
			x = r.exchange()
			equal(t, "flags of the next", len(x.Flags()), 0)
		})
	}
}

// corruptChunked: a body of unknown length is corrupted as it flows, and its trailers stay.
func (s suite) corruptChunked(t *testing.T) {
	upstream, _ := recording(t, chunkedReply)
	c := s.start(t, upstream, rules(`{"corrupt": 6}`)).dial()
	for range 2 {
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		reply, body := c.reply(http.MethodGet)
		equal(t, "flipped", differ(t, body, "hello world"), "[0 1 2 3 4 5]")
		equal(t, "trailer", reply.Trailer.Get("X-Sum"), "7")
	}
}

func (s suite) corruptRequest(t *testing.T) {
	body := strings.Repeat("0123456789", 5)
	for _, test := range []struct{ name, head, first, rest, rule, want string }{
		{"with the head", "Content-Length: 50", body, "", `"bytes": 2`, "[0 1]"},
		{"later", "Content-Length: 50", "", body, `"bytes": 2, "where": "end"`, "[48 49]"},
		{"in two parts", "Content-Length: 50", body[:1], body[1:], `"bytes": 2`, "[0 1]"},
		{"in chunks", "Transfer-Encoding: chunked", "", "1\r\n0\r\n31\r\n" + body[1:] + "\r\n0\r\n\r\n", `"bytes": 2`, "[0 1]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := make(chan string, 1)
			r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				read, _ := io.ReadAll(r.Body) // what is missing shows
				got <- string(read)
			}), rules(`{"name": "it", "first": 1, "corrupt": {"side": "request", `+test.rule+`}}`))
			c := r.dial()
			for _, want := range []string{test.want, "[]"} {
				c.send("POST / HTTP/1.1", "Host: x", test.head, "", test.first)
				c.send(test.rest)
				reply, _ := c.reply(http.MethodPost)
				equal(t, "flipped", differ(t, <-got, body), want)
				equal(t, "marked", reply.Header.Get(faults.AttributionHeader) != "", want != "[]")
				equal(t, "faulted", r.exchange().Faulted, want != "[]")
			}
		})
	}
}

// corruptStacked: body faults act in the order of the rules, on what the one before has made.
func (s suite) corruptStacked(t *testing.T) {
	const body = `{"a":1,"b":2}`
	const merge = `{"name": "merge", "degrade": {"merge": {"c": 3}}}`
	const first = `{"name": "first", "corrupt": 1}`
	for _, test := range []struct {
		name, was, flipped string
		rules              []string
	}{
		{"degrade, corrupt", `{"a":1,"b":2,"c":3}`, "[0]", []string{merge, first}},
		{"corrupt, degrade", body, "[0]", []string{first, merge}}, // which is not JSON any more
		{"both ends", body, "[0 11 12]", []string{first, `{"name": "end", "corrupt": {"bytes": 2, "where": "end"}}`}},
		{"corrupt, truncate", body[:5], "[0]", []string{first, `{"truncate": 5}`}},
		{"corrupt, drip", body, "[0]", []string{first, `{"drip": {"chunk": 2, "interval": "1ms"}}`}},
		{"throttle, corrupt", body, "[0]", []string{`{"throttle": "1KB"}`, first}},
	} {
		upstream, _ := recording(t, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
		r := s.start(t, upstream, rules(test.rules...))
		reply, err := r.client.Get(r.url)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(reply.Body) // a cut is an error
		_ = reply.Body.Close()
		if flipped := differ(t, string(got), test.was); flipped != test.flipped {
			t.Errorf("%s: flipped %v, want %v", test.name, flipped, test.flipped)
		}
	}
}

// uncorrupted: where there is no body, or none of a known length that the rule needs, it has not hit.
func (s suite) uncorrupted(t *testing.T) {
	const sized = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
	for _, test := range []struct{ rule, method, reply, body string }{
		{`"corrupt": 1`, "HEAD", sized, ""},
		{`"corrupt": 1`, "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", ""},
		{`"corrupt": 1`, "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		{`"corrupt": {"bytes": 1, "where": "end"}`, "GET", chunkedReply, "hello world"},
		{`"corrupt": {"bytes": 1, "where": "random"}`, "GET", chunkedReply, "hello world"},
		{`"corrupt": {"fraction": 0.5}`, "GET", chunkedReply, "hello world"},
		{`"corrupt": {"bytes": 1, "side": "request"}`, "GET", sized + "0123456789", "0123456789"},
	} {
		upstream, _ := recording(t, test.reply)
		r := s.start(t, upstream, rules(`{`+test.rule+`}`))
		c := r.dial()
		c.send(test.method+" / HTTP/1.1", "Host: x", "", "")
		reply, body := c.reply(test.method)
		equal(t, test.rule+": body", body, test.body)
		equal(t, test.rule+": mark", reply.Header.Get(faults.AttributionHeader), "")
		r.withdrawn(t, test.rule)
	}
}
