package proxytest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

func (s suite) dialGuard(t *testing.T) {
	// None of these addresses is ever called: the refusal comes first. Nothing would answer there either.
	for _, upstream := range []string{
		"http://169.254.169.254", "http://169.254.1.1:80", "http://[fe80::1]:80", "http://[fd00:ec2::254]",
		"http://100.100.100.200", "http://224.0.0.1:80", "http://[ff02::1]:80", "http://0.0.0.0:80", "http://[::]:80",
		"http://[::ffff:169.254.169.254]:80", "http://[64:ff9b::a9fe:a9fe]:80",
	} {
		t.Run(strings.TrimPrefix(upstream, "http://"), func(t *testing.T) {
			reply, body := s.start(t, upstream).get("/")
			expectProblem(t, reply, body, 502, "refused as an upstream")
		})
	}
	t.Run("OwnListener", func(t *testing.T) {
		r := s.start(t, nowhere(t))
		itself := config(func(c *proxy.Config) { c.Upstream = r.url })
		r.change(itself)
		reply, body := r.get("/")
		expectProblem(t, reply, body, 502, "a listener of squall itself")
	})
	t.Run("AddressesAddedLater", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		r := s.start(t, "http://"+ln.Addr().String())
		r.engine.Own(ln.Addr())
		reply, body := r.get("/")
		expectProblem(t, reply, body, 502, "a listener of squall itself")
	})
	t.Run("AllowedOnes", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.NotFoundHandler()}
		go func() { _ = server.Serve(ln) }()
		defer server.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		for _, allowed := range []string{"127.0.0.1", "127.0.0.0/8", "localhost"} {
			r := s.start(t, "http://localhost:"+port)
			r.engine.Own(ln.Addr())
			reply, _ := r.get("/")
			equal(t, "refused at first", reply.StatusCode, 502)
			r.change(config(func(c *proxy.Config) { c.AllowUpstreams = []string{allowed} }))
			reply, _ = r.get("/")
			equal(t, "allowed by "+allowed, reply.StatusCode, 404)
		}
	})
	t.Run("ProxyEnvironmentIsIgnored", func(t *testing.T) {
		t.Setenv("HTTP_PROXY", nowhere(t))
		t.Setenv("http_proxy", nowhere(t))
		reply, _ := s.start(t, serve(t, http.NotFound)).get("/")
		equal(t, "status", reply.StatusCode, 404)
	})
}

func (s suite) limits(t *testing.T) {
	upstream, requests := recording(t, okReply)
	r := s.start(t, upstream)
	fields := func(n int) string { return strings.Repeat("X-F: 1\r\n", n) }
	for _, test := range []struct {
		name, head string
		status     int
	}{
		{"RequestLineOf16KiB", "GET /" + strings.Repeat("a", 16<<10-len("GET / HTTP/1.1")) + " HTTP/1.1\r\nHost: x\r\n", 200},
		{"RequestLineBeyond", "GET /" + strings.Repeat("a", 16<<10-len("GET / HTTP/1.1")+1) + " HTTP/1.1\r\nHost: x\r\n", 414},
		{"256Fields", "GET / HTTP/1.1\r\nHost: x\r\n" + fields(255), 200},
		{"257Fields", "GET / HTTP/1.1\r\nHost: x\r\n" + fields(256), 431},
		{"HeadOf60KiB", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 60<<10) + "\r\n", 200},
		{"HeadOf65KiB", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 65<<10) + "\r\n", 431},
		{"NoHost", "GET / HTTP/1.1\r\n", 400},
		{"TwoHosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n", 400},
		{"DifferingLengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400},
		{"NegativeLength", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n", 400},
		{"UnknownCoding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n", 501},
		{"BadFieldName", "GET / HTTP/1.1\r\nHost: x\r\nX F: 1\r\n", 400},
		{"BadFieldValue", "GET / HTTP/1.1\r\nHost: x\r\nX-F: a\x00b\r\n", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := r.dial()
			c.send(test.head + "\r\n")
			reply, _ := c.reply(http.MethodGet)
			equal(t, "refused", reply.StatusCode >= 400, test.status >= 400)
			if test.status != 501 { // an unknown coding may be called a bad request, too
				equal(t, "status", reply.StatusCode, test.status)
			}
			if test.status < 400 {
				next(t, requests)
				return
			}
			none(t, requests)
			c.expectEnd()
		})
	}
	t.Run("SlowHead", func(t *testing.T) {
		t.Parallel()
		c := s.start(t, upstream).dial()
		start := time.Now()
		c.send("GET / HTTP/1.1", "Host: x", "X-Never: ")
		_, err := io.ReadAll(c.reader)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatal("still open")
		}
		if took := time.Since(start); took < 4*time.Second || took > 10*time.Second {
			t.Errorf("closed after %v, want 5s", took)
		}
	})
}
