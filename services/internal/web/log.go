package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// What a client chooses is cut to so many characters in the log.
const (
	maxLoggedID     = 128
	maxLoggedMethod = 32
	maxLoggedPath   = 1024
)

// logged writes one line per request when next has returned: method, path (escaped, without its query, which may hold
// secrets), status, duration in milliseconds, and request_id if the client sent an X-Request-Id.
func logged(logger zerolog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sw, r)
		line := logger.Info().
			Str("method", Printable(r.Method, maxLoggedMethod)).
			Str("path", Printable(r.URL.EscapedPath(), maxLoggedPath)).
			Int("status", sw.status).
			Dur("duration", time.Since(start))
		if id := Printable(r.Header.Get("X-Request-Id"), maxLoggedID); id != "" {
			line = line.Str("request_id", id)
		}
		line.Msg("request")
	})
}

// statusWriter remembers the status that went out.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Printable returns the first limit printable ASCII characters of s, without what stands between them. A string that equals
// its own result fits into a log line or a header as it is.
func Printable(s string, limit int) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < limit; i++ {
		if c := s[i]; ' ' <= c && c <= '~' {
			b.WriteByte(c)
		}
	}
	return b.String()
}
