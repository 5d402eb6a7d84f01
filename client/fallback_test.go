package client

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestC5DegradedIsNotStored(t *testing.T) {
	byHeader := saying(`{}`, "X-Service-Mode", "fallback")
	for name, degraded := range map[string]answer{"by message": saying(degradedBody), "by header": byHeader} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(degraded, status(503), status(200), degraded, status(503))
				c := through(t, up, onlyLastGood())
				get(t, c).is(t, 200, Degraded, degraded.body)
				get(t, c).is(t, 503, Fresh, `{"message":"Service Unavailable"}`)
				get(t, c).is(t, 200, Fresh, goodBody)
				get(t, c).is(t, 200, Degraded, degraded.body)
				get(t, c).is(t, 200, Cached, goodBody)
				up.attempts(t, 5)
			})
		})
	}
}

func TestC5OnlyTheServiceItselfIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(
			status(200, HeaderSource, "cached"),
			saying(`{"message":"all well","note":"degraded mode is off"}`),
			saying(`degraded mode, but no JSON`),
			status(503, "X-Service-Mode", "fallback"),
		)
		cfg := onlyLastGood()
		cfg.Fallback.MaxStale = 0
		c := through(t, up, cfg)
		for range 4 {
			if g := get(t, c); g.from != Fresh || g.header.Get(HeaderSource) != "" {
				t.Errorf("%d %q: %v", g.status, g.body, g.from)
			}
		}
	})
}

func TestC5RetryDegraded(t *testing.T) {
	degraded := saying(degradedBody)
	for name, tc := range map[string]struct {
		answers  []answer
		attempts int
		from     Origin
		body     string
	}{
		"a retry mends it":            {[]answer{degraded, status(200)}, 2, Fresh, goodBody},
		"it stays":                    {[]answer{degraded}, 3, Degraded, degradedBody},
		"it is better than a failure": {[]answer{degraded, status(503)}, 3, Degraded, degradedBody},
		"and than an error":           {[]answer{status(503), degraded, refused}, 3, Degraded, degradedBody},
		"but a 404 is an answer":      {[]answer{degraded, {status: 404}}, 2, Fresh, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(tc.answers...)
				cfg := Lab6Fallback(2, time.Second)
				cfg.Fallback.RetryDegraded = true
				g := get(t, through(t, up, cfg))
				if g.from != tc.from || g.body != tc.body {
					t.Errorf("got %d %v %q, want %v %q", g.status, g.from, g.body, tc.from, tc.body)
				}
				up.attempts(t, tc.attempts)
			})
		})
	}
	t.Run("last-good data is better", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(status(200), degraded)
			cfg := Lab6Fallback(0, 0)
			cfg.Fallback.RetryDegraded = true
			c := through(t, up, cfg)
			get(t, c)
			get(t, c).is(t, 200, Cached, goodBody)
			up.attempts(t, 2)
		})
	})
	t.Run("not by default", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(degraded)
			get(t, through(t, up, Lab6Fallback(3, time.Second))).is(t, 200, Degraded, degradedBody)
			up.attempts(t, 1)
		})
	})
}

func TestWritesAreNotAnsweredFromElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
			up := upstream(status(200), status(503))
			cfg := onlyLastGood()
			cfg.Fallback.Canned = []byte(FallbackMessage)
			c := through(t, up, cfg)
			get(t, c)
			if g := send(t, c, request(t, method, "")); g.status != 503 || g.from != Fresh {
				t.Errorf("%s: %d %v", method, g.status, g.from)
			}
			get(t, c).is(t, 200, Cached, goodBody) // a failed write changes nothing
			up.answers[1] = status(200)
			send(t, c, request(t, method, ""))
			up.answers[1] = status(503)
			get(t, c).is(t, 200, Canned, FallbackMessage) // a successful one makes it out of date
		}
	})
}

func TestHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		head := answer{status: 200, header: map[string]string{"Content-Length": "5000000"}}
		c := through(t, &unsized{upstream(head, status(503)), 5_000_000}, onlyLastGood())
		resp, err := c.RoundTrip(request(t, "HEAD", ""))
		if err != nil {
			t.Fatal(err)
		}
		if body, ok := resp.Body.(*bufferedBody); !ok || cap(body.data) > 1 || resp.ContentLength != 5_000_000 {
			t.Errorf("memory was set aside for a body that does not come: %T, length %d", resp.Body, resp.ContentLength)
		}
		g := send(t, c, request(t, "HEAD", ""))
		g.is(t, 200, Cached, "")
		if g.header.Get("Content-Length") != "5000000" {
			t.Errorf("header %v", g.header)
		}
		get(t, c).is(t, 503, Fresh, `{"message":"Service Unavailable"}`)
	})
}

func TestCannedCoversEveryFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, a := range []answer{status(429), status(500), status(505), refused} {
			up := upstream(a)
			g := get(t, through(t, up, Lab6Retry(0, 0)))
			g.is(t, 200, Canned, FallbackMessage)
			up.attempts(t, 1)
			if g.header.Get("Content-Type") != "application/json" {
				t.Errorf("header %v", g.header)
			}
		}
		for _, a := range []answer{status(404), status(501)} {
			if g := get(t, through(t, upstream(a), Lab6Retry(0, 0))); g.status != a.status {
				t.Errorf("%d became %d %v", a.status, g.status, g.from)
			}
		}
	})
}

func TestLongBodiesStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 100)
		for _, size := range []int64{100, -1} { // announced, and not
			up := &unsized{upstream(saying(long), status(503)), size}
			cfg := onlyLastGood()
			cfg.BodyLimit = 99
			c := through(t, up, cfg)
			get(t, c).is(t, 200, Fresh, long)
			get(t, c).is(t, 503, Fresh, `{"message":"Service Unavailable"}`)
			up.attempts(t, 2)
		}
		up := &unsized{upstream(saying(long), status(503)), -1}
		cfg := onlyLastGood()
		cfg.BodyLimit = 100
		c := through(t, up, cfg)
		get(t, c).is(t, 200, Fresh, long)
		get(t, c).is(t, 200, Cached, long)
	})
}

func TestEventStreamsComeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(answer{
			status: 200, body: "data: 1\n\n", stall: true, header: map[string]string{"Content-Type": "text/event-stream"},
		})
		cfg := onlyLastGood()
		cfg.AttemptTimeout = 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		resp, err := through(t, up, cfg).RoundTrip(request(t, "GET", "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 9)
		if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "data: 1\n\n" {
			t.Errorf("read %q, %v", buf, err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		up.attempts(t, 1)
	})
}

// unsized replaces the announced length of every body.
type unsized struct {
	*script
	size int64
}

func (u *unsized) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := u.script.RoundTrip(req)
	if err == nil {
		resp.ContentLength = u.size
	}
	return resp, err
}
