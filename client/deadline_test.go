package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestR5Deadline(t *testing.T) {
	t.Run("a delay beyond it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503, "Retry-After", "5"))
			cfg := pinned(3, 1)
			cfg.Deadline = 300 * time.Millisecond
			g := get(t, through(t, up, cfg))
			up.attempts(t, 1)
			if g.status != 503 || g.took != 0 {
				t.Errorf("status %d after %v, want the 503 at once", g.status, g.took)
			}
		})
	})
	t.Run("a delay beyond the caller's own", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503, "Retry-After", "5"))
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			g := send(t, through(t, up, pinned(3, 1)), request(t, "GET", "").WithContext(ctx))
			up.attempts(t, 1)
			if g.status != 503 || g.took != 0 {
				t.Errorf("status %d after %v, want the 503 at once", g.status, g.took)
			}
		})
	})
	t.Run("it includes all attempts and delays", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			slow := status(503)
			slow.after = 100 * time.Millisecond
			up := upstream(slow)
			cfg := pinned(9, 1) // attempts at 0, 200 and 500 ms; the next would start at 1 s
			cfg.Deadline = 750 * time.Millisecond
			g := get(t, through(t, up, cfg))
			up.attempts(t, 3)
			if g.status != 503 || g.took != 600*time.Millisecond {
				t.Errorf("status %d after %v, want 503 after 600ms", g.status, g.took)
			}
		})
	})
	for name, a := range map[string]answer{"silence": silence, "a stalled body": {status: 200, body: "{", stall: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(a)
				cfg := pinned(3, 1)
				cfg.Deadline, cfg.BodyLimit = 300*time.Millisecond, 1<<20
				g := get(t, through(t, up, cfg))
				up.attempts(t, 1)
				if g.took != 300*time.Millisecond || !errors.Is(g.err, context.DeadlineExceeded) || !timedOut(g.err) {
					t.Errorf("got %v after %v, want a timeout after 300ms", g.err, g.took)
				}
			})
		})
	}
	t.Run("it covers a body that streams", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(answer{status: 200, body: "part", stall: true})
			g := get(t, through(t, up, Config{Deadline: 300 * time.Millisecond}))
			if g.took != 300*time.Millisecond || g.body != "part" || !timedOut(g.err) {
				t.Errorf("read %q, then %v after %v, want a timeout after 300ms", g.body, g.err, g.took)
			}
			up.attempts(t, 1)
		})
	})
}

func TestR5AttemptTimeout(t *testing.T) {
	stalled := answer{status: 200, body: "part", stall: true}
	for name, first := range map[string]answer{"silence": silence, "a stalled body": stalled} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(first, status(200))
				cfg := pinned(1, 1)
				cfg.AttemptTimeout, cfg.BodyLimit = time.Second, 1<<20
				g := get(t, through(t, up, cfg))
				g.is(t, 200, Fresh, goodBody)
				up.attempts(t, 2)
				if g.took != 1100*time.Millisecond {
					t.Errorf("took %v, want 1.1s", g.took)
				}
			})
		})
	}
	t.Run("to the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(silence)
			cfg := pinned(1, 1)
			cfg.AttemptTimeout = time.Second
			g := get(t, through(t, up, cfg))
			up.attempts(t, 2)
			if g.took != 2100*time.Millisecond || !timedOut(g.err) {
				t.Errorf("got %v after %v, want a timeout after 2.1s", g.err, g.took)
			}
		})
	})
	t.Run("it covers a body that streams", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(stalled)
			g := get(t, through(t, up, Config{AttemptTimeout: time.Second}))
			if g.took != time.Second || !timedOut(g.err) {
				t.Errorf("got %v after %v, want a timeout after 1s", g.err, g.took)
			}
		})
	})
}

// timedOut tells whether err says which of the client's own limits was reached, in a form that callers of net know.
func timedOut(err error) bool {
	var ours *timeoutError
	var theirs net.Error
	return errors.As(err, &ours) && errors.As(err, &theirs) && theirs.Timeout()
}

func TestReadingToTheEndReleasesTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200))
		var ctx context.Context
		c := through(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			ctx = req.Context()
			return up.RoundTrip(req)
		}), Config{Deadline: time.Minute, AttemptTimeout: time.Minute})
		resp, err := c.RoundTrip(request(t, "GET", ""))
		if err != nil {
			t.Fatal(err)
		}
		if ctx.Err() != nil {
			t.Error("released before the body was read")
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || ctx.Err() == nil {
			t.Errorf("after the body (%v) the context is %v", err, ctx.Err())
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
