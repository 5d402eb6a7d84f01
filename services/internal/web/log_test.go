package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/services/internal/web"
)

// logLine serves r and returns the one line that it left.
func logLine(t *testing.T, root http.HandlerFunc, r *http.Request) map[string]any {
	t.Helper()
	var log bytes.Buffer
	web.Handler(zerolog.New(&log), root).ServeHTTP(httptest.NewRecorder(), r)
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Fatalf("%d lines in %q, want 1", n, &log)
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

func TestLogLine(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(250 * time.Millisecond)
		root(w, r)
	}
	silent := func(http.ResponseWriter, *http.Request) {}
	for _, tt := range []struct {
		name   string
		root   http.HandlerFunc
		method string
		target string
		want   map[string]any
	}{
		{"the status and duration of the reply", slow, "GET", "/?token=secret", map[string]any{
			"method": "GET", "path": "/", "status": 418.0, "duration": 250.0,
		}},
		{"a handler that sends nothing is a 200", silent, "GET", "/", map[string]any{
			"method": "GET", "path": "/", "status": 200.0, "duration": 0.0,
		}},
		{"no such path", root, "GET", "/no%0Asuch%C3%A9", map[string]any{
			"method": "GET", "path": "/no%0Asuch%C3%A9", "status": 404.0, "duration": 0.0,
		}},
		{"no such method", root, "PUT", "/health", map[string]any{
			"method": "PUT", "path": "/health", "status": 405.0, "duration": 0.0,
		}},
		{"what the client chooses is bounded", root, strings.Repeat("M", 99), "/" + strings.Repeat("p", 4999), map[string]any{
			"method": strings.Repeat("M", 32), "path": "/" + strings.Repeat("p", 1023), "status": 404.0, "duration": 0.0,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := logLine(t, tt.root, httptest.NewRequest(tt.method, tt.target, nil))
				tt.want["level"], tt.want["message"] = "info", "request"
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("log line (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestLogRequestID(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []string
		want   any // nil: not logged
	}{
		{"absent", nil, nil},
		{"empty", []string{""}, nil},
		{"plain", []string{"d6k2m1-0042"}, "d6k2m1-0042"},
		{"the first of two", []string{"one", "two"}, "one"},
		{"128 characters", []string{strings.Repeat("i", 128)}, strings.Repeat("i", 128)},
		{"129 characters", []string{strings.Repeat("i", 128) + "j"}, strings.Repeat("i", 128)},
		{"unprintable ones do not count", []string{"\x00\x1b[31m\r\n\x7f\xff" + strings.Repeat("i", 200)}, "[31m" + strings.Repeat("i", 124)},
		{"nothing printable", []string{"\t\x00é"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["X-Request-Id"] = tt.header
			if got := logLine(t, root, r)["request_id"]; got != tt.want {
				t.Errorf("request_id %q, want %q", got, tt.want)
			}
		})
	}
}
