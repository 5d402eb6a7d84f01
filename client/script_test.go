package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

const (
	goodBody     = `{"message":"Hello from the service!","data":[1,2,3,4,5]}`
	degradedBody = `{"message":"Service in degraded mode (fallback)","data":[1,2,3]}`
)

// answer is one step of a script: what the upstream does with one attempt.
type answer struct {
	status int
	header map[string]string
	body   string
	after  time.Duration // before the head
	stall  bool          // the body comes, then nothing more
	cut    bool          // the body comes, then an unexpected EOF
	err    error         // instead of an answer
	silent bool          // no answer until the attempt is given up
}

var (
	refused = answer{err: syscall.ECONNREFUSED}
	silence = answer{silent: true}
)

func status(code int, header ...string) answer {
	a := answer{status: code, body: `{"message":"Service Unavailable"}`, header: map[string]string{}}
	if code < 300 {
		a.body = goodBody
	}
	for i := 0; i < len(header); i += 2 {
		a.header[header[i]] = header[i+1]
	}
	return a
}

func saying(body string, header ...string) answer {
	a := status(200, header...)
	a.body = body
	return a
}

// attempt is what the upstream saw of one.
type attempt struct {
	at     time.Duration // since the script began
	method string
	key    string // Idempotency-Key
	body   string
}

// script is an upstream that answers by attempt; its last answer goes on. It is a Transport, for fake time.
type script struct {
	answers []answer
	start   time.Time

	mu     sync.Mutex
	seen   []attempt
	open   int // bodies not yet closed
	unread int // bodies closed before their end
}

func upstream(answers ...answer) *script { return &script{answers: answers, start: time.Now()} }

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	got := attempt{at: time.Since(s.start), method: req.Method, key: req.Header.Get("Idempotency-Key")}
	if req.Body != nil {
		data, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
		got.body = string(data)
	}
	s.mu.Lock()
	a := s.answers[min(len(s.seen), len(s.answers)-1)]
	s.seen = append(s.seen, got)
	s.mu.Unlock()

	if a.silent {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if err := wait.For(req.Context(), a.after); err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	s.mu.Lock()
	s.open++
	s.mu.Unlock()
	resp := &http.Response{
		StatusCode: a.status, Header: http.Header{}, ContentLength: int64(len(a.body)),
		Body: &scriptBody{script: s, ctx: req.Context(), answer: a, rest: strings.NewReader(a.body)},
	}
	if a.stall || a.cut {
		resp.ContentLength++
	}
	for name, value := range a.header {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

type scriptBody struct {
	*script
	ctx    context.Context
	answer answer
	rest   *strings.Reader
	closed bool
}

func (b *scriptBody) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil && b.rest.Len() > 0 {
		return 0, b.ctx.Err()
	}
	n, err := b.rest.Read(p)
	switch {
	case err == nil:
		return n, nil
	case b.answer.stall:
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	case b.answer.cut:
		return 0, io.ErrUnexpectedEOF
	}
	return 0, io.EOF
}

func (b *scriptBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.open--
	if b.rest.Len() > 0 {
		b.unread++
	}
	return nil
}

// gaps are the times between attempts.
func (s *script) gaps() []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(s.seen); i++ {
		gaps = append(gaps, s.seen[i].at-s.seen[i-1].at)
	}
	return gaps
}

// through makes a Client that has up as its Transport.
func through(t testing.TB, up http.RoundTripper, cfg Config) *Client {
	t.Helper()
	cfg.Transport = up
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// got is what the caller sees of one call.
type got struct {
	status int
	body   string
	from   Origin
	header http.Header
	err    error
	took   time.Duration
}

func send(t *testing.T, c *Client, req *http.Request) got {
	t.Helper()
	start := time.Now()
	resp, err := c.RoundTrip(req)
	if err != nil {
		return got{err: err, took: time.Since(start)}
	}
	body, err := io.ReadAll(resp.Body)
	if cerr := resp.Body.Close(); cerr != nil {
		t.Errorf("closing the answer: %v", cerr)
	}
	if resp.Request != req {
		t.Error("the answer's Request is not the caller's")
	}
	return got{resp.StatusCode, string(body), Source(resp), resp.Header, err, time.Since(start)}
}

func request(t *testing.T, method, body string, header ...string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://upstream/items?n=1", r)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func get(t *testing.T, c *Client, header ...string) got {
	t.Helper()
	return send(t, c, request(t, http.MethodGet, "", header...))
}

func (g got) is(t *testing.T, status int, from Origin, body string) {
	t.Helper()
	if g.err != nil || g.status != status || g.from != from || g.body != body {
		t.Errorf("got %d %v %q (error %v), want %d %v %q", g.status, g.from, g.body, g.err, status, from, body)
	}
}

// attempts checks how many there were, and that none left a body open.
func (s *script) attempts(t *testing.T, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) != want {
		t.Errorf("the upstream saw %d attempts, want %d", len(s.seen), want)
	}
	if s.open != 0 {
		t.Errorf("%d bodies were not closed", s.open)
	}
}

var (
	errReset error = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	errCert  error = &tls.CertificateVerificationError{Err: errors.New("no trusted chain")}
)
