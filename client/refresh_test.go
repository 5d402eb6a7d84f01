package client

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// caching answers from the store as far as the service allows it.
func caching() Config {
	return Config{BodyLimit: 1 << 20, Fallback: Fallback{Fresh: true, MaxStale: time.Minute, Degraded: DegradedMarker}}
}

func TestC1FreshHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(saying("old", "Cache-Control", "max-age=10", "Set-Cookie", "s=1"), saying("new"))
		c := through(t, up, caching())
		get(t, c).is(t, 200, Fresh, "old")
		pass(t, 4500*time.Millisecond)
		g := get(t, c)
		g.is(t, 200, Fresh, "old")
		up.attempts(t, 1)
		if g.header.Get("Age") != "4" || g.header.Get("Cache-Status") != "squall; hit; ttl=6" || g.header.Get("Set-Cookie") != "" {
			t.Errorf("header %v", g.header)
		}
		if made, err := http.ParseTime(g.header.Get("Date")); err != nil || time.Since(made).Truncate(time.Second) != 4*time.Second {
			t.Errorf("Date %q", g.header.Get("Date"))
		}
		pass(t, 5500*time.Millisecond)
		get(t, c).is(t, 200, Fresh, "new")
		up.attempts(t, 2)
	})
}

func TestC1WhatIsNotAnsweredFromTheStore(t *testing.T) {
	fresh := status(200, "Cache-Control", "max-age=60")
	for name, tc := range map[string]struct {
		answer answer
		header []string
		method string
		want   int // attempts of two calls
	}{
		"a fresh one is":         {fresh, nil, "GET", 1},
		"HEAD of its own":        {fresh, nil, "HEAD", 1},
		"POST":                   {fresh, nil, "POST", 2},
		"nothing was said":       {status(200), nil, "GET", 2},
		"only a Last-Modified":   {status(200, "Last-Modified", "Mon, 01 Jan 1990 00:00:00 GMT"), nil, "GET", 2},
		"must be asked for":      {status(200, "Cache-Control", "max-age=60, no-cache"), nil, "GET", 2},
		"not to be stored":       {status(200, "Cache-Control", "max-age=60, no-store"), nil, "GET", 2},
		"must-revalidate, fresh": {status(200, "Cache-Control", "max-age=60, must-revalidate"), nil, "GET", 1},
		"a degraded one":         {saying(degradedBody, "Cache-Control", "max-age=60"), nil, "GET", 2},
		"an error":               {status(404, "Cache-Control", "max-age=60"), nil, "GET", 2},
		"the caller's no-cache":  {fresh, []string{"Cache-Control", "no-cache"}, "GET", 2},
		"the caller's max-age":   {fresh, []string{"Cache-Control", "max-age=1"}, "GET", 2},
		"the caller's min-fresh": {fresh, []string{"Cache-Control", "min-fresh=59"}, "GET", 2},
		"a part":                 {fresh, []string{"Range", "bytes=0-1"}, "GET", 2},
		"a condition":            {fresh, []string{"If-None-Match", `"a"`}, "GET", 2},
		"an Age near the end":    {status(200, "Cache-Control", "max-age=60", "Age", "58"), nil, "GET", 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := upstream(tc.answer)
				c := through(t, up, caching())
				for range 2 {
					send(t, c, request(t, tc.method, "", tc.header...))
					pass(t, 2*time.Second)
				}
				up.attempts(t, tc.want)
			})
		})
	}
	t.Run("off by default", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := upstream(fresh)
			c := through(t, up, onlyLastGood())
			get(t, c)
			get(t, c).is(t, 200, Fresh, goodBody)
			up.attempts(t, 2)
		})
	})
}

func TestC1AWriteMakesItOutOfDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200, "Cache-Control", "max-age=60"))
		c := through(t, up, caching())
		get(t, c)
		get(t, c)
		send(t, c, request(t, "PUT", ""))
		get(t, c)
		up.attempts(t, 3)
	})
}

func TestC7StaleWhileRevalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const control = "max-age=10, stale-while-revalidate=20"
		fetched := saying("new", "Cache-Control", control)
		fetched.after = time.Second
		up := upstream(saying("old", "Cache-Control", control), fetched)
		c := through(t, up, caching())
		get(t, c)
		pass(t, 15*time.Second)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context()) // a caller that leaves does not end the refresh
				g := send(t, c, request(t, "GET", "").WithContext(ctx))
				cancel()
				if g.body != "old" || g.from != Cached || g.took != 0 ||
					g.header.Get("Cache-Status") != "squall; hit; ttl=-5; detail=stale-while-revalidate" {
					t.Errorf("got %q %v after %v, %v", g.body, g.from, g.took, g.header)
				}
			})
		}
		all.Wait()
		pass(t, 1500*time.Millisecond)
		up.attempts(t, 2)
		get(t, c).is(t, 200, Fresh, "new")
		up.attempts(t, 2)
	})
}

func TestC7ARefreshThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const control = "max-age=10, stale-while-revalidate=20"
		up := upstream(saying("old", "Cache-Control", control), status(503))
		c := through(t, up, caching())
		get(t, c)
		pass(t, 15*time.Second)
		for n := 2; n < 5; n++ { // the next caller tries again
			get(t, c).is(t, 200, Cached, "old")
			synctest.Wait()
			up.attempts(t, n)
		}
		pass(t, 16*time.Second) // beyond what may be used so
		g := get(t, c)
		g.is(t, 200, Cached, "old")
		if got := g.header.Get("Cache-Status"); got != "squall; hit; ttl=-21; detail=stale-if-error" {
			t.Errorf("Cache-Status %q", got)
		}
	})
}

func TestC7ClosingEndsARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(saying("old", "Cache-Control", "max-age=0, stale-while-revalidate=20"), silence)
		c := through(t, up, caching())
		get(t, c)
		get(t, c).is(t, 200, Cached, "old")
		synctest.Wait()
		start := time.Now()
		c.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
		get(t, c).is(t, 200, Cached, "old")
		synctest.Wait()
		up.attempts(t, 2)
	})
}

func TestC8FreshHitsVary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(saying("hallo", "Vary", "Accept-Language", "Cache-Control", "max-age=60"),
			saying("hello", "Vary", "Accept-Language", "Cache-Control", "max-age=60"))
		c := through(t, up, caching())
		for range 3 {
			get(t, c, "Accept-Language", "de").is(t, 200, Fresh, "hallo")
			get(t, c, "Accept-Language", "en").is(t, 200, Fresh, "hello")
		}
		up.attempts(t, 2)
	})
}

func TestC6AServiceWithoutNewsCostsNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(status(200, "Cache-Control", "max-age=10"))
		cfg := caching()
		cfg.Fallback.Fresh = false
		c := through(t, up, cfg)
		for range 4 {
			get(t, c)
			pass(t, 30*time.Second)
		}
		up.answers[0] = status(503)
		g := get(t, c) // 30 s old: each answer made it new
		g.is(t, 200, Cached, goodBody)
		if g.header.Get("Age") != "30" {
			t.Errorf("Age %q", g.header.Get("Age"))
		}
	})
}
