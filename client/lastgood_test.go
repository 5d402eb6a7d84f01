package client

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// onlyLastGood keeps last-good data for a minute, and neither retries nor has a canned answer.
func onlyLastGood() Config {
	return Config{
		AttemptTimeout: time.Second, BodyLimit: 1 << 20,
		Fallback: Fallback{MaxStale: time.Minute, Degraded: DegradedMarker},
	}
}

func pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := wait.For(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func TestC2LastGood(t *testing.T) {
	for name, tc := range map[string]struct {
		fails answer
		age   string
		mark  string
	}{
		"500":                         {status(500), "42", "squall; hit; ttl=-32; detail=stale-if-error"},
		"502":                         {status(502), "42", "squall; hit; ttl=-32; detail=stale-if-error"},
		"503":                         {status(503), "42", "squall; hit; ttl=-32; detail=stale-if-error"},
		"504":                         {status(504), "42", "squall; hit; ttl=-32; detail=stale-if-error"},
		"refused":                     {refused, "42", "squall; hit; ttl=-32; detail=stale-if-error"},
		"timeout":                     {silence, "43", "squall; hit; ttl=-33; detail=stale-if-error"},
		"stalled body":                {answer{status: 200, body: "{", stall: true}, "43", "squall; hit; ttl=-33; detail=stale-if-error"},
		"body cut short":              {answer{status: 200, body: "{", cut: true}, "42", "squall; hit; ttl=-32; detail=stale-if-error"},
		"404 is an answer":            {fails: status(404)},
		"429 is not stale-if-error's": {fails: status(429)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := status(200, "Cache-Control", "max-age=10", "Content-Type", "application/json", "Set-Cookie", "s=1")
				up := upstream(good, tc.fails)
				c := through(t, up, onlyLastGood())
				get(t, c).is(t, 200, Fresh, goodBody)
				pass(t, 42*time.Second)
				g := get(t, c)
				up.attempts(t, 2)
				if tc.mark == "" {
					g.is(t, tc.fails.status, Fresh, tc.fails.body)
					return
				}
				g.is(t, 200, Cached, goodBody)
				if g.header.Get("Age") != tc.age || g.header.Get("Cache-Status") != tc.mark {
					t.Errorf("Age %q, Cache-Status %q", g.header.Get("Age"), g.header.Get("Cache-Status"))
				}
				if g.header.Get("Content-Type") != "application/json" || g.header.Get("Set-Cookie") != "" {
					t.Errorf("header %v", g.header)
				}
			})
		})
	}
}

func TestC2AgeOfTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := status(200, "Cache-Control", "max-age=60", "Age", "20", "Cache-Status", "cdn; hit")
		good.after = 900 * time.Millisecond
		up := upstream(good, status(503))
		c := through(t, up, onlyLastGood())
		get(t, c)
		pass(t, 10200*time.Millisecond)
		g := get(t, c)
		g.is(t, 200, Cached, goodBody)
		if marks := g.header.Values("Cache-Status"); g.header.Get("Age") != "31" || len(marks) != 2 ||
			marks[1] != "squall; hit; ttl=29; detail=last-good" {
			t.Errorf("Age %q, Cache-Status %q", g.header.Get("Age"), marks)
		}
	})
}

func TestC2PermanentErrorsAreNotCoveredUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200), answer{err: errCert})
		cfg := onlyLastGood()
		cfg.Fallback.Canned = []byte(FallbackMessage)
		c := through(t, up, cfg)
		get(t, c)
		if g := get(t, c); !errors.Is(g.err, errCert) {
			t.Errorf("got %v %v, want the certificate's error", g.from, g.err)
		}
	})
}

func TestC3BeyondMaxStale(t *testing.T) {
	for name, tc := range map[string]struct {
		control string
		after   time.Duration
		want    Origin
	}{
		"at the limit":                            {"", time.Minute, Cached},
		"beyond it":                               {"", time.Minute + 1, Fresh},
		"freshness comes before":                  {"max-age=30", 90 * time.Second, Cached},
		"freshness and more":                      {"max-age=30", 90*time.Second + 1, Fresh},
		"the service allows less":                 {"max-age=30, stale-if-error=5", 35 * time.Second, Cached},
		"the service allows less, and it is over": {"max-age=30, stale-if-error=5", 36 * time.Second, Fresh},
		"the service allows more":                 {"max-age=30, stale-if-error=600", 91 * time.Second, Fresh},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(status(200, "Cache-Control", tc.control), status(503))
				c := through(t, up, onlyLastGood())
				get(t, c)
				pass(t, tc.after)
				if g := get(t, c); g.from != tc.want || (g.status == 503) != (tc.want == Fresh) {
					t.Errorf("got %d %v, want %v", g.status, g.from, tc.want)
				}
			})
		})
	}
}

