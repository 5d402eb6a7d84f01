package faults

import (
	"cmp"
	"math"
	"strconv"
	"time"

	"go.uber.org/ratelimit"

	"github.com/squall-proxy/squall/internal/document"
)

// Policies of a [RateLimit].
const (
	limitReject = "reject"
	limitPace   = "pace"
)

// RateLimit refuses requests that come too often, or holds them so that they go on evenly spaced. The rule hits what it
// refuses or holds; what it lets through at once it has skipped, with the reason "room".
//
// To reject, a token bucket holds Burst tokens and gets Rate of them back per Per, evenly. A refused client is told by
// Retry-After, in whole seconds, when to come back. Under its key every request before that time is refused, too, is told
// the time that is left, and is counted as early. (So under the key "rule" one client's refusal holds for all.)
//
// To pace, a leaky bucket lets a request through every Per/Rate. One that leaves while it is held does not give its turn
// back.
type RateLimit struct {
	Rate       uint64   `json:"rate"`                  // requests per Per; 0 refuses all
	Per        Duration `json:"per,omitempty"`         // 1ms to 24h; absent = 1s
	Burst      uint64   `json:"burst,omitempty"`       // to reject: how many may come at once; absent = Rate
	Key        string   `json:"key,omitempty"`         // whose requests are limited together: "client", "header:NAME" …, as a rule's key; absent = the rule's key
	Policy     string   `json:"policy,omitempty"`      // "reject" (default) or "pace"
	Status     int      `json:"status,omitempty"`      // of a refusal, 200 to 599; absent = 429
	RetryAfter int      `json:"retry_after,omitempty"` // of a refusal, in seconds, at least; absent = when there is room again
	// Headers adds RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset to a refusal, as
	// draft-ietf-httpapi-ratelimit-headers-03 has them. (From -07 on the drafts have one field in their place.)
	Headers bool `json:"headers,omitempty"`
}

// The bounds of a rate.
const (
	maxRate       = 1_000_000 // per Per, and a second
	minPer        = Duration(time.Millisecond)
	maxRetryAfter = int(MaxDuration / Duration(time.Second))
	maxRefill     = 366 * 24 * time.Hour // for an empty bucket to become full
)

// notGiven is what a document leaves where it does not name a number that may be 0.
const notGiven = math.MaxUint64

func newRateLimit() Attributes { return &RateLimit{Rate: notGiven} }

func (l *RateLimit) check(Phase) error {
	per := l.per()
	switch {
	case l.Rate == notGiven:
		return document.Errorf("rate", "missing: want how many requests pass, 0 for none")
	case l.Rate > maxRate:
		return document.Errorf("rate", "must be 0 to %d, got %d", maxRate, l.Rate)
	case l.Per != 0 && l.Per < minPer || l.Per > MaxDuration:
		return document.Errorf("per", "must be %v to %v, got %v", minPer, MaxDuration, l.Per)
	case l.Rate > uint64(per/time.Microsecond):
		return document.Errorf("rate", "at most one request a microsecond: got %d per %v", l.Rate, per)
	case l.Policy != "" && l.Policy != limitReject && l.Policy != limitPace:
		return document.Errorf("policy", "want reject or pace, got %q", clip(l.Policy))
	case l.Status != 0 && (l.Status < 200 || l.Status > 599):
		return document.Errorf("status", "must be 200 to 599, got %d", l.Status)
	case l.RetryAfter < 0 || l.RetryAfter > maxRetryAfter:
		return document.Errorf("retry_after", "must be 0 to %d seconds, got %d", maxRetryAfter, l.RetryAfter)
	case l.Burst > maxRate:
		return document.Errorf("burst", "must be 0 to %d, got %d", maxRate, l.Burst)
	case l.Burst != 0 && l.Rate == 0:
		return document.Errorf("burst", "with rate 0 nothing passes")
	case l.Burst != 0 && time.Duration(l.Burst) > maxRefill/l.interval():
		return document.Errorf("burst", "%d take more than a year to come back at this rate", l.Burst)
	}
	if _, err := parseKey(l.Key); err != nil {
		return err
	}
	if l.Policy == limitPace {
		return l.checkPace()
	}
	return nil
}

