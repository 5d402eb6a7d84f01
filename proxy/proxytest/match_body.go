package proxytest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

const (
	paidRule = `{"name": "paid", "headers": {"request": {"set": {"X-Paid": "1"}}}, "match": {"body": {"/paid": true}}}`
	paid     = `{"paid": true}`
	unpaid   = `{"paid":false}`
)

// matchBody is about rules that look into the request's body: what goes upstream is what came.
func (s suite) matchBody(t *testing.T) {
	t.Run("WithALength", s.matchSizedBody)
	t.Run("Chunked", s.matchChunkedBody)
	t.Run("TooLarge", s.matchLargeBody)
	t.Run("Continue", s.matchContinued)
	t.Run("Answered", s.matchAnswered)
	t.Run("Encoded", func(t *testing.T) {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		_, _ = z.Write([]byte(paid))
		_ = z.Close()
		upstream, requests := recording(t, okReply)
		s.start(t, upstream, rules(paidRule)).call(http.MethodPost, "/", zipped.String(), "Content-Encoding", "gzip")
		got := next(t, requests)
		equal(t, "X-Paid", field(got.fields, "X-Paid"), "")
		equal(t, "same body", got.body == zipped.String(), true)
	})
	t.Run("GRPCIsNotWaitedFor", func(t *testing.T) {
		open := make(chan struct{})
		c := s.start(t, scripted(t, func(p *peer) {
			if _, _, err := p.head(); err == nil {
				close(open)
				p.send(okReply)
			}
		}), rules(paidRule)).dial()
		c.send("POST /shop.Stock/Watch HTTP/1.1", "Host: x", "Content-Type: application/grpc", "Transfer-Encoding: chunked", "", "")
		within(t, "the head at the upstream", open)
	})
	t.Run("ChangedBehindTheLook", func(t *testing.T) {
		upstream, requests := recording(t, okReply)
		r := s.start(t, upstream, rules(`{"corrupt": {"bytes": 1, "side": "request"}, "phase": "before"}`, paidRule))
		r.call(http.MethodPost, "/", paid)
		got := next(t, requests)
		equal(t, "X-Paid", field(got.fields, "X-Paid"), "1")
		equal(t, "same body", got.body == paid, false)
	})
	t.Run("BrokenOff", s.matchBrokenOff)
	t.Run("NoHTTP", func(t *testing.T) {
		upstream, calls := counted(t)
		c := s.start(t, upstream, rules(paidRule)).dial()
		c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "zz", "")
		reply, _ := c.reply(http.MethodPost)
		equal(t, "status", reply.StatusCode, 400)
		equal(t, "calls", calls.Load(), 0)
	})
}

func (s suite) matchSizedBody(t *testing.T) {
	upstream, requests := recording(t, okReply)
	r := s.start(t, upstream, rules(paidRule))
	c := r.dial()
	for _, test := range []struct{ body, mark string }{
		{paid, "1"},
		{unpaid, ""},
		{paid[:13] + " ", ""},
		{`[` + paid + `]`, ""},
		{`{"x":"` + strings.Repeat("x", 60_000) + `","paid":true}`, "1"},
	} {
		for _, apart := range []bool{false, true} {
			length := "Content-Length: " + strconv.Itoa(len(test.body))
			if head := "POST / HTTP/1.1\r\nHost: x\r\n" + length + "\r\n\r\n"; apart {
				c.send(head)
				c.send(test.body[:5])
				c.stay(10 * time.Millisecond)
				c.send(test.body[5:])
			} else {
				c.send(head + test.body)
			}
			c.reply(http.MethodPost)
			got := next(t, requests)
			equal(t, "same body", got.body == test.body, true)
			fields := append(r.added("x"), "Host: x", length)
			if test.mark != "" {
				fields = append(fields, "X-Paid: 1")
			}
			equalFields(t, withoutID(got.fields), fields)
			x := r.exchange()
			equal(t, "request bytes", x.RequestBytes, int64(len(test.body)))
			equal(t, "faulted", x.Faulted, test.mark != "")
		}
	}
	c.send("GET / HTTP/1.1", "Host: x", "", "") // without a body at all
	c.reply(http.MethodGet)
	equal(t, "X-Paid", field(next(t, requests).fields, "X-Paid"), "")
}

