package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/experiments/load"
	"github.com/squall-proxy/squall/internal/wait"
)

// How often the traffic that is there is asked for, and how many of its exchanges at once: the most that a squall gives. So
// some thousand requests a second can be watched.
const (
	pollEvery = 200 * time.Millisecond
	pollLimit = 1000
)

// seenExchange is what a load needs of an exchange.
type seenExchange struct {
	ID       uint64    `json:"id"`
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Status   int       `json:"status"`
	Duration string    `json:"duration"`
	Outcome  string    `json:"outcome"`
	ClosedBy string    `json:"closed_by"`
}

// failure is what a load of ours would have seen of it; nil = a good reply. A client that has left got none in its time.
func (x seenExchange) failure() error {
	switch {
	case x.Outcome == "client_left":
		return fmt.Errorf("the client left")
	case x.Status == 0, x.Outcome == "real_error", x.Outcome == "injected" && x.ClosedBy == "proxy":
		return fmt.Errorf("no whole reply")
	case x.Status >= http.StatusBadRequest:
		return load.StatusError(x.Status)
	}
	return nil
}

// exchanges asks for those of a proxy behind the one of an id, or since a time where there is none yet: the latest first. It
// says whether some may be missing.
func (s squall) exchanges(ctx context.Context, proxy, since string) (list []seenExchange, truncated bool, err error) {
	question := url.Values{"proxy": {proxy}, "since": {since}, "limit": {strconv.Itoa(pollLimit)}}
	data, err := s.ask(ctx, http.MethodGet, "/admin/exchanges?"+question.Encode(), nil)
	var answer struct {
		Exchanges []seenExchange
		Truncated bool
	}
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	return answer.Exchanges, answer.Truncated, err
}

// watchTraffic makes samples of the exchanges of a proxy until ctx is done, and once more then.
func (r *Runner) watchTraffic(ctx context.Context, t *traffic) {
	target := r.target(t.load.Target)
	ahead := r.ahead[target]
	since := r.result.Flowing.Add(ahead).UTC().Format(time.RFC3339Nano)
	for asked := r.result.Flowing; ; {
		ended, began := wait.For(ctx, pollEvery) != nil, time.Now()
		list, truncated, err := r.squall(target).exchanges(context.WithoutCancel(ctx), t.load.Proxy, since)
		if truncated {
			r.missed(t, asked)
		}
		if err == nil {
			asked = began
		}
		for i := len(list) - 1; i >= 0; i-- {
			x := list[i]
			since = strconv.FormatUint(x.ID, 10)
			took, unreadable := time.ParseDuration(x.Duration)
			if x.Method != "" && unreadable == nil { // without a method it is a handshake
				t.observe(load.Sample{Due: x.At.Add(-ahead), Took: took, Err: x.failure()})
			}
		}
		if ended || err != nil && ctx.Err() != nil {
			return
		}
	}
}

// missed notes that exchanges of a load since a time were not seen.
func (r *Runner) missed(t *traffic, since time.Time) {
	const why = "exchanges were missed: the squall had forgotten them, or there were too many at once"
	t.gaps++
	for _, w := range t.watches {
		w.miss(since, why)
	}
	t.missed.Do(func() { r.tell(Event{What: "load", Name: t.name, Why: why}) })
}

// compareClocks asks the squalls by whose records something is judged what time it is there.
func (r *Runner) compareClocks(ctx context.Context) error {
	r.ahead = map[string]time.Duration{}
	var targets []string
	for _, t := range r.loads {
		if t.load.External {
			targets = append(targets, t.load.Target)
		}
	}
	for i := range r.Experiment.Expect {
		if _, proxy, target := r.Experiment.Expect[i].Place(); proxy != "" {
			targets = append(targets, target)
		}
	}
	for _, name := range targets {
		name = r.target(name)
		if _, known := r.ahead[name]; known {
			continue
		}
		ahead, err := r.squall(name).ahead(ctx)
		if err != nil {
			return err
		}
		r.ahead[name] = ahead
	}
	return nil
}
