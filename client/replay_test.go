package client

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/squall-proxy/squall/client/breaker"
)

func TestR4Methods(t *testing.T) {
	for _, tc := range []struct {
		method string
		key    string
		want   int
	}{
		{"GET", "", 3},
		{"HEAD", "", 3},
		{"OPTIONS", "", 3},
		{"TRACE", "", 3},
		{"PUT", "", 3},
		{"DELETE", "", 3},
		{"POST", "", 1},
		{"PATCH", "", 1},
		{"POST", "k-1", 3},
		{"PATCH", "k-1", 3},
	} {
		for _, fails := range []answer{status(503), refused, {err: errReset}} {
			synctest.Test(t, func(t *testing.T) {
				body := ""
				if tc.method == "PUT" || tc.key != "" {
					body = "the body"
				}
				up := upstream(fails)
				req := request(t, tc.method, body)
				if tc.key != "" {
					req.Header.Set("Idempotency-Key", tc.key)
				}
				send(t, through(t, up, pinned(2, 1)), req)
				up.attempts(t, tc.want)
				for i, a := range up.seen {
					if a.method != tc.method || a.key != tc.key || a.body != body {
						t.Errorf("%s, attempt %d: %+v", tc.method, i+1, a)
					}
				}
			})
		}
	}
}

func TestR4BodyOfOneMegabyte(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	want := sha256.Sum256(body)
	var seen atomic.Int32
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := seen.Add(1)
		if n == 2 { // resets with half of the body unread
			_, _ = io.CopyN(io.Discard, r.Body, 1<<19)
			reset(t, w)
			return
		}
		got, err := io.ReadAll(r.Body)
		if err != nil || sha256.Sum256(got) != want || r.ContentLength != int64(len(body)) {
			t.Errorf("attempt %d: %d bytes, length %d, %v", n, len(got), r.ContentLength, err)
		}
		if n < 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer up.Close()
	c := through(t, nil, quick(3))
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), "PUT", up.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if g := send(t, c, req); g.status != 200 || seen.Load() != 4 {
		t.Errorf("status %d, %v after %d attempts", g.status, g.err, seen.Load())
	}
}

func TestR4BodyWithoutGetBody(t *testing.T) {
	for _, tc := range []struct{ size, want int }{{1, 2}, {replayBytes, 2}, {replayBytes + 1, 1}, {1 << 20, 1}} {
		for _, announced := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				body := &closeCounter{Reader: strings.NewReader(strings.Repeat("x", tc.size))}
				req := request(t, "PUT", "")
				req.Body, req.GetBody, req.ContentLength = body, nil, -1
				if announced {
					req.ContentLength = int64(tc.size)
				}
				up := upstream(status(503), status(200))
				send(t, through(t, up, pinned(1, 1)), req)
				up.attempts(t, tc.want)
				for i, a := range up.seen {
					if len(a.body) != tc.size {
						t.Errorf("attempt %d had %d of %d bytes", i+1, len(a.body), tc.size)
					}
				}
				if body.closed != 1 {
					t.Errorf("the caller's body was closed %d times", body.closed)
				}
			})
		}
	}
}

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error {
	c.closed++
	return nil
}

func TestR4BodyIsClosedWhenNothingIsSent(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, tc := range map[string]struct {
		url  string
		body io.Reader
	}{"bad target": {"ftp://upstream/", strings.NewReader("x")}, "bad body": {"http://upstream/", errReader{broken}}} {
		t.Run(name, func(t *testing.T) {
			body := &closeCounter{Reader: tc.body}
			req, err := http.NewRequestWithContext(t.Context(), "PUT", tc.url, body)
			if err != nil {
				t.Fatal(err)
			}
			up := upstream(status(200))
			if g := send(t, through(t, up, Default()), req); g.err == nil || body.closed != 1 {
				t.Errorf("error %v, closed %d times", g.err, body.closed)
			}
			up.attempts(t, 0)
		})
	}
}

func TestR4BodyIsClosedWhenAnAttemptIsHeldBack(t *testing.T) {
	for name, cfg := range map[string]Config{
		"breaker":  {Breaker: breaker.Config{Consecutive: 1}},
		"bulkhead": {Bulkhead: Bulkhead{Max: 1}},
		"throttle": {Throttle: Throttle{Threshold: 1, Minimum: 1, Max: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.random = func() float64 { return 0 }
			c := through(t, upstream(status(503)), cfg)
			first, err := c.RoundTrip(request(t, "POST", "x")) // held open, for the bulkhead
			if err != nil {
				t.Fatal(err)
			}
			body := &closeCounter{Reader: strings.NewReader("x")}
			req := request(t, "POST", "")
			req.Body, req.ContentLength = body, 1
			if g := send(t, c, req); !errors.Is(g.err, ErrHeldBack) || body.closed != 1 {
				t.Errorf("error %v, closed %d times", g.err, body.closed)
			}
			if err := first.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
