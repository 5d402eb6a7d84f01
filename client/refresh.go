package client

import (
	"context"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/client/lastgood"
)

// stored answers req without asking the service, as far as the service has allowed that, or returns nil. Of an answer that
// is not fresh any more, but may be used while a new one is fetched, one caller starts fetching.
func (s *fallbackStage) stored(req *http.Request) *http.Response {
	if !s.cfg.Fresh || hasBody(req) {
		return nil
	}
	now := time.Now()
	answer := s.good.Find(req)
	switch {
	case answer == nil:
		return nil
	case answer.Fresh(req, now):
		return serve(req, answer, now, Fresh, "")
	case answer.FreshEnough(req, now):
		if answer.BeginRefresh() {
			s.beginRefresh(req, answer)
		}
		return serve(req, answer, now, Cached, "stale-while-revalidate")
	}
	return nil
}

// beginRefresh fetches a new answer to req in the background. The caller has its own already, so only the Client's end
// cancels that.
func (s *fallbackStage) beginRefresh(req *http.Request, old *lastgood.Answer) {
	fresh := req.Clone(context.WithoutCancel(req.Context())) // the caller may change its own once it has its answer
	started := s.background.start(func(closing context.Context) { s.refresh(closing, fresh, old) })
	if !started {
		old.EndRefresh()
	}
}

func (s *fallbackStage) refresh(closing context.Context, req *http.Request, old *lastgood.Answer) {
	defer old.EndRefresh()
	c := newCall(req)
	defer context.AfterFunc(closing, func() { c.abandon(context.Canceled) })()
	asked := time.Now()
	resp, err := s.next.do(c)
	if err != nil {
		return
	}
	s.keep(req, resp, asked)
	discard(resp)
}
