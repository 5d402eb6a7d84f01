package hello_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/services/hello"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fetch asks a service over a real connection.
func fetch(t *testing.T, cfg hello.Config, method, path string) (*http.Response, string) {
	t.Helper()
	handler, err := hello.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", "lab-7")
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

func TestGreeting(t *testing.T) {
	const one, two = "Hello from Service 1", "Hello from Service 2"
	longest := strings.Repeat("n", 253)
	for _, tt := range []struct {
		name, server, host string
		text, servedBy     string
	}{
		{"the first", "service1", "h", one, "service1"},
		{"the second", "service2", "h", two, "service2"},
		{"contains is enough", "eu-service1.lab", "h", one, "eu-service1.lab"},
		{"spaces are printable", "my service1 here", "", one, "my service1 here"},
		{"case counts", "Service1", "h", two, "Service1"},
		{"the host name stands in", "", "box", two, "box"},
		{"but it never chooses the text", "", "service1", two, "service1"},
		{"the longest name", longest, "", two, longest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := fetch(t, hello.Config{ServerName: tt.server, Hostname: tt.host}, "GET", "/")
			if resp.StatusCode != 200 || body != tt.text || resp.ContentLength != int64(len(tt.text)) {
				t.Errorf("got %d %q of length %d, want 200 %q", resp.StatusCode, body, resp.ContentLength, tt.text)
			}
			if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
			if got := resp.Header.Get("X-Served-By"); got != tt.servedBy {
				t.Errorf("X-Served-By %q, want %q", got, tt.servedBy)
			}
		})
	}
}

func TestOtherRequests(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		status       int
		contentType  string
		body         string
		length       int64
	}{
		{"HEAD", "/", 200, "text/plain; charset=utf-8", "", 20},
		{"GET", "/health", 200, "application/json", `{"status":"ok"}` + "\n", 16},
		{"GET", "/other", 404, "application/json", `{"message":"Not Found"}` + "\n", 24},
		{"POST", "/", 405, "application/json", `{"message":"Method Not Allowed"}` + "\n", 33},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			resp, body := fetch(t, hello.Config{ServerName: "service1"}, tt.method, tt.path)
			if resp.StatusCode != tt.status || body != tt.body || resp.ContentLength != tt.length {
				t.Errorf("got %d %q of length %d, want %d %q of %d",
					resp.StatusCode, body, resp.ContentLength, tt.status, tt.body, tt.length)
			}
			if got := resp.Header.Get("Content-Type"); got != tt.contentType {
				t.Errorf("Content-Type %q, want %q", got, tt.contentType)
			}
			if served, greets := resp.Header.Get("X-Served-By") != "", tt.path == "/" && tt.status == 200; served != greets {
				t.Errorf("has X-Served-By: %v, want %v", served, greets)
			}
		})
	}
}

func TestRequestIDIsLogged(t *testing.T) {
	var log bytes.Buffer // read only after the server has been closed
	fetch(t, hello.Config{ServerName: "service2", Logger: zerolog.New(&log)}, "GET", "/")
	var line struct {
		Method, Path string
		Status       int
		RequestID    string `json:"request_id"`
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, &log)
	}
	if line.Method != "GET" || line.Path != "/" || line.Status != 200 || line.RequestID != "lab-7" {
		t.Errorf("got %+v", line)
	}
}

func TestNewRefusesNamesThatNoHeaderCarries(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  hello.Config
		want []string
	}{
		{"no name", hello.Config{}, []string{"SERVER_NAME", "Config.Hostname"}},
		{"line break", hello.Config{ServerName: "a\r\nX-Evil: 1", Hostname: "h"}, []string{"SERVER_NAME", `"a\r\nX-Evil: 1"`}},
		{"not ASCII", hello.Config{ServerName: "sérvice1"}, []string{"SERVER_NAME"}},
		{"too long", hello.Config{ServerName: strings.Repeat("n", 254)}, []string{"SERVER_NAME"}},
		{"bad host", hello.Config{Hostname: "h\x00"}, []string{"Config.Hostname", `"h\x00"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			handler, err := hello.New(tt.cfg)
			if err == nil || handler != nil {
				t.Fatalf("got %v, %v; want an error alone", handler, err)
			}
			for _, word := range append(tt.want, "1 to 253 printable ASCII characters") {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %s", err, word)
				}
			}
		})
	}
}

func TestFromEnv(t *testing.T) {
	for _, tt := range []struct {
		name   string
		env    map[string]string
		server string
		port   int
		bad    string // what the error names; empty: none
	}{
		{"nothing set", nil, "", 5055, ""},
		{"all set", map[string]string{"SERVER_NAME": "service1", "PORT": "5056"}, "service1", 5056, ""},
		{"bad name", map[string]string{"SERVER_NAME": "a\nb"}, "", 0, "SERVER_NAME"},
		{"bad port", map[string]string{"SERVER_NAME": "a", "PORT": "none"}, "", 0, "PORT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, port, err := hello.FromEnv(func(name string) string { return tt.env[name] })
			if cfg.ServerName != tt.server || cfg.Hostname != "" || port != tt.port {
				t.Errorf("got %q, %q, %d; want %q, %d", cfg.ServerName, cfg.Hostname, port, tt.server, tt.port)
			}
			if tt.bad == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), tt.bad) {
				t.Errorf("got error %v, want one about %s", err, tt.bad)
			}
		})
	}
}
