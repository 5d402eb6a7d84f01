package client

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

// retryStage repeats attempts that failed in a way that may pass, as Config.Retry says.
type retryStage struct {
	next     http.RoundTripper
	cfg      Retry
	degraded bool // a degraded answer is a failure, too
	observe  func(Event)
	random   func() float64
}

func newRetryStage(cfg Config, next http.RoundTripper) *retryStage {
	s := &retryStage{
		next:     next,
		cfg:      cfg.Retry,
		degraded: cfg.Fallback.RetryDegraded,
		observe:  cfg.Observe,
		random:   cfg.random,
	}
	if s.random == nil {
		s.random = rand.Float64
	}
	return s
}

// RoundTrip returns the first answer that is not worth repeating, or else the last failure as it came. Of a call that
// was answered in degraded mode and then failed, it returns the degraded answer.
func (s *retryStage) RoundTrip(req *http.Request) (*http.Response, error) {
	may := s.cfg.Max > 0 && repeatable(req)
	body, err := newReplay(req, may)
	if err != nil {
		return nil, err
	}
	may = may && body.again != nil
	var second *http.Response // the latest degraded answer: second best
	for n := 1; ; n++ {
		try, err := body.attempt(n)
		if err != nil {
			return nil, err
		}
		resp, err := s.next.RoundTrip(try)
		event := ended(EventAttempt, req, resp, err)
		event.Attempt = n
		s.observe(event)

		failed, degraded := transient(resp, err), err == nil && s.fellBack(resp)
		var pause time.Duration
		again := may && n <= s.cfg.Max && (failed || degraded)
		if again {
			pause, again = s.pause(req.Context(), n, resp)
		}
		if !again {
			if failed && second != nil {
				discard(resp)
				return second, nil
			}
			return resp, err
		}
		resume := time.Now().Add(pause)
		event.Kind, event.Delay = EventRetry, pause
		s.observe(event)
		if degraded {
			second = resp
		} else {
			discard(resp)
		}
		if err := wait.For(req.Context(), time.Until(resume)); err != nil {
			return nil, err
		}
	}
}

// fellBack tells whether resp is a degraded answer to be retried. One that streams is not: it could not be kept.
func (s *retryStage) fellBack(resp *http.Response) bool {
	_, whole := resp.Body.(*bufferedBody)
	return s.degraded && whole && Source(resp) == Degraded
}

// pause is the wait before retry n, and false when the call is over, or would be before the wait is.
func (s *retryStage) pause(ctx context.Context, n int, resp *http.Response) (time.Duration, bool) {
	pause, ok := s.delay(n, resp)
	if !ok || ctx.Err() != nil {
		return 0, false
	}
	if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) <= pause {
		return 0, false
	}
	return pause, true
}
