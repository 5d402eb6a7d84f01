package client

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/squall-proxy/squall/internal/lru"
	"github.com/squall-proxy/squall/internal/wait"
)

// retryStage repeats attempts that failed in a way that may pass, as Config.Retry says.
type retryStage struct {
	next     stage
	cfg      Retry
	degraded bool                              // a degraded answer is a failure, too
	accounts *lru.Map[string, *account]        // nil: no bound
	heldFor  func(*http.Request) time.Duration // for how long an attempt would be held back
	observe  func(Event)
	random   func() float64
}

func newRetryStage(cfg Config, next stage, heldFor func(*http.Request) time.Duration) *retryStage {
	s := &retryStage{
		next:     next,
		cfg:      cfg.Retry,
		degraded: cfg.Fallback.RetryDegraded,
		accounts: newAccounts(cfg.Retry.Budget),
		heldFor:  heldFor,
		observe:  cfg.Observe,
		random:   cfg.random,
	}
	if s.random == nil {
		s.random = rand.Float64
	}
	return s
}

// do returns the first answer that is not worth repeating, or else the last failure as it came. Of a call that was
// answered in degraded mode and then failed, it returns the degraded answer.
func (s *retryStage) do(c *call) (*http.Response, error) {
	may := s.cfg.Max > 0 && !c.hedge && repeatable(c.req)
	body, err := newReplay(c.req, may)
	if err != nil {
		return nil, err
	}
	may = may && body.again != nil
	if s.accounts != nil && !c.hedge {
		s.accounts.Get(c.req.URL.Host).earn()
	}
	var second *http.Response // the latest degraded answer: second best
	for n := 1; ; n++ {
		if c.out, err = body.attempt(n); err != nil {
			return nil, err
		}
		resp, err := s.next.do(c)
		event := s.tell(c, n, resp, err)

		failed, degraded := transient(resp, err), err == nil && s.fellBack(resp)
		var pause time.Duration
		again := may && n <= s.cfg.Max && (failed || degraded) && !errors.Is(err, ErrHeldBack)
		if again {
			pause, again = s.pause(c, n, resp)
		}
		if !again {
			if failed && second != nil {
				discard(resp)
				return second, nil
			}
			return resp, err
		}
		c.fail()
		resume := time.Now().Add(pause)
		event.Kind, event.Delay = EventRetry, pause
		s.observe(event)
		if degraded {
			second = resp
		} else {
			discard(resp)
		}
		if err := s.sleep(c, resume); err != nil {
			return nil, err
		}
	}
}

// tell observes the outcome of attempt n, which may have been held back.
func (s *retryStage) tell(c *call, n int, resp *http.Response, err error) Event {
	kind := EventHeldBack
	if !errors.Is(err, ErrHeldBack) {
		kind = EventAttempt
		c.attempts++
	}
	event := ended(kind, c.req, resp, err)
	event.Attempt, event.Hedge = n, c.hedge
	s.observe(event)
	return event
}

// fellBack tells whether resp is a degraded answer to be retried. One that streams is not: it could not be kept.
func (s *retryStage) fellBack(resp *http.Response) bool {
	_, whole := resp.Body.(*bufferedBody)
	return s.degraded && whole && Source(resp) == Degraded
}

// pause is the wait before retry n, and false when there must be none: the call is over, or would be before the wait is,
// the service asks for none, a breaker would hold the retry back, or the budget is spent. That is asked last, because it
// counts the retry.
func (s *retryStage) pause(c *call, n int, resp *http.Response) (time.Duration, bool) {
	pause, ok := s.delay(n, resp)
	if !ok || c.over() || unwelcome(resp) {
		return 0, false
	}
	if left, bounded := c.left(0); bounded && left <= pause {
		return 0, false
	}
	if deadline, bounded := c.ctx.Deadline(); bounded && time.Until(deadline) <= pause {
		return 0, false
	}
	if s.heldFor != nil && s.heldFor(c.req) > pause {
		return 0, false
	}
	return pause, s.accounts == nil || s.accounts.Get(c.req.URL.Host).spend()
}

// unwelcome tells whether the service says itself that a retry is of no use. There is no standard for that; this field is
// what the clients of several large HTTP APIs go by.
func unwelcome(resp *http.Response) bool {
	return resp != nil && strings.EqualFold(resp.Header.Get("X-Should-Retry"), "false")
}

// sleep waits until resume, or until nobody waits for the call any more.
func (s *retryStage) sleep(c *call, resume time.Time) error {
	ctx, cancel := c.step()
	defer cancel(nil)
	return wait.For(ctx, time.Until(resume))
}