// checkPace refuses what has a meaning only for refusals.
func (l *RateLimit) checkPace() error {
	const only = "only with policy reject"
	switch {
	case l.Rate == 0:
		return document.Errorf("rate", "with policy pace it must be more than 0")
	case l.Burst != 0:
		return document.Errorf("burst", only)
	case l.Status != 0:
		return document.Errorf("status", only)
	case l.RetryAfter != 0:
		return document.Errorf("retry_after", only)
	case l.Headers:
		return document.Errorf("headers", only)
	}
	return nil
}

func (l *RateLimit) per() time.Duration {
	if l.Per == 0 {
		return time.Second
	}
	return time.Duration(l.Per)
}

// interval is what lies between two requests at the rate, which is not 0.
func (l *RateLimit) interval() time.Duration { return l.per() / time.Duration(l.Rate) }

func (l *RateLimit) bucketKey(rule string) string { return cmp.Or(l.Key, rule) }

// allowance is the state of a rate limit for one key.
type allowance struct {
	full   time.Time // to reject: when all tokens are back
	closed time.Time // until when the client was told to stay away

	turns   *turns // to pace; nil = not yet
	settled pacing // what it was made for
}

func (l *RateLimit) admit(a arrival) verdict {
	all := &a.counter.allowances
	all.mu.Lock()
	defer all.mu.Unlock()
	b := all.at(a.key)
	if l.Policy == limitPace {
		wait := b.reserve(l, a.now)
		return verdict{passed: wait == 0, wait: wait}
	}
	if a.now.Before(b.closed) {
		a.counter.early.Add(1)
		return verdict{wait: b.closed.Sub(a.now)}
	}
	wait := b.take(l, a.now)
	if wait == 0 {
		return verdict{passed: true}
	}
	wait = wholeSeconds(max(wait, time.Duration(l.RetryAfter)*time.Second))
	if !a.shadow { // which tells nobody to stay away
		b.closed = a.now.Add(wait)
	}
	return verdict{wait: wait}
}

// take takes a token, or tells how long there will be none.
func (b *allowance) take(l *RateLimit, now time.Time) (wait time.Duration) {
	if l.Rate == 0 {
		return l.per()
	}
	interval, burst := l.interval(), l.Burst
	if burst == 0 {
		burst = l.Rate
	}
	missing := max(b.full.Sub(now), 0) + interval // of what makes the bucket full, if a token is taken
	if wait = missing - interval*time.Duration(burst); wait > 0 {
		return wait
	}
	b.full = now.Add(missing)
	return 0
}

// wholeSeconds rounds up to what Retry-After can say (RFC 9110, 10.2.3).
func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// pacing is what turns are made for.
type pacing struct {
	rate uint64
	per  time.Duration
}

// turns space requests. Its clock stands still but for what it is told, and does not sleep, so that taking a turn is a
// reservation: whoever asks waits itself.
type turns struct {
	limiter ratelimit.Limiter
	begin   time.Time // what the limiter's clock is counted from: it would follow steps of the wall clock
	now     time.Time
}

// Now is the limiter's time.
func (t *turns) Now() time.Time { return t.now }

// Sleep does not.
func (t *turns) Sleep(time.Duration) {}

// reserve takes the next turn and tells how far away it is.
func (b *allowance) reserve(l *RateLimit, now time.Time) time.Duration {
	if want := (pacing{l.Rate, l.per()}); b.turns == nil || b.settled != want {
		b.settled, b.turns = want, &turns{begin: now}
		b.turns.limiter = ratelimit.New(
			int(l.Rate), ratelimit.Per(l.per()), ratelimit.WithoutSlack, ratelimit.WithClock(b.turns),
		)
	}
	t := b.turns
	t.now = time.Unix(1, 0).Add(now.Sub(t.begin))
	return min(max(t.limiter.Take().Sub(t.now), 0), time.Duration(MaxDuration))
}

func (l *RateLimit) decide(h hit) Action {
	if l.Policy == limitPace {
		return Wait{For: h.verdict.wait}
	}
	status := l.Status
	if status == 0 {
		status = 429 // Too Many Requests (RFC 6585, 4)
	}
	answer := Answer{Status: status}
	answer.Body, answer.ContentType = statusBody(status)
	seconds := strconv.FormatInt(int64(wholeSeconds(h.verdict.wait)/time.Second), 10)
	answer.Header = []Field{{"Retry-After", seconds}}
	if l.Headers {
		answer.Header = append(answer.Header,
			Field{"RateLimit-Limit", strconv.FormatUint(l.Rate, 10)},
			Field{"RateLimit-Remaining", "0"},
			Field{"RateLimit-Reset", seconds},
		)
	}
	return answer
}
