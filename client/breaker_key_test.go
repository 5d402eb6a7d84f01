package client

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

func TestB14RoutesAndMethodsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := roundTrip(func(req *http.Request) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, "/bad") && req.Method == "GET" && req.URL.Host == "upstream" {
				return upstream(status(503)).RoundTrip(req)
			}
			return upstream(status(200)).RoundTrip(req)
		})
		c := through(t, up, tripping())
		ask := func(method, url string) error {
			req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			return send(t, c, req).err
		}
		for i := range 100 {
			err := ask("GET", "http://upstream/bad/17")
			if (err != nil) != (i >= 3) {
				t.Fatalf("call %d: %v", i+1, err)
			}
			for _, other := range []string{"http://upstream/good", "http://other/bad/17"} {
				if err := ask("GET", other); err != nil {
					t.Fatalf("%s: %v", other, err)
				}
			}
			if err := ask("PUT", "http://upstream/bad/17"); err != nil {
				t.Fatal(err)
			}
		}
		if err := ask("GET", "http://upstream/bad/18"); err == nil {
			t.Error("another id is another route")
		}
	})
}

func TestRoute(t *testing.T) {
	for path, want := range map[string]string{
		"/":                 "/",
		"":                  "",
		"/orders":           "/orders",
		"/orders/17":        "/orders/*",
		"/v1/orders/17/row": "/v1/orders/*/row",
		"/users/6f1c8a52-7d1c-4a55-9c53-0b9a3f0e2d11/": "/users/*/",
		"/blobs/deadbeefdeadbeef":                      "/blobs/deadbeefdeadbeef",
		"/blobs/deadbeefdeadbee5":                      "/blobs/*",
	} {
		req := request(t, "GET", "")
		req.URL.Path = path
		if got := Route(req); got != want {
			t.Errorf("%q is route %q, want %q", path, got, want)
		}
	}
}

func TestWhatTheBreakerCounts(t *testing.T) {
	for name, tc := range map[string]struct {
		answer answer
		opens  bool
	}{
		"503":         {status(503), true},
		"500":         {status(500), true},
		"501":         {status(501), false},
		"429":         {status(429), false},
		"404":         {status(404), false},
		"refused":     {refused, true},
		"certificate": {answer{err: errCert}, false},
		"degraded":    {saying(degradedBody), false},
		"cut short":   {answer{status: 200, body: "{", cut: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := tripping()
				cfg.BodyLimit = 1 << 20
				cfg.Fallback.Degraded = DegradedMarker
				told := changes(&cfg)
				c := through(t, upstream(tc.answer), cfg)
				for range 10 {
					get(t, c)
				}
				if (len(*told) == 1) != tc.opens {
					t.Errorf("told %q", *told)
				}
			})
		})
	}
	t.Run("a certificate's error is no success either", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := tripping()
			told := changes(&cfg)
			c := through(t, upstream(status(503), status(503), answer{err: errCert}, status(503)), cfg)
			for range 4 {
				get(t, c)
			}
			if len(*told) != 1 {
				t.Errorf("told %q", *told)
			}
		})
	})
	t.Run("as configured", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := tripping()
			cfg.BreakerFailure = func(resp *http.Response, err error) bool { return err == nil && resp.StatusCode == 429 }
			told := changes(&cfg)
			c := through(t, upstream(status(429)), cfg)
			for range 3 {
				get(t, c)
			}
			if len(*told) != 1 {
				t.Errorf("told %q", *told)
			}
		})
	})
}
