package squalltest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/squalltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stock is an upstream that counts its calls.
func stock(t testing.TB) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"left":3,"name":"tea"}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

// get asks on a connection of its own.
func get(t testing.TB, url string) (*http.Response, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestFaultsHitAsAsked(t *testing.T) {
	url, calls := stock(t)
	for _, test := range []struct {
		name   string
		arm    func(*squalltest.Proxy) *squalltest.Fault
		status int
		body   string
		calls  int64 // that the upstream sees
	}{
		{"none", nil, 200, `{"left":3,"name":"tea"}`, 1},
		{"abort", func(p *squalltest.Proxy) *squalltest.Fault { return p.Abort(503) }, 503, "{\"message\":\"Service Unavailable\"}\n", 0},
		{"lost reply", func(p *squalltest.Proxy) *squalltest.Fault { return p.LoseReply(500) }, 500, "{\"message\":\"Internal Server Error\"}\n", 1},
		{"degrade", func(p *squalltest.Proxy) *squalltest.Fault { return p.Degrade([]int{1}) }, 200, "[1]\n", 1},
		{"merge", func(p *squalltest.Proxy) *squalltest.Fault { return p.Merge(map[string]any{"left": 0}) }, 200, `{"left":0,"name":"tea"}`, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := squalltest.New(t, url)
			before := calls.Load()
			var fault *squalltest.Fault
			if test.arm != nil {
				fault = test.arm(p)
			}
			response, body := get(t, p.URL)
			if response.StatusCode != test.status || body != test.body {
				t.Errorf("%d %q, want %d %q", response.StatusCode, body, test.status, test.body)
			}
			if got := calls.Load() - before; got != test.calls {
				t.Errorf("the upstream was called %d times, want %d", got, test.calls)
			}
			if fault != nil && fault.Hits() != 1 {
				t.Errorf("%d hits, want 1", fault.Hits())
			}
		})
	}
}

// TestStaleGivesTheLastReplyAgain, and forgets it with its fault.
func TestStaleGivesTheLastReplyAgain(t *testing.T) {
	calls := 0
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = fmt.Fprint(w, calls)
	}))
	t.Cleanup(upstream.Close)
	p := squalltest.New(t, upstream.URL)
	fault := p.Stale(time.Minute, squalltest.Named("old"))
	for i, want := range []string{"1", "1", "2", "3"} {
		if _, body := get(t, p.URL); body != want {
			t.Errorf("call %d: %s, want %s", i+1, body, want)
		}
	}
	if fault.Hits() != 3 {
		t.Errorf("%d hits, want 3", fault.Hits())
	}
	p.Reset()
	p.Stale(time.Minute, squalltest.Named("old"), squalltest.MayMiss())
	if _, body := get(t, p.URL); body != "5" {
		t.Errorf("a new fault gives %s", body)
	}
}

func TestEndingsHitAsAsked(t *testing.T) {
	url, calls := stock(t)
	for _, test := range []struct {
		name  string
		arm   func(*squalltest.Proxy) *squalltest.Fault
		want  error  // nil = any
		body  string // that arrives before the end
		calls int64  // that the upstream sees
	}{
		{"truncate", func(p *squalltest.Proxy) *squalltest.Fault { return p.Truncate(5, squalltest.First(1)) }, io.ErrUnexpectedEOF, `{"lef`, 1},
		{"reset", func(p *squalltest.Proxy) *squalltest.Fault { return p.ResetConnection(squalltest.First(1)) }, syscall.ECONNRESET, "", 0},
		{"empty", func(p *squalltest.Proxy) *squalltest.Fault { return p.Empty(squalltest.First(1)) }, io.EOF, "", 0},
		{"malformed", func(p *squalltest.Proxy) *squalltest.Fault { return p.Malformed("header", squalltest.First(1)) }, nil, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := squalltest.New(t, url)
			before := calls.Load()
			fault := test.arm(p)
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			var body []byte
			response, err := client.Get(p.URL)
			if err == nil {
				body, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
			}
			if err == nil || test.want != nil && !errors.Is(err, test.want) || string(body) != test.body {
				t.Errorf("got %q, then %v, want %q, then %v", body, err, test.body, test.want)
			}
			if got := calls.Load() - before; got != test.calls || fault.Hits() != 1 {
				t.Errorf("%d calls, %d hits, want %d, 1", got, fault.Hits(), test.calls)
			}
			if response, _ := get(t, p.URL); response.StatusCode != 200 {
				t.Errorf("the next is answered with %d", response.StatusCode)
			}
		})
	}
}

func TestBodiesAreSlowAsAsked(t *testing.T) {
	url, _ := stock(t)
	for name, arm := range map[string]func(*squalltest.Proxy) *squalltest.Fault{
		"throttle": func(p *squalltest.Proxy) *squalltest.Fault { return p.Throttle(100, squalltest.First(1)) },
		"drip": func(p *squalltest.Proxy) *squalltest.Fault {
			return p.Drip(2, 20*time.Millisecond, squalltest.First(1))
		},
	} {
		p := squalltest.New(t, url)
		fault := arm(p)
		start := time.Now()
		for range 2 {
			if _, body := get(t, p.URL); body != `{"left":3,"name":"tea"}` {
				t.Errorf("%s: got %q", name, body)
			}
		}
		if took := time.Since(start); took < 180*time.Millisecond || fault.Hits() != 1 {
			t.Errorf("%s: took %v with %d hits", name, took, fault.Hits())
		}
	}
}

