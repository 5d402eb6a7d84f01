package client

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Summary counts how calls ended: every call that was made is one of OK, Degraded, Cached and Failed.
type Summary struct {
	OK       int // answered by the service, below 400
	Degraded int // answered by the service in its fallback mode
	Cached   int // answered with last-good data
	Failed   int // answered with an error or a canned message, or not at all: no data reached the caller
	Skipped  int // not made, because MaxInFlight others were under way
	Attempts int // requests that the calls took
	Elapsed  time.Duration
}

// Calls is the number of calls made.
func (s Summary) Calls() int { return s.OK + s.Degraded + s.Cached + s.Failed }

// String is one line, as in "20 calls in 14s: 19 ok, 0 degraded, 1 cached, 0 failed; 27 attempts".
func (s Summary) String() string {
	text := fmt.Sprintf("%d calls in %s: %d ok, %d degraded, %d cached, %d failed; %d attempts",
		s.Calls(), s.Elapsed.Round(10*time.Millisecond), s.OK, s.Degraded, s.Cached, s.Failed, s.Attempts)
	if s.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", s.Skipped)
	}
	return text
}

func (s *Summary) add(resp *http.Response) {
	switch origin := Source(resp); {
	case origin == Degraded:
		s.Degraded++
	case origin == Cached:
		s.Cached++
	case origin == Canned || resp.StatusCode >= 400:
		s.Failed++
	default:
		s.OK++
	}
}

// shownBytes is how much of an answer is told.
const shownBytes = 64 << 10

// readAnswer reads body to its end and closes it, because only then is the call over. It returns the start of it if it
// is to be shown.
func readAnswer(body io.ReadCloser, show bool) ([]byte, error) {
	defer closeBody(body)
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
	switch Source(resp) {
	case Degraded:
		text += " [degraded]"
	case Cached:
		text += " [cached, " + resp.Header.Get("Age") + " s old]"
	}
	return strings.TrimSpace(text)
}

// inSeconds prints d as the lab does: 1, 0.5; no finer than a millisecond.
func inSeconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64)
}
