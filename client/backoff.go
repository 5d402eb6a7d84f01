package client

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// delay returns how long to wait before retry n (from 1) of a call whose last attempt was answered with resp, which may
// be nil. It is false when the service asks for a longer pause than RetryAfterCap.
func (s *retryStage) delay(n int, resp *http.Response) (time.Duration, bool) {
	asked := retryAfter(resp, time.Now())
	if asked > s.cfg.RetryAfterCap {
		return 0, false
	}
	own := s.ceiling(n)
	if !s.cfg.Jitter {
		return max(own, asked), true
	}
	if asked == 0 {
		return s.draw(own), true
	}
	// Never early: a Retry-After is only ever added to, so that those whose pauses end at one moment spread out.
	return asked + s.draw(max(own, asked/4)), true
}

// ceiling is Base doubled n-1 times, at most Cap.
func (s *retryStage) ceiling(n int) time.Duration {
	d := s.cfg.Base
	for ; n > 1 && d < s.cfg.Cap; n-- {
		d *= 2 // Cap is at most an hour: no overflow
	}
	return min(d, s.cfg.Cap)
}

func (s *retryStage) draw(ceiling time.Duration) time.Duration {
	return time.Duration(s.random() * float64(ceiling))
}

// retryAfter returns the pause that a 429 or 503 asks for: delay-seconds or an HTTP-date (RFC 9110 10.2.3). A date is
// measured from the answer's own Date, so that clocks need not agree. Anything else, and what has passed, is 0.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	field := strings.TrimSpace(resp.Header.Get("Retry-After"))
	seconds, err := strconv.ParseUint(field, 10, 64)
	if errors.Is(err, strconv.ErrRange) || err == nil && seconds > math.MaxInt64/uint64(time.Second) {
		return math.MaxInt64
	}
	if err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(field)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date
	}
	return max(0, until.Sub(now))
}
