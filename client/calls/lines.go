package calls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/squall-proxy/squall/client"
)

// saw counts an attempt, and tells what a Client observed.
func (r *run) saw(e client.Event) {
	switch e.Kind {
	case client.EventAttempt:
		r.count(func(s *Summary) { s.Attempts++ })
		if e.Failed && !errors.Is(e.Err, context.Canceled) {
			r.line(e, fmt.Sprintf("Attempt %d failed: %s", e.Attempt, e.Reason()))
		}
	case client.EventRetry:
		r.line(e, "Retrying in "+inSeconds(e.Delay)+" seconds...")
	case client.EventHeldBack:
		r.line(e, "Not sent: "+errors.Unwrap(e.Err).Error())
	case client.EventBreaker:
		r.line(e, "Circuit breaker "+e.Change.String())
	case client.EventBackend:
		r.line(e, "Backend "+e.Backend.String())
	}
}

// line tells something about the call that e belongs to; about all of them if it belongs to none.
func (r *run) line(e client.Event, text string) {
	n := 0
	if e.Request != nil {
		n, _ = e.Request.Context().Value(callNumber{}).(int)
	}
	r.write(n, text)
}

// write writes a line about call n; 0 is none.
func (r *run) write(n int, text string) {
	if r.Lines == nil || text == "" {
		return
	}
	if r.Rate > 0 && n > 0 {
		text = fmt.Sprintf("#%d %s", n, text)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = io.WriteString(r.Lines, text+"\n") // a reader that has left does not stop the calls
}

// shownBytes is how much of an answer is told.
const shownBytes = 64 << 10

// readAnswer reads body to its end and closes it, because only then is the call over. It returns the start of it if it
// is to be shown.
func readAnswer(body io.ReadCloser, show bool) ([]byte, error) {
	defer func() { _ = body.Close() }() // it has been read, or cannot be
	var start []byte
	if show {
		var err error
		if start, err = io.ReadAll(io.LimitReader(body, shownBytes)); err != nil {
			return nil, err
		}
	}
	_, err := io.Copy(io.Discard, body)
	return start, err
}

// wording is the line that tells an answer: its body, and where it came from if it is neither the service's normal one
// nor the canned message, which says so itself.
func wording(resp *http.Response, body []byte) string {
	text := strings.TrimSpace(string(body))
	switch client.Source(resp) {
	case client.Degraded:
		text += " [degraded]"
	case client.Cached:
		text += " [cached, " + resp.Header.Get("Age") + " s old]"
	}
	return strings.TrimSpace(text)
}

// inSeconds prints d as the lab does: 1, 0.5; no finer than a millisecond.
func inSeconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64)
}
