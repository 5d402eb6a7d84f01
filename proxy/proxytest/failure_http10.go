package proxytest

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/squall-proxy/squall/proxy"
)

// diesInTheBodyOfHTTP10: where the end of the connection is the end of the reply, only a reset tells that it is too early.
func (s suite) diesInTheBodyOfHTTP10(t *testing.T) {
	for name, says := range map[string]string{
		"chunk":          "4\r\nhalf\r\n64\r\nha",
		"between chunks": "4\r\nhalf\r\n",
		"bad chunk":      "4\r\nhalf\r\nxyz\r\n",
	} {
		r := s.start(t, scripted(t, func(p *peer) {
			if _, _, err := p.head(); err == nil {
				p.send("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", says)
			}
		}))
		for _, version := range []string{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"} {
			c := r.dial()
			c.send(version)
			if got, err := io.ReadAll(c.reader); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: got %v after %q, want a reset", name, err, got)
			}
			equal(t, name+": outcome", r.exchange().Outcome, proxy.RealError)
		}
	}
	r := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "5", "whole", "0", "", "")
		}
	}))
	c := r.dial()
	c.send("GET / HTTP/1.0", "", "")
	if got, err := io.ReadAll(c.reader); err != nil || !strings.HasSuffix(string(got), "whole") {
		t.Errorf("a whole reply: got %v after %q", err, got)
	}
}
