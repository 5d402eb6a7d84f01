package client

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// fallbackStage answers a GET or HEAD that failed for good, as Config.Fallback says.
type fallbackStage struct {
	next    http.RoundTripper
	cfg     Fallback
	good    *lastGood // nil without MaxStale
	observe func(Event)
}

func newFallbackStage(cfg Config, next http.RoundTripper) (*fallbackStage, error) {
	s := &fallbackStage{next: next, cfg: cfg.Fallback, observe: cfg.Observe}
	if cfg.Fallback.MaxStale == 0 {
		return s, nil
	}
	var err error
	s.good, err = newLastGood(cfg.Fallback)
	return s, err
}

func (s *fallbackStage) RoundTrip(req *http.Request) (*http.Response, error) {
	asked := time.Now()
	resp, err := s.next.RoundTrip(req)
	if req.Method != "" && req.Method != http.MethodGet && req.Method != http.MethodHead {
		if s.good != nil && err == nil && resp.StatusCode < 400 && !safe(req.Method) {
			s.good.forget(req)
		}
		return resp, err
	}
	if req.Context().Err() != nil { // the caller has left, or ran out of its own time
		return resp, err
	}
	stand := s.standIn(req, resp, err)
	if stand == nil {
		if s.good != nil && err == nil {
			s.good.keep(req, resp, asked)
		}
		return resp, err
	}
	event := ended(EventFallback, req, resp, err)
	event.Origin = Source(stand)
	s.observe(event)
	discard(resp)
	return stand, nil
}

// standIn returns what is better than this outcome, or nil.
func (s *fallbackStage) standIn(req *http.Request, resp *http.Response, err error) *http.Response {
	degraded := err == nil && Source(resp) == Degraded
	if s.good != nil && (staleIfError(resp, err) || degraded && s.cfg.RetryDegraded) {
		if answer := s.good.find(req, time.Now()); answer != nil {
			return answer
		}
	}
	if s.cfg.Canned != nil && transient(resp, err) {
		return s.canned(req)
	}
	return nil
}

// staleIfError: RFC 5861 4 has last-good data stand in for 500, 502, 503 and 504, and for what a gateway would have
// turned into one of these.
func staleIfError(resp *http.Response, err error) bool {
	if err != nil {
		return !permanent(err)
	}
	switch resp.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func (s *fallbackStage) canned(req *http.Request) *http.Response {
	header := http.Header{}
	header.Set(HeaderSource, Canned.String())
	header.Set("Content-Type", s.cfg.CannedType)
	header.Set("Content-Length", strconv.Itoa(len(s.cfg.Canned)))
	return made(req, header, s.cfg.Canned, int64(len(s.cfg.Canned)))
}

// made is an answer of our own making. length is its ContentLength, which HEAD has without the data.
func made(req *http.Request, header http.Header, data []byte, length int64) *http.Response {
	resp := &http.Response{
		Status:     fmt.Sprintf("%d %s", http.StatusOK, http.StatusText(http.StatusOK)),
		StatusCode: http.StatusOK,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          http.NoBody,
		ContentLength: length,
	}
	if req.Method != http.MethodHead {
		resp.Body = newBufferedBody(data)
	}
	return resp
}

// safe methods (RFC 9110 9.2.1) change nothing; after a successful other one, what was stored is out of date.
func safe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}