func TestC4WhatTheServiceForbids(t *testing.T) {
	for _, tc := range []struct {
		control string
		want    Origin
		ignored Origin // with IgnoreRevalidate
	}{
		{"max-age=5", Cached, Cached},
		{"max-age=5, must-revalidate", Fresh, Cached},
		{"max-age=3600, must-revalidate", Cached, Cached}, // not stale yet
		{"no-cache", Fresh, Cached},
		{"max-age=3600, no-cache", Fresh, Cached},
		{`no-cache="Set-Cookie"`, Fresh, Cached},
		{"no-store", Fresh, Fresh},
		{"private", Cached, Cached},
		{"max-age=soon", Fresh, Fresh}, // may say anything
	} {
		for _, ignore := range []bool{false, true} {
			t.Run(tc.control, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					up := upstream(status(200, "Cache-Control", tc.control), status(503))
					cfg, want := onlyLastGood(), tc.want
					cfg.Fallback.IgnoreRevalidate = ignore
					if ignore {
						want = tc.ignored
					}
					c := through(t, up, cfg)
					get(t, c)
					pass(t, 10*time.Second)
					if g := get(t, c); g.from != want {
						t.Errorf("ignoring %v: got %d %v, want %v", ignore, g.status, g.from, want)
					}
				})
			})
		}
	}
}

func TestC4WhatTheCallerForbids(t *testing.T) {
	for control, want := range map[string]Origin{
		"": Cached, "max-age=10": Cached, "max-age=9": Fresh, "no-cache": Fresh, "no-store": Fresh, "max-age=?": Fresh,
	} {
		t.Run(control, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(status(200), status(503))
				c := through(t, up, onlyLastGood())
				get(t, c)
				pass(t, 10*time.Second)
				if g := get(t, c, "Cache-Control", control); g.from != want {
					t.Errorf("got %d %v, want %v", g.status, g.from, want)
				}
			})
		})
	}
	t.Run("a request's no-store is not kept", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := through(t, upstream(status(200), status(503)), onlyLastGood())
			get(t, c, "Cache-Control", "no-store")
			get(t, c).is(t, 503, Fresh, `{"message":"Service Unavailable"}`)
		})
	})
}

func TestC6Recovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(saying("old"), status(503), saying("new"), status(503))
		c := through(t, up, onlyLastGood())
		get(t, c).is(t, 200, Fresh, "old")
		get(t, c).is(t, 200, Cached, "old")
		get(t, c).is(t, 200, Fresh, "new")
		get(t, c).is(t, 200, Cached, "new")
		up.attempts(t, 4)
	})
}

func TestC8Vary(t *testing.T) {
	for _, tc := range []struct {
		name, vary string
		first      string // request header of the kept answer, "Name: value"
		second     string // of the one that fails
		want       Origin
	}{
		{"same", "Accept-Language", "Accept-Language: de", "Accept-Language: de", Cached},
		{"other", "Accept-Language", "Accept-Language: de", "Accept-Language: en", Fresh},
		{"absent", "X, Accept-Language", "Accept-Language: de", "Other: de", Fresh},
		{"not named", "", "Accept-Language: de", "Accept-Language: en", Cached},
		{"anything", "*", "Accept-Language: de", "Accept-Language: de", Fresh},
		{"same user", "", "Authorization: Bearer a", "Authorization: Bearer a", Cached},
		{"other user", "", "Authorization: Bearer a", "Authorization: Bearer b", Fresh},
		{"no user", "", "Cookie: s=1", "Other: 1", Fresh},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(status(200, "Vary", tc.vary), status(503))
				c := through(t, up, onlyLastGood())
				get(t, c, strings.Split(tc.first, ": ")...)
				if g := get(t, c, strings.Split(tc.second, ": ")...); g.from != tc.want {
					t.Errorf("got %d %v, want %v", g.status, g.from, tc.want)
				}
			})
		})
	}
	t.Run("variants live side by side", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(saying("hallo", "Vary", "Accept-Language"), saying("hello", "Vary", "Accept-Language"))
			c := through(t, up, onlyLastGood())
			get(t, c, "Accept-Language", "de")
			for range 16 {
				get(t, c, "Accept-Language", "en")
			}
			up.answers = []answer{status(503)}
			get(t, c, "Accept-Language", "de").is(t, 200, Cached, "hallo")
			get(t, c, "Accept-Language", "en").is(t, 200, Cached, "hello")
		})
	})
}

func TestOnlyA200IsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, code := range []int{203, 204, 206} {
			c := through(t, upstream(status(code), status(503)), onlyLastGood())
			get(t, c).is(t, code, Fresh, goodBody)
			get(t, c).is(t, 503, Fresh, `{"message":"Service Unavailable"}`)
		}
	})
}

func TestTheStoreIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := onlyLastGood()
		cfg.Fallback.StoreBytes = 100 << 10
		up := upstream(saying(strings.Repeat("x", 9<<10)))
		c := through(t, up, cfg)
		for i := range 50 {
			req := request(t, "GET", "")
			req.URL.Path = strings.Repeat("a", i+1)
			send(t, c, req)
		}
		stage, ok := c.stages.(*fallbackStage)
		if !ok {
			t.Fatalf("the outermost stage is %T", c.stages)
		}
		if held := stage.good.Bytes(); held > 100<<10 || held < 50<<10 {
			t.Errorf("%d bytes held, of %d", held, 100<<10)
		}
	})
}
