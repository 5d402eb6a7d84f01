package client

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/client/lastgood"
)

// fallbackStage answers a GET or HEAD from the store where it may, and one that failed for good as Config.Fallback says.
type fallbackStage struct {
	next    stage
	cfg     Fallback
	good    *lastgood.Store // nil without MaxStale and Fresh
	observe func(Event)

	background *background
}

func newFallbackStage(cfg Config, bg *background, next stage) (*fallbackStage, error) {
	s := &fallbackStage{next: next, cfg: cfg.Fallback, observe: cfg.Observe, background: bg}
	if !s.cfg.stores() {
		return s, nil
	}
	var err error
	s.good, err = lastgood.New(lastgood.Config{
		MaxStale: s.cfg.MaxStale, IgnoreRevalidate: s.cfg.IgnoreRevalidate, Bytes: s.cfg.StoreBytes,
	})
	return s, err
}

func (s *fallbackStage) do(c *call) (*http.Response, error) {
	if c.req.Method != "" && c.req.Method != http.MethodGet && c.req.Method != http.MethodHead {
		resp, err := s.next.do(c)
		if s.good != nil && err == nil && resp.StatusCode < 400 && !safe(c.req.Method) {
			s.good.Forget(c.req)
		}
		return resp, err
	}
	if resp := s.stored(c.req); resp != nil {
		return resp, nil
	}
	return s.fetch(c)
}

// fetch asks the service, and keeps its answer or finds a better one.
func (s *fallbackStage) fetch(c *call) (*http.Response, error) {
	asked := time.Now()
	resp, err := s.next.do(c)
	if c.over() { // the caller has left, or ran out of its own time
		return resp, err
	}
	stand := s.standIn(c.req, resp, err)
	if stand == nil {
		if err == nil {
			s.keep(c.req, resp, asked)
		}
		return resp, err
	}
	event := ended(EventFallback, c.req, resp, err)
	event.Origin = Source(stand)
	s.observe(event)
	discard(resp)
	return stand, nil
}

// keep stores a whole, normal answer.
func (s *fallbackStage) keep(req *http.Request, resp *http.Response, asked time.Time) {
	body, whole := resp.Body.(*bufferedBody)
	if s.good != nil && whole && Source(resp) == Fresh {
		s.good.Keep(req, resp, body.data, asked)
	}
}

// standIn returns what is better than this outcome, or nil.
func (s *fallbackStage) standIn(req *http.Request, resp *http.Response, err error) *http.Response {
	degraded := err == nil && Source(resp) == Degraded
	if s.cfg.MaxStale > 0 && (staleIfError(resp, err) || degraded && s.cfg.RetryDegraded) {
		now := time.Now()
		if answer := s.good.Find(req); answer != nil && answer.StandsIn(req, now) {
			detail := "stale-if-error"
			if answer.IsFresh(now) {
				detail = "last-good"
			}
			return serve(req, answer, now, Cached, detail)
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

// serve makes an answer of what is stored.
func serve(req *http.Request, answer *lastgood.Answer, now time.Time, origin Origin, detail string) *http.Response {
	header := answer.Header(now, detail)
	if origin != Fresh {
		header.Set(HeaderSource, origin.String())
	}
	return made(req, header, answer.Body, answer.Length)
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
