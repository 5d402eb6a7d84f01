package lastgood

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func get(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func answer(status int, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, ContentLength: 4}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Add(header[i], header[i+1])
	}
	return resp
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := New(Config{MaxStale: time.Minute, Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What an answer is good for changes at exact ages.
func TestUsesEndAtTheirMoment(t *testing.T) {
	for control, tc := range map[string]struct{ fresh, refresh, stands time.Duration }{
		"":                                     {0, 0, time.Minute},
		"max-age=10":                           {10 * time.Second, 10 * time.Second, 70 * time.Second},
		"max-age=10, stale-while-revalidate=5": {10 * time.Second, 15 * time.Second, 70 * time.Second},
		"max-age=10, stale-if-error=5":         {10 * time.Second, 10 * time.Second, 15 * time.Second},
		"max-age=10, stale-if-error=500":       {10 * time.Second, 10 * time.Second, 70 * time.Second},
		"max-age=10, must-revalidate":          {10 * time.Second, 10 * time.Second, 10*time.Second - 1},
		"max-age=10, must-revalidate, stale-while-revalidate=5": {10 * time.Second, 10 * time.Second, 10*time.Second - 1},
		"max-age=10, no-cache": {0, 0, -1},
	} {
		t.Run(control, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, req := newStore(t), get(t, "http://shop.test/orders")
				s.Keep(req, answer(200, "Cache-Control", control), []byte("good"), time.Now())
				a := s.Find(req)
				if a == nil {
					t.Fatal("it was not kept")
				}
				for age := time.Duration(0); age < 80*time.Second; age += time.Second {
					for _, at := range []time.Duration{age - 1, age, age + 1} {
						now := time.Now().Add(at)
						if at < 0 {
							continue
						}
						if got := a.Fresh(req, now); got != (at < tc.fresh) {
							t.Fatalf("at %v fresh is %v", at, got)
						}
						if got := a.FreshEnough(req, now); got != (at < tc.refresh) {
							t.Fatalf("at %v fresh enough is %v", at, got)
						}
						if got := a.StandsIn(req, now); got != (at <= tc.stands) {
							t.Fatalf("at %v it stands in: %v", at, got)
						}
					}
				}
			})
		})
	}
}

func TestWhatIsKept(t *testing.T) {
	for name, tc := range map[string]struct {
		resp *http.Response
		want bool
	}{
		"a 200":              {answer(200), true},
		"a 404":              {answer(404), false},
		"no-store":           {answer(200, "Cache-Control", "no-store"), false},
		"not understood":     {answer(200, "Cache-Control", "max-age=soon"), false},
		"in two lines":       {answer(200, "Cache-Control", "max-age=1", "Cache-Control", "no-store"), false},
		"Vary: *":            {answer(200, "Vary", "Accept, *"), false},
		"private":            {answer(200, "Cache-Control", "private"), true},
		"an Expires of zero": {answer(200, "Expires", "0"), true},
	} {
		s, req := newStore(t), get(t, "http://shop.test/orders")
		s.Keep(req, tc.resp, []byte("good"), time.Now())
		if got := s.Find(req) != nil; got != tc.want {
			t.Errorf("%s: kept is %v", name, got)
		}
	}
}

func TestTargetsAreApart(t *testing.T) {
	s := newStore(t)
	s.Keep(get(t, "http://shop.test/a?n=1"), answer(200), []byte("good"), time.Now())
	for url, want := range map[string]bool{
		"http://shop.test/a?n=1":      true,
		"http://shop.test/a?n=1#part": true,
		"http://shop.test/a?n=2":      false,
		"http://shop.test/a":          false,
		"http://shop.test/b?n=1":      false,
		"https://shop.test/a?n=1":     false,
		"http://other.test/a?n=1":     false,
		"http://shop.test/%61?n=1":    false, // another spelling is taken for another resource
	} {
		if got := s.Find(get(t, url)) != nil; got != want {
			t.Errorf("%s: found is %v", url, got)
		}
	}
	s.Forget(get(t, "http://shop.test/a?n=1"))
	if s.Find(get(t, "http://shop.test/a?n=1")) != nil {
		t.Error("found what was forgotten")
	}
}

// An answer that says again what is kept is only noted to be new; one that differs in anything replaces it, if it may be
// kept.
func TestSayingItAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		header []string
		body   string
		same   bool
		age    time.Duration
	}{
		"the same":         {[]string{"Etag", "1"}, "good", true, 0},
		"at another time":  {[]string{"Etag", "1", "Date", "Mon, 01 Jan 2024 00:00:00 GMT"}, "good", true, 0},
		"another body":     {[]string{"Etag", "1"}, "news", false, 0},
		"another field":    {[]string{"Etag", "2"}, "good", false, 0},
		"one more field":   {[]string{"Etag", "1", "X", "1"}, "good", false, 0},
		"one field less":   {nil, "good", false, 0},
		"a time to expire": {[]string{"Etag", "1", "Expires", "Mon, 01 Jan 2024 00:00:00 GMT"}, "good", false, 0},
		"not to be kept":   {[]string{"Etag", "1", "Cache-Control", "no-store"}, "good", true, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, req := newStore(t), get(t, "http://shop.test/orders")
				s.Keep(req, answer(200, "Etag", "1"), []byte("good"), time.Now())
				first := s.Find(req)
				time.Sleep(30 * time.Second)
				now := time.Now()
				s.Keep(req, answer(200, tc.header...), []byte(tc.body), now)
				second := s.Find(req)
				if (first == second) != tc.same || second.age(now) != tc.age {
					t.Errorf("the same one is kept: %v; it is %v old", first == second, second.age(now))
				}
			})
		})
	}
}
