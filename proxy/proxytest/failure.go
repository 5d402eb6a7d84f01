package proxytest

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// nowhere is a URL at which nothing listens.
func nowhere(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "http://" + ln.Addr().String()
}

// expectProblem checks an error of the proxy's own: real, so without the mark of an injected one.
func expectProblem(t *testing.T, reply *http.Response, body string, status int, reason string) {
	t.Helper()
	var problem struct {
		Status int
		Reason string
	}
	equal(t, "status", reply.StatusCode, status)
	equal(t, "Content-Type", reply.Header.Get("Content-Type"), "application/json")
	equal(t, faults.AttributionHeader, reply.Header.Get(faults.AttributionHeader), "")
	if err := json.Unmarshal([]byte(body), &problem); err != nil || problem.Status != status ||
		!strings.Contains(problem.Reason, reason) {
		t.Errorf("body %q (%v), want status %d and a reason with %q", body, err, status, reason)
	}
}

var closing = config(func(c *proxy.Config) { c.UpstreamDown = proxy.Close })

func (s suite) upstreamFailure(t *testing.T) {
	t.Run("DownIs502", func(t *testing.T) {
		r := s.start(t, nowhere(t))
		reply, body := r.get("/")
		expectProblem(t, reply, body, 502, "refused")
		x := r.exchange()
		equal(t, "outcome", x.Outcome, proxy.RealError)
		equal(t, "status", x.Status, 502)
		equal(t, "attempts", x.UpstreamAttempts, 1)
		if !strings.Contains(x.Error, "refused") {
			t.Errorf("recorded %q", x.Error)
		}
	})
	t.Run("DownCloses", func(t *testing.T) {
		r := s.start(t, nowhere(t), closing)
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		c.expectEnd()
		equal(t, "outcome", r.exchange().Outcome, proxy.RealError)
	})
	t.Run("BackAgain", func(t *testing.T) {
		down := nowhere(t)
		r := s.start(t, down)
		r.get("/")
		ln, err := net.Listen("tcp", strings.TrimPrefix(down, "http://"))
		if err != nil {
			t.Skip("the port was taken meanwhile")
		}
		server := &http.Server{Handler: http.NotFoundHandler()}
		go func() { _ = server.Serve(ln) }()
		defer server.Close()
		reply, _ := r.get("/")
		equal(t, "status", reply.StatusCode, 404)
	})
	t.Run("Timeout", s.upstreamTimeout)
	t.Run("DiesInTheBody", s.diesInTheBody)
	t.Run("DiesInTheBodyOfHTTP10", s.diesInTheBodyOfHTTP10)
	t.Run("NoStatus", func(t *testing.T) {
		for _, status := range []string{"000", "099", "+99", "-99", "99", "1000", "2xx"} {
			upstream, _ := recording(t, "HTTP/1.1 "+status+" What\r\nContent-Length: 2\r\n\r\nok")
			r := s.start(t, upstream)
			reply, body := r.get("/")
			expectProblem(t, reply, body, 502, "upstream")
			equal(t, status+": outcome", r.exchange().Outcome, proxy.RealError)
		}
	})
	t.Run("NoReply", func(t *testing.T) {
		for _, says := range []string{"", "HTTP/1.1 2", "SSH-2.0-OpenSSH_9\r\n", "HTTP/1.1 200 OK\r\nbad field\r\n\r\n"} {
			r := s.start(t, scripted(t, func(p *peer) {
				if _, _, err := p.head(); err == nil {
					p.send(says)
				}
			}))
			reply, body := r.get("/")
			expectProblem(t, reply, body, 502, "upstream")
		}
	})
	t.Run("NamesAreResolvedAtEveryDial", s.resolving)
}

func (s suite) upstreamTimeout(t *testing.T) {
	silent := scripted(t, func(p *peer) { _, _ = io.Copy(io.Discard, p.reader) })
	short := config(func(c *proxy.Config) { c.Timeout = faults.Duration(50 * time.Millisecond) })
	r := s.start(t, silent, short)
	start := time.Now()
	reply, body := r.get("/")
	expectProblem(t, reply, body, 504, "timeout")
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("gave up after %v", took)
	}
	equal(t, "outcome", r.exchange().Outcome, proxy.RealError)

	r = s.start(t, silent, short, closing)
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "", "")
	c.expectEnd()

	// The timeout is for the head alone, and a changed one holds from the next request on.
	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-time.After(100 * time.Millisecond)
		_, _ = io.WriteString(w, "late")
	})
	r = s.start(t, slow)
	r.change(short)
	_, body = r.get("/")
	equal(t, "slow body", body, "late")
}

