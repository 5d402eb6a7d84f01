package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/services/internal/web"
)

func root(w http.ResponseWriter, _ *http.Request) {
	web.Reply(w, http.StatusTeapot, web.Text, "short and stout")
}

func TestHandlerRoutes(t *testing.T) {
	const (
		ok         = `{"status":"ok"}` + "\n"
		notFound   = `{"message":"Not Found"}` + "\n"
		notAllowed = `{"message":"Method Not Allowed"}` + "\n"
	)
	handler := web.Handler(zerolog.Nop(), root)
	for _, tt := range []struct {
		method, target string
		status         int
		contentType    string
		body           string
		allow          string
	}{
		{"GET", "/", 418, web.Text, "short and stout", ""},
		{"GET", "/?q=1", 418, web.Text, "short and stout", ""},
		{"HEAD", "/", 418, web.Text, "short and stout", ""}, // the recorder keeps what a server would drop
		{"GET", "/health", 200, web.JSON, ok, ""},
		{"HEAD", "/health", 200, web.JSON, ok, ""},
		{"GET", "/health/", 404, web.JSON, notFound, ""},
		{"GET", "/nope", 404, web.JSON, notFound, ""},
		{"POST", "/nope", 404, web.JSON, notFound, ""},
		{"GET", "//", 404, web.JSON, notFound, ""},
		{"GET", "/x/../health", 404, web.JSON, notFound, ""},
		{"POST", "/", 405, web.JSON, notAllowed, "GET, HEAD"},
		{"OPTIONS", "/", 405, web.JSON, notAllowed, "GET, HEAD"},
		{"DELETE", "/health", 405, web.JSON, notAllowed, "GET, HEAD"},
	} {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, httptest.NewRequest(tt.method, "http://service"+tt.target, nil))
			resp := rec.Result()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || string(body) != tt.body {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, tt.status, tt.body)
			}
			if got := resp.Header.Get("Content-Type"); got != tt.contentType {
				t.Errorf("Content-Type %q, want %q", got, tt.contentType)
			}
			if got := resp.Header.Get("Allow"); got != tt.allow {
				t.Errorf("Allow %q, want %q", got, tt.allow)
			}
		})
	}
}
