package balance

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestL1EqualBackendsAlternate(t *testing.T) {
	p := newPool(t, Config{}, 1, 1)
	p.want(p.calls(10), "ababababab")
}

func TestL2Weights(t *testing.T) {
	p := newPool(t, Config{}, 3, 1)
	if got := p.calls(8); strings.Count(got, "a") != 6 || strings.Count(got, "b") != 2 {
		t.Errorf("called %s, want 6 and 2", got)
	}
	p = newPool(t, Config{}, 5, 1, 1)
	p.want(p.calls(14), "aabacaa"+"aabacaa")
	p = newPool(t, Config{}, 0, 2)
	p.want(p.calls(6), "babbab")
}

func TestLeastInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Config{LeastInFlight: true}, 1, 1, 2)
		var held []*http.Response
		hold := func(n int) {
			for range n {
				req, err := http.NewRequestWithContext(t.Context(), "GET", "http://shop.test/", nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := p.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				held = append(held, resp)
			}
		}
		hold(4)
		if got := p.took(); strings.Count(got, "c") != 2 || strings.Count(got, "a") != 1 || strings.Count(got, "b") != 1 {
			t.Errorf("4 at once went to %s, want c twice", got)
		}
		for _, s := range p.Status() {
			if want := map[string]int{"http://a": 1, "http://b": 1, "http://c": 2}[s.URL]; s.InFlight != want {
				t.Errorf("%s has %d under way, want %d", s.URL, s.InFlight, want)
			}
		}
		underWay := func() (n int) {
			for _, s := range p.Status() {
				n += s.InFlight
			}
			return n
		}
		for i, resp := range held { // a body ends by being read or by being closed, once
			if _, err := io.ReadAll(resp.Body); err != nil {
				t.Error(err)
			}
			if n := underWay(); n != 3-i {
				t.Errorf("%d are under way, want %d", n, 3-i)
			}
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
		}
		if n := underWay(); n != 0 {
			t.Errorf("%d are under way at the end", n)
		}
	})
}

func TestRetriesGoElsewhere(t *testing.T) {
	p := newPool(t, Config{}, 5, 1, 1)
	ctx := Avoiding(t.Context())
	for range 4 {
		p.call(ctx)
	}
	got := p.took()
	if strings.Count(got[:3], "a") != 1 || strings.Count(got[:3], "b") != 1 || strings.Count(got[:3], "c") != 1 {
		t.Errorf("one call's attempts went to %s, want three others first", got)
	}
}

func TestTheServiceSeesItsOwnName(t *testing.T) {
	servers := newServers()
	p, err := New(Config{Backends: []Backend{{URL: "https://a:8443/shop/"}}}, servers, nil)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://shop.test/or%2Fders/?n=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	before := *req.URL
	resp, err := p.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if got := servers.last.URL.String(); got != "https://a:8443/shop/or%2Fders/?n=1" || servers.last.Host != "shop.test" {
		t.Errorf("%s was asked for as %s", got, servers.last.Host)
	}
	if *req.URL != before {
		t.Errorf("the caller's URL became %v", req.URL)
	}
}

func TestConfigBounds(t *testing.T) {
	one := []Backend{{URL: "http://a"}}
	for field, c := range map[string]Config{
		"Backends 0":               {},
		"Backends[0]: \"a\"":       {Backends: []Backend{{URL: "a"}}},
		"Backends[0]: \"http://":   {Backends: []Backend{{URL: "http://a?x=1"}}},
		"in Backends[0]: a Weight": {Backends: []Backend{{URL: "http://a", Weight: -1}}},
		"Outlier.Failures":         {Backends: one, Outlier: Outlier{Failures: -1}},
		"Outlier.SlowFactor":       {Backends: one, Outlier: Outlier{SlowFactor: 1}},
		"Outlier.MaxShare":         {Backends: one, Outlier: Outlier{MaxShare: 1.1}},
		"Outlier.Max":              {Backends: one, Outlier: Outlier{Base: time.Minute, Max: time.Second}},
		"Health.Every":             {Backends: one, Health: Health{Every: time.Millisecond}},
		"Health.Path":              {Backends: one, Health: Health{Path: "health"}},
	} {
		if _, err := New(c, nil, nil); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want an error about %s", err, field)
		}
	}
}

func TestCancelledCallsSayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Config{Outlier: Outlier{Failures: 1}}, 1, 1)
		p.takes["a"] = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if p.call(ctx) {
			t.Error("it succeeded")
		}
		if len(p.told) != 0 {
			t.Errorf("told %q", p.told)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second) // a timeout does say something
		defer cancel()
		if !p.call(ctx) || p.call(ctx) || len(p.told) != 1 {
			t.Errorf("told %q", p.told)
		}
	})
}