func (s suite) matchChunkedBody(t *testing.T) {
	upstream, requests := recording(t, okReply)
	r := s.start(t, upstream, rules(paidRule))
	c := r.dial()
	for _, announced := range []string{"Trailer: X-Sum", "X-Other: 1"} {
		for _, body := range []string{paid, unpaid} {
			c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", announced, "", "6", body[:6], "")
			c.stay(10 * time.Millisecond)
			c.send("8", body[6:], "0", "X-Sum: 7", "Host: evil", "", "")
			c.reply(http.MethodPost)
			got := next(t, requests)
			equal(t, "Transfer-Encoding", field(got.fields, "Transfer-Encoding"), "chunked")
			equal(t, "announced", field(got.fields, "Trailer") == "X-Sum", announced == "Trailer: X-Sum")
			equal(t, "X-Paid", field(got.fields, "X-Paid") == "1", body == paid)
			equal(t, "body", unchunk(t, got.body), body)
			equal(t, "trailer", strings.Contains(got.body, "\r\nX-Sum: 7\r\n"), true)
			equal(t, "framing in the trailer", strings.Contains(got.body, "Host"), false)
			equal(t, "request bytes", r.exchange().RequestBytes, int64(len(body)))
		}
	}
}

// matchLargeBody: a body beyond the bound arrives whole, and no condition holds for it.
func (s suite) matchLargeBody(t *testing.T) {
	upstream, requests := recording(t, okReply)
	r := s.start(t, upstream, rules(paidRule))
	for _, size := range []int{faults.MaxMatchBody, faults.MaxMatchBody + 1, 1 << 20} {
		body := `{"paid":true,"x":"` + strings.Repeat("x", size-len(`{"paid":true,"x":""}`)) + `"}`
		for _, chunked := range []bool{false, true} {
			c := r.dial()
			if chunked {
				c.send("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", strconv.FormatInt(int64(size), 16), body, "0", "", "")
			} else {
				c.send("POST / HTTP/1.1", "Host: x", "Content-Length: "+strconv.Itoa(size), "", body)
			}
			c.reply(http.MethodPost)
			got := next(t, requests)
			if chunked {
				got.body = unchunk(t, got.body)
			}
			equal(t, "same body", got.body == body, true)
			equal(t, "X-Paid", field(got.fields, "X-Paid") == "1", size <= faults.MaxMatchBody)
			equal(t, "request bytes", r.exchange().RequestBytes, int64(size))
		}
	}
}

// matchContinued: a client that waits to be asked for its body is asked, once.
func (s suite) matchContinued(t *testing.T) {
	r := s.start(t, scripted(t, func(p *peer) {
		for {
			_, fields, err := p.head()
			if err != nil {
				return
			}
			equal(t, "Expect", field(fields, "Expect"), "100-continue")
			equal(t, "X-Paid", field(fields, "X-Paid"), "1")
			p.send("HTTP/1.1 100 Continue", "", "")
			body, _ := p.announcedBody(fields)
			equal(t, "body", strings.Contains(body, paid), true)
			p.send(okReply)
		}
	}), rules(paidRule))
	for _, framed := range [][2]string{
		{"Content-Length: 14", paid}, {"Transfer-Encoding: chunked", "e\r\n" + paid + "\r\n0\r\n\r\n"},
	} {
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", framed[0], "Expect: 100-continue", "", "")
		line, _ := c.mustHead()
		equal(t, "first line", line, "HTTP/1.1 100 Continue")
		c.send(framed[1])
		line, _ = c.mustHead()
		equal(t, "second line", line, "HTTP/1.1 200 OK")
	}
}

// matchAnswered: an answer of ours leaves the connection where the next request begins.
func (s suite) matchAnswered(t *testing.T) {
	upstream, calls := counted(t)
	r := s.start(t, upstream, rules(`{"abort": 503, "match": {"body": {"/paid": true}}}`))
	c := r.dial()
	for range 2 {
		for _, framed := range [][2]string{
			{"Content-Length: 14", paid}, {"Transfer-Encoding: chunked", "e\r\n" + paid + "\r\n0\r\nX-Sum: 7\r\n\r\n"},
		} {
			c.send("POST / HTTP/1.1", "Host: x", framed[0], "", framed[1])
			reply, _ := c.reply(http.MethodPost)
			equal(t, "status", reply.StatusCode, 503)
		}
	}
	equal(t, "calls", calls.Load(), 0)
}

// matchBrokenOff: a client that leaves before its body is there is noticed, and the upstream is not called.
func (s suite) matchBrokenOff(t *testing.T) {
	upstream, calls := counted(t)
	r := s.start(t, upstream, rules(paidRule))
	for _, how := range []string{fin, rst} {
		for _, framing := range []string{"Content-Length: 14\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"} {
			c := r.dial()
			c.send("POST / HTTP/1.1", "Host: x", framing)
			c.stay(50 * time.Millisecond)
			c.leave(how)
			equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)
		}
	}
	equal(t, "calls", calls.Load(), 0)
}