// diesInTheBody: the client sees an error, never a clean end.
func (s suite) diesInTheBody(t *testing.T) {
	for name, says := range map[string]string{
		"Content-Length": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"chunk":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
		"between chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"bad chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n",
	} {
		r := s.start(t, scripted(t, func(p *peer) {
			if _, _, err := p.head(); err == nil {
				p.send(says)
			}
		}))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		if reply, err := http.ReadResponse(c.reader, nil); err == nil {
			body, err := io.ReadAll(reply.Body)
			_ = reply.Body.Close()
			if err == nil {
				t.Errorf("%s: a clean end after %q", name, body)
			}
		}
		x := r.exchange()
		equal(t, name+": outcome", x.Outcome, proxy.RealError)
		if x.Error == "" {
			t.Errorf("%s: no error recorded", name)
		}
	}
}

// resolving moves a service from one address of a name to the other.
func (s suite) resolving(t *testing.T) {
	four, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(four.Addr().String())
	answer := func(ln net.Listener, text string) *http.Server {
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, text)
		})}
		go func() { _ = server.Serve(ln) }()
		return server
	}
	first := answer(four, "four")
	defer first.Close()
	r := s.start(t, "http://localhost:"+port)
	_, body := r.get("/")
	equal(t, "first", body, "four")
	_ = first.Close()
	six, err := net.Listen("tcp6", "[::1]:"+port)
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	defer answer(six, "six").Close()
	if addrs, _ := net.LookupHost("localhost"); len(addrs) < 2 {
		t.Skip("localhost has one address here")
	}
	_, body = r.get("/")
	equal(t, "second", body, "six")
}

func (s suite) clientFailure(t *testing.T) {
	t.Run("LeavingReachesTheUpstream", func(t *testing.T) {
		started, left := make(chan struct{}), make(chan struct{})
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			close(started)
			<-r.Context().Done()
			close(left)
		}))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		within(t, "the request", started)
		_ = c.Close()
		within(t, "the client's leaving", left)
		equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)
	})
	t.Run("LeavingDuringTheReply", func(t *testing.T) {
		left := make(chan struct{})
		r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			defer close(left)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		c.mustHead()
		_ = c.Close()
		within(t, "the client's leaving", left)
		equal(t, "outcome", r.exchange().Outcome, proxy.ClientLeft)
	})
	t.Run("BrokenBody", s.brokenBody)
}

// brokenBody: the upstream gets a whole request, or one that is cut before its end.
func (s suite) brokenBody(t *testing.T) {
	for _, test := range []struct {
		name, header, body string
		status             int // 0 = the client is gone
	}{
		{"ends early", "Content-Length: 100", "half", 0},
		{"ends between chunks", "Transfer-Encoding: chunked", "4\r\nhalf\r\n", 0},
		{"bad chunk", "Transfer-Encoding: chunked", "4\r\nhalf\r\nxyz\r\n", 400},
		{"negative chunk", "Transfer-Encoding: chunked", "4\r\nhalf\r\n-1\r\n", 400},
		{"huge chunk", "Transfer-Encoding: chunked", "4\r\nhalf\r\nfffffffffffffffff\r\n", 400},
	} {
		begun, raw := make(chan struct{}), make(chan string, 1)
		r := s.start(t, scripted(t, func(p *peer) {
			_, fields, err := p.head()
			if err != nil {
				raw <- "" // not even a head
				return
			}
			close(begun)
			got, err := p.announcedBody(fields)
			if err == nil {
				t.Errorf("%s: the upstream got a whole request: %q", test.name, got)
			}
			raw <- got
		}))
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: x", test.header, "", test.body)
		if test.status == 0 {
			within(t, test.name+": the request", begun) // who leaves earlier may not be worth a dial
			_ = c.Close()
			equal(t, test.name+": outcome", r.exchange().Outcome, proxy.ClientLeft)
		} else {
			reply, body := c.reply(http.MethodPost)
			expectProblem(t, reply, body, test.status, "")
			c.expectEnd()
		}
		within(t, test.name+": the upstream's end", raw)
	}
}
