package admin

import (
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// At most maxLines refusals of one status are logged in each window; the others are counted.
const (
	logWindow = 10 * time.Second
	maxLines  = 10
)

// maxLogged bounds what a line repeats of a request, in bytes.
const maxLogged = 256

// quietLog writes what a flood of bad requests cannot drown.
type quietLog struct {
	logger zerolog.Logger

	mu      sync.Mutex
	windows map[int]*window // by status
}

// window counts the refusals of one status.
type window struct {
	end        time.Time
	lines      int
	suppressed int
}

func newQuietLog(logger zerolog.Logger) *quietLog {
	return &quietLog{logger: logger, windows: make(map[int]*window)}
}

// refused logs a refusal, with the number of those of its status that were not logged before it.
func (q *quietLog) refused(r *http.Request, e *Error) {
	suppressed, ok := q.admit(e.Status, time.Now())
	if !ok {
		return
	}
	line := q.logger.Warn()
	if e.Status >= http.StatusInternalServerError {
		line = q.logger.Error()
	}
	line.Str("by", r.RemoteAddr).
		Str("method", shorten(r.Method, maxLogged)).
		Str("path", shorten(r.URL.Path, maxLogged)).
		Int("status", e.Status).
		Str("reason", shorten(e.Error(), maxLogged))
	if suppressed > 0 {
		line.Int("suppressed", suppressed)
	}
	line.Msg("refused")
}

// admit decides whether a line may be written, and gives the number of those that were not.
func (q *quietLog) admit(status int, now time.Time) (suppressed int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.windows[status]
	if w == nil {
		w = &window{}
		q.windows[status] = w
	}
	if !now.Before(w.end) {
		suppressed = w.suppressed
		*w = window{end: now.Add(logWindow)}
	}
	if w.lines == maxLines {
		w.suppressed++
		return 0, false
	}
	w.lines++
	return suppressed, true
}

// changed logs a change that is in force.
func (q *quietLog) changed(r *http.Request, revision uint64) {
	q.logger.Info().
		Str("by", r.RemoteAddr).
		Uint64("revision", revision).
		Str("method", r.Method).
		Str("path", shorten(r.URL.Path, maxLogged)).
		Msg("changed")
}

// stalled logs that a reader of a stream was dropped.
func (q *quietLog) stalled(r *http.Request) {
	q.logger.Warn().Str("by", r.RemoteAddr).Str("path", shorten(r.URL.Path, maxLogged)).
		Dur("after", stallTimeout).Msg("dropped a reader that takes nothing")
}

// dropped logs that connections were dropped.
func (q *quietLog) dropped(r *http.Request, connections int) {
	q.logger.Info().
		Str("by", r.RemoteAddr).
		Str("path", shorten(r.URL.RequestURI(), maxLogged)).
		Int("connections", connections).
		Msg("dropped")
}
