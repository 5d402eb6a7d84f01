package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestR1FixedRetries(t *testing.T) {
	t.Run("all fail", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			cfg := Lab6Retry(3, time.Second)
			cfg.Fallback = Fallback{}
			g := get(t, through(t, up, cfg))
			g.is(t, 503, Fresh, `{"message":"Service Unavailable"}`)
			up.attempts(t, 4)
			if want := slices.Repeat([]time.Duration{time.Second}, 3); !slices.Equal(up.gaps(), want) {
				t.Errorf("gaps %v, want %v", up.gaps(), want)
			}
			if g.took != 3*time.Second {
				t.Errorf("took %v", g.took)
			}
		})
	})
	t.Run("all fail, lab's message", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			get(t, through(t, up, Lab6Retry(3, time.Second))).is(t, 200, Canned, FallbackMessage)
			up.attempts(t, 4)
		})
	})
	t.Run("the third succeeds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503), refused, status(200))
			g := get(t, through(t, up, Lab6Retry(3, time.Second)))
			g.is(t, 200, Fresh, goodBody)
			up.attempts(t, 3)
			if g.took != 2*time.Second {
				t.Errorf("took %v", g.took)
			}
		})
	})
	t.Run("the last error", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503), answer{err: errReset})
			cfg := Lab6Retry(1, time.Second)
			cfg.Fallback = Fallback{}
			if g := get(t, through(t, up, cfg)); !errors.Is(g.err, errReset) {
				t.Errorf("got %v, want the reset", g.err)
			}
			up.attempts(t, 2)
		})
	})
	t.Run("none asked for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(503))
			get(t, through(t, up, Config{})).is(t, 503, Fresh, `{"message":"Service Unavailable"}`)
			up.attempts(t, 1)
		})
	})
}

func TestR8WhatIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for code := 400; code < 600; code++ {
			want := 1
			if code == 429 || code >= 500 && code != 501 {
				want = 2
			}
			up := upstream(status(code), status(200))
			get(t, through(t, up, pinned(1, 1)))
			if len(up.seen) != want {
				t.Errorf("%d: %d attempts, want %d", code, len(up.seen), want)
			}
		}
	})
	for _, tc := range []struct {
		err  error
		want int
	}{
		{refused.err, 2},
		{errReset, 2},
		{&net.OpError{Op: "dial", Err: errors.New("no route to host")}, 2},
		{&net.DNSError{Err: "no such host", Name: "flaky", IsNotFound: true}, 2},
		{&timeoutError{"response header", time.Second}, 2},
		{errors.New(`malformed HTTP response "\x00"`), 2},
		{errCert, 1},
		{fmt.Errorf("wrapped: %w", errCert), 1},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "other"}, 1},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, 1},
		{x509.UnknownAuthorityError{}, 1},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, 1},
	} {
		t.Run(tc.err.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(answer{err: tc.err})
				if g := get(t, through(t, up, pinned(1, 1))); !errors.Is(g.err, tc.err) {
					t.Errorf("got %v, want %v", g.err, tc.err)
				}
				up.attempts(t, tc.want)
			})
		})
	}
}

func TestR8BodyCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(answer{status: 200, body: goodBody[:10], cut: true}, status(200))
		cfg := pinned(1, 1)
		cfg.BodyLimit = 1 << 20
		get(t, through(t, up, cfg)).is(t, 200, Fresh, goodBody)
		up.attempts(t, 2)
	})
}

func TestR8CancelledCallsEnd(t *testing.T) {
	for name, a := range map[string]answer{"in an attempt": silence, "between attempts": status(503)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(a)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(500*time.Millisecond, cancel)
				cfg, retries := Lab6Fallback(3, time.Second), 0
				cfg.Observe = func(e Event) {
					if e.Kind == EventRetry {
						retries++
					}
				}
				g := send(t, through(t, up, cfg), request(t, "GET", "").WithContext(ctx))
				up.attempts(t, 1)
				if want := map[bool]int{false: 1}[a.silent]; retries != want {
					t.Errorf("%d retries announced, want %d", retries, want)
				}
				if g.took != 500*time.Millisecond || !errors.Is(g.err, context.Canceled) {
					t.Errorf("got %v %v after %v, want context.Canceled after 500ms", g.from, g.err, g.took)
				}
			})
		})
	}
}

func TestR8UnsupportedTarget(t *testing.T) {
	for _, target := range []string{"ftp://upstream/", "http:///nowhere", "/relative"} {
		t.Run(target, func(t *testing.T) {
			up := upstream(status(200))
			req, err := http.NewRequestWithContext(t.Context(), "GET", target, nil)
			if err != nil {
				t.Fatal(err)
			}
			if g := send(t, through(t, up, Default()), req); g.err == nil {
				t.Error("no error")
			}
			up.attempts(t, 0)
		})
	}
}

func TestRetriesUseADiscardedConnectionAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			size, unread int
			stall        bool
		}{{10, 0, false}, {drainBytes, 0, false}, {drainBytes + 1, 1, false}, {10, 0, true}} {
			bad := status(503)
			bad.body, bad.stall = string(make([]byte, tc.size)), tc.stall
			up := upstream(bad, status(200))
			g := get(t, through(t, up, pinned(1, 0)))
			g.is(t, 200, Fresh, goodBody)
			up.attempts(t, 2)
			if up.unread != tc.unread {
				t.Errorf("%d bytes: %d bodies closed unread, want %d", tc.size, up.unread, tc.unread)
			}
			if tc.stall && g.took != drainTime {
				t.Errorf("a stalled body held the call for %v, want %v", g.took, drainTime)
			}
		}
	})
}

func TestEventsTellTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(503), refused)
		cfg := Lab6Retry(1, time.Second)
		var told []string
		cfg.Observe = func(e Event) {
			told = append(told, fmt.Sprintf("%s %d %s %v %v %v", e.Kind, e.Attempt, e.Reason(), e.Failed, e.Delay, e.Origin))
		}
		get(t, through(t, up, cfg)).is(t, 200, Canned, FallbackMessage)
		want := []string{
			"attempt 1 503 Service Unavailable true 0s fresh",
			"retry 1 503 Service Unavailable true 1s fresh",
			"attempt 2 connection refused true 0s fresh",
			"fallback 0 connection refused true 0s canned",
			"call 0 200 OK false 0s canned",
		}
		if !slices.Equal(told, want) {
			t.Errorf("told\n%q, want\n%q", told, want)
		}
	})
}
