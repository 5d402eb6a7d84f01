// Package web is what the demo services have in common: their routes, their replies, their log line and PORT.
package web

import (
	"io"
	"net/http"

	"github.com/gorilla/mux"
	"github.com/rs/zerolog"
)

// The content types that the services send.
const (
	JSON = "application/json"
	Text = "text/plain; charset=utf-8"
)

// Handler answers GET and HEAD of "/" with root and of "/health" with 200 {"status":"ok"}. Everything else is a JSON
// 404 or 405. Paths are matched as they come: "//" is not redirected to "/". Each request leaves one line in logger.
func Handler(logger zerolog.Logger, root http.HandlerFunc) http.Handler {
	router := mux.NewRouter().SkipClean(true)
	router.Handle("/", root).Methods(http.MethodGet, http.MethodHead)
	router.HandleFunc("/health", health).Methods(http.MethodGet, http.MethodHead)
	router.NotFoundHandler = http.HandlerFunc(notFound)
	router.MethodNotAllowedHandler = http.HandlerFunc(methodNotAllowed)
	// Around the router and not in router.Use, which leaves out requests that match no route.
	return logged(logger, router)
}

// Reply sends the whole of body. A write that fails is not reported: the client has left, and nobody else is waiting.
func Reply(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func health(w http.ResponseWriter, _ *http.Request) {
	Reply(w, http.StatusOK, JSON, `{"status":"ok"}`+"\n")
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	Reply(w, http.StatusNotFound, JSON, `{"message":"Not Found"}`+"\n")
}

func methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "GET, HEAD") // a 405 must name them, RFC 9110 section 15.5.6
	Reply(w, http.StatusMethodNotAllowed, JSON, `{"message":"Method Not Allowed"}`+"\n")
}
