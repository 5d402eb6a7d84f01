package calls

import (
	"fmt"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/client"
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
	switch origin := client.Source(resp); {
	case origin == client.Degraded:
		s.Degraded++
	case origin == client.Cached:
		s.Cached++
	case origin == client.Canned || resp.StatusCode >= 400:
		s.Failed++
	default:
		s.OK++
	}
}