func TestBodiesAreCorruptAsAsked(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	fault := p.Corrupt(1, squalltest.First(1))
	const want = `{"left":3,"name":"tea"}`
	if _, body := get(t, p.URL); body[0] == want[0] || body[1:] != want[1:] || fault.Hits() != 1 {
		t.Errorf("got %q with %d hits", body, fault.Hits())
	}
	if _, body := get(t, p.URL); body != want {
		t.Errorf("the next: got %q", body)
	}
}

func TestOptionsNarrowDown(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	p.Abort(500, squalltest.First(1), squalltest.Skip(1), squalltest.Path("/a/*"), squalltest.Methods("GET"))
	p.Abort(501, squalltest.Header("X-Tenant", "beta"), squalltest.Named("beta"))
	var got []int
	for _, path := range []string{"/a/1", "/b", "/a/2", "/a/3"} {
		response, _ := get(t, p.URL+path)
		got = append(got, response.StatusCode)
	}
	if fmt.Sprint(got) != "[200 200 500 200]" {
		t.Errorf("statuses %v", got)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Tenant", "beta")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != 501 || !strings.Contains(response.Header.Get("X-Squall-Fault"), "rule=beta;") {
		t.Errorf("%d, marked %q", response.StatusCode, response.Header.Get("X-Squall-Fault"))
	}
}

func TestBlackholeHoldsUntilTheClientLeaves(t *testing.T) {
	url, calls := stock(t)
	p := squalltest.New(t, url)
	hole := p.Blackhole()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(request); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("answered %v, %v", response, err)
	}
	hole.WaitHits(1, time.Second)
	hole.Disarm()
	if response, _ := get(t, p.URL); response.StatusCode != 200 || calls.Load() != 1 {
		t.Errorf("after Disarm: %d, %d calls", response.StatusCode, calls.Load())
	}
}

func TestModeAndReset(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	p.Mode("failure")
	if response, _ := get(t, p.URL); response.StatusCode != 503 {
		t.Errorf("failure: %d", response.StatusCode)
	}
	p.Mode("normal")
	p.SetHeader("X-A", "b")
	if response, _ := get(t, p.URL); response.Header.Get("X-A") != "b" {
		t.Errorf("the header is missing: %v", response.Header)
	}
	p.Reset()
	if response, _ := get(t, p.URL); response.Header.Get("X-A") != "" {
		t.Errorf("still there after Reset: %v", response.Header)
	}
}

func TestSameSeedSameHits(t *testing.T) {
	url, _ := stock(t)
	statuses := func(seed uint64) string {
		p := squalltest.New(t, url)
		p.Seed(seed)
		p.Abort(503, squalltest.Percent(50))
		var got []int
		for range 32 {
			response, _ := get(t, p.URL)
			got = append(got, response.StatusCode)
		}
		return fmt.Sprint(got)
	}
	if a, b := statuses(7), statuses(7); a != b {
		t.Errorf("the same seed gave\n%s\n%s", a, b)
	}
	if a, b := statuses(7), statuses(8); a == b {
		t.Errorf("another seed gave the same: %s", a)
	}
}

// recorder is a testing.TB that remembers failures instead of failing.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) end() {
	for _, cleanup := range r.cleanups {
		cleanup()
	}
}

func TestAFaultThatNeverHitFailsTheTest(t *testing.T) {
	url, _ := stock(t)
	for _, test := range []struct {
		name    string
		use     func(*squalltest.Proxy)
		failure string
	}{
		{"unhit", func(p *squalltest.Proxy) { p.Abort(503, squalltest.Named("idle")) }, `fault "idle" was armed and never hit`},
		{"unhit at Reset", func(p *squalltest.Proxy) { p.Delay(time.Second); p.Reset() }, `fault "delay-1" was armed and never hit`},
		{"may miss", func(p *squalltest.Proxy) { p.Abort(503, squalltest.MayMiss()) }, ""},
		{"hit", func(p *squalltest.Proxy) { p.Abort(503); get(t, p.URL) }, ""},
		{"own rule", func(p *squalltest.Proxy) {
			p.Arm(faults.Rule{Kind: "abort", Phase: faults.Before, Attributes: &faults.Abort{Status: 502}, Percent: 100, Enabled: true})
		}, `fault "abort-1" was armed and never hit`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{TB: t}
			test.use(squalltest.New(r, url))
			r.end()
			got := strings.Join(r.failures, "\n")
			if test.failure == "" && got != "" || !strings.Contains(got, test.failure) {
				t.Errorf("failures %q, want %q", got, test.failure)
			}
		})
	}
}

// A rule with a time to live that stands behind a delay has ended when the delay is over.
func TestARuleBehindADelayEndsOnTime(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	p.Delay(200 * time.Millisecond)
	p.Arm(faults.Rule{
		Kind: "abort", Phase: faults.Before, Attributes: &faults.Abort{Status: 503}, Percent: 100, Enabled: true,
		TTL: faults.Duration(100 * time.Millisecond),
	}, squalltest.MayMiss())
	if response, _ := get(t, p.URL); response.StatusCode != 200 {
		t.Errorf("%d: it outlived its time", response.StatusCode)
	}
}
