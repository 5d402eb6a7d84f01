package flaky_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/services/flaky"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bodyOK          = `{"message":"Hello from the service!","data":[1,2,3,4,5]}` + "\n"
	bodyDegraded    = `{"message":"Service in degraded mode (fallback)","data":[1,2,3]}` + "\n"
	bodyUnavailable = `{"message":"Service Unavailable"}` + "\n"
)

func newService(t *testing.T, cfg flaky.Config) http.Handler {
	t.Helper()
	service, err := flaky.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func serve(t *testing.T, cfg flaky.Config) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(newService(t, cfg))
	t.Cleanup(server.Close)
	return server
}

func fetch(t *testing.T, server *httptest.Server, method, path string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// failures asks n times for "/" and returns which arrivals, from 1, got a 503.
func failures(service http.Handler, n int) []int {
	var failed []int
	for i := range n {
		rec := httptest.NewRecorder()
		service.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		if rec.Code == http.StatusServiceUnavailable {
			failed = append(failed, i+1)
		}
	}
	return failed
}

func TestReplies(t *testing.T) {
	never := flaky.Config{Mode: flaky.Normal}
	always := flaky.Config{Mode: flaky.Normal, FailureRate: 1}
	for _, tt := range []struct {
		name   string
		cfg    flaky.Config
		path   string
		method string
		status int
		body   string
	}{
		{"normal, lucky", never, "/", "GET", 200, bodyOK},
		{"normal, unlucky", always, "/", "GET", 503, bodyUnavailable},
		{"no mode is normal", flaky.Config{}, "/", "GET", 200, bodyOK},
		{"fallback whatever the rate", flaky.Config{Mode: flaky.Fallback, FailureRate: 1}, "/", "GET", 200, bodyDegraded},
		{"failure whatever the rate", flaky.Config{Mode: flaky.Failure}, "/", "GET", 503, bodyUnavailable},
		{"query does not matter", flaky.Config{Mode: flaky.Failure}, "/?mode=normal", "GET", 503, bodyUnavailable},
		{"health in normal", always, "/health", "GET", 200, `{"status":"ok"}` + "\n"},
		{"health in fallback", flaky.Config{Mode: flaky.Fallback}, "/health", "GET", 200, `{"status":"ok"}` + "\n"},
		{"health in failure", flaky.Config{Mode: flaky.Failure}, "/health", "GET", 200, `{"status":"ok"}` + "\n"},
		{"other path", flaky.Config{Mode: flaky.Failure}, "/other", "GET", 404, `{"message":"Not Found"}` + "\n"},
		{"other method", flaky.Config{Mode: flaky.Failure}, "/", "POST", 405, `{"message":"Method Not Allowed"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := serve(t, tt.cfg)
			resp, body := fetch(t, server, tt.method, tt.path)
			if resp.StatusCode != tt.status || body != tt.body || resp.ContentLength != int64(len(tt.body)) {
				t.Errorf("got %d %q of length %d, want %d %q", resp.StatusCode, body, resp.ContentLength, tt.status, tt.body)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
			if tt.method != "GET" {
				return
			}
			head, nothing := fetch(t, server, "HEAD", tt.path)
			if head.StatusCode != tt.status || nothing != "" || head.ContentLength != int64(len(tt.body)) {
				t.Errorf("HEAD got %d %q of length %d, want %d, no body, length %d",
					head.StatusCode, nothing, head.ContentLength, tt.status, len(tt.body))
			}
		})
	}
}

func TestSequence(t *testing.T) {
	golden := map[uint64][]int{ // at rate 0.3, among the first 100
		42: {
			2, 3, 5, 7, 11, 16, 17, 19, 22, 25, 26, 37, 38, 40, 42, 43, 47, 48, 52, 53, 55, 60, 61, 64, 73, 77, 81, 83, 86,
			93, 96, 98, 100,
		},
		43: {
			5, 6, 10, 12, 17, 18, 19, 21, 24, 27, 31, 36, 39, 40, 43, 53, 54, 58, 59, 60, 64, 66, 73, 78, 82, 83, 84, 92, 93,
			94, 95, 96, 99, 100,
		},
	}
	for seed, want := range golden {
		cfg := flaky.Config{FailureRate: flaky.DefaultFailureRate, Seed: seed}
		for range 2 { // the second service has a count of its own
			if diff := cmp.Diff(want, failures(newService(t, cfg), 100)); diff != "" {
				t.Errorf("seed %d (-want +got):\n%s", seed, diff)
			}
		}
	}
}

// A higher rate adds failures to those of a lower one, and moves none.
func TestRatesNest(t *testing.T) {
	failed := map[int]bool{}
	for _, rate := range []float64{0, 0.1, 0.3, 0.9, 1} {
		now := failures(newService(t, flaky.Config{FailureRate: rate, Seed: 42}), 200)
		for _, n := range now {
			failed[n] = true
		}
		if len(failed) != len(now) {
			t.Errorf("rate %v: %d failures of lower rates are gone", rate, len(failed)-len(now))
		}
		if rate == 0 && len(now) != 0 || rate == 1 && len(now) != 200 {
			t.Errorf("rate %v: %d of 200 fail", rate, len(now))
		}
	}
}

func TestOnlyAnswersOfTheRootCount(t *testing.T) {
	service := newService(t, flaky.Config{FailureRate: flaky.DefaultFailureRate, Seed: 42})
	for _, step := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, // arrival 1
		{"GET", "/health", 200},
		{"HEAD", "/health", 200},
		{"GET", "/other", 404},
		{"POST", "/", 405},
		{"HEAD", "/", 503}, // arrival 2
		{"GET", "/", 503},  // arrival 3
		{"GET", "/", 200},  // arrival 4
		{"HEAD", "/", 503}, // arrival 5
	} {
		rec := httptest.NewRecorder()
		service.ServeHTTP(rec, httptest.NewRequest(step.method, step.path, nil))
		if rec.Code != step.status {
			t.Fatalf("%s %s: got %d, want %d", step.method, step.path, rec.Code, step.status)
		}
	}
}

func TestConcurrentRequestsShareOneSequence(t *testing.T) {
	const clients, each, want = 64, 20, 386 // seed 42 fails 386 of its first 1280 arrivals
	server := serve(t, flaky.Config{FailureRate: flaky.DefaultFailureRate, Seed: 42})
	var failed atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				resp, err := server.Client().Get(server.URL)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				switch {
				case err == nil && resp.StatusCode == 503 && string(body) == bodyUnavailable:
					failed.Add(1)
				case err == nil && resp.StatusCode == 200 && string(body) == bodyOK:
				default:
					t.Errorf("got %d %q, %v", resp.StatusCode, body, err)
				}
			}
		})
	}
	wg.Wait()
	if failed.Load() != want {
		t.Errorf("%d of %d failed, want %d", failed.Load(), clients*each, want)
	}
}

func TestLog(t *testing.T) {
	var log bytes.Buffer
	service := newService(t, flaky.Config{Mode: flaky.Failure, FailureRate: 0.25, Seed: math.MaxUint64, Logger: zerolog.New(&log)})
	start := `{"level":"info","mode":"failure","failure_rate":0.25,"seed":18446744073709551615,"message":"flaky service"}` + "\n"
	if log.String() != start {
		t.Errorf("at the start: %q, want %q", &log, start)
	}
	log.Reset()
	req := httptest.NewRequest("GET", "/", nil)
	req.Header.Set("X-Request-Id", "lab-6")
	service.ServeHTTP(httptest.NewRecorder(), req)
	var line struct {
		Status    int
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, &log)
	}
	if line.Status != 503 || line.RequestID != "lab-6" {
		t.Errorf("got %+v", line)
	}
}

func TestNewRefuses(t *testing.T) {
	const rates, modes = "a number from 0 to 1", "normal, fallback, failure"
	for _, tt := range []struct {
		name string
		cfg  flaky.Config
		want []string
	}{
		{"unknown mode", flaky.Config{Mode: "Normal"}, []string{"SERVICE_MODE", "Config.Mode", `"Normal"`, modes}},
		{"below 0", flaky.Config{FailureRate: -0.01}, []string{"FAILURE_RATE", "Config.FailureRate", "-0.01", rates}},
		{"above 1", flaky.Config{FailureRate: 30}, []string{"FAILURE_RATE", "Config.FailureRate", "30", rates}},
		{"not a number", flaky.Config{FailureRate: math.NaN()}, []string{"FAILURE_RATE", "Config.FailureRate", "NaN", rates}},
		{"in a mode without chance too", flaky.Config{Mode: flaky.Failure, FailureRate: 2}, []string{"FAILURE_RATE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service, err := flaky.New(tt.cfg)
			if err == nil || service != nil {
				t.Fatalf("got %v, %v; want an error alone", service, err)
			}
			for _, word := range tt.want {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %s", err, word)
				}
			}
		})
	}
}
