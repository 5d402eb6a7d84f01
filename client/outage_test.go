package client

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The outage: a service that answers within 20 ms fails for 30 s. A client makes 50 calls a second before, meanwhile and
// after.
const (
	outageBegins = 10 * time.Second
	outageEnds   = 40 * time.Second
	outageOver   = 60 * time.Second
	outageRate   = 50
)

// outage is that service.
type outage struct {
	start time.Time

	mu   sync.Mutex
	seen []time.Duration // when each attempt arrived
}

func (o *outage) RoundTrip(req *http.Request) (*http.Response, error) {
	at := time.Since(o.start)
	o.mu.Lock()
	o.seen = append(o.seen, at)
	o.mu.Unlock()
	<-time.After(20 * time.Millisecond)
	status, body := 200, goodBody
	if at >= outageBegins && at < outageEnds {
		status, body = 503, `{"message":"Service Unavailable"}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// between counts the attempts of a stretch of time.
func (o *outage) between(from, to time.Duration) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, at := range o.seen {
		if at >= from && at < to {
			n++
		}
	}
	return n
}

// outageRun is what a client made of the outage.
type outageRun struct {
	*outage
	opened, closed time.Duration // of the breaker; 0: never
	longestOpen    time.Duration // between two probes, while it was open
	slowest        time.Duration // call that began while the breaker was open
	calls, good    int           // in the outage
	firstFresh     time.Duration // the first fresh answer behind it
}

// live sends the calls of a whole outage through a client.
func live(t *testing.T, cfg Config) *outageRun {
	t.Helper()
	r := &outageRun{outage: &outage{start: time.Now()}}
	var mu sync.Mutex
	cfg.Observe = func(e Event) {
		if e.Kind != EventBreaker {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch at := time.Since(r.start); e.Change.To.String() {
		case "open":
			if r.opened == 0 {
				r.opened = at
			}
			r.longestOpen = max(r.longestOpen, e.Change.Until.Sub(e.Change.At))
		case "closed":
			r.closed = at
		}
	}
	c := through(t, r.outage, cfg)
	var all sync.WaitGroup
	for n := range int(outageOver/time.Second) * outageRate {
		at := time.Duration(n) * time.Second / outageRate
		pass(t, at-time.Since(r.start))
		all.Go(func() {
			g := get(t, c)
			mu.Lock()
			defer mu.Unlock()
			r.count(at, g)
		})
	}
	all.Wait()
	return r
}

func (r *outageRun) count(at time.Duration, g got) {
	if at >= outageBegins && at < outageEnds {
		r.calls++
		if g.err == nil && g.status == 200 && g.from != Canned {
			r.good++
		}
	}
	if r.opened > 0 && at > r.opened && at < outageEnds && g.took > r.slowest && !r.probing(at) {
		r.slowest = g.took
	}
	if at >= outageEnds && g.from == Fresh && g.status == 200 && r.firstFresh == 0 {
		r.firstFresh = at
	}
}

// probing tells whether an attempt arrived when a call began: it was a probe, and took as long as the service does.
func (r *outageRun) probing(at time.Duration) bool { return r.between(at, at+1) > 0 }

func TestOutageOfThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := live(t, Default())
		normal := float64(outageRate)
		meanwhile := float64(r.between(r.opened+1, outageEnds)) / (outageEnds - r.opened).Seconds()
		t.Logf("opened %v into the outage; then %.2f attempts a second, %.1f %% of normal", r.opened-outageBegins,
			meanwhile, 100*meanwhile/normal)
		t.Logf("of %d calls in the outage %d were answered with data; once open within %v", r.calls, r.good, r.slowest)
		t.Logf("closed %v after the end; first fresh answer after %v; longest time between probes %v", r.closed-outageEnds,
			r.firstFresh-outageEnds, r.longestOpen)
		if r.opened == 0 || r.opened > outageBegins+2*time.Second {
			t.Errorf("opened at %v", r.opened)
		}
		if meanwhile > normal/20 {
			t.Errorf("%.2f attempts a second after it opened, want at most %.2f", meanwhile, normal/20)
		}
		if r.slowest >= 5*time.Millisecond {
			t.Errorf("a call took %v while the breaker was open", r.slowest)
		}
		if r.good != r.calls {
			t.Errorf("%d of %d calls were answered with data", r.good, r.calls)
		}
		if r.closed < outageEnds || r.closed > outageEnds+r.longestOpen+time.Second {
			t.Errorf("closed %v after the outage, want within a probe period of %v", r.closed-outageEnds, r.longestOpen)
		}
		if last := r.between(outageOver-5*time.Second, outageOver); last != 5*outageRate {
			t.Errorf("%d attempts in the last 5 s, want one for each call", last)
		}
	})
}

func TestOutageOfThirtySecondsWithTheLabsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := live(t, Lab6Retry(3, time.Second))
		// Those that begin in the last 3 s have a retry behind the outage, those that began before have had theirs.
		from, to := outageBegins+4*time.Second, outageEnds-4*time.Second
		amplification := float64(r.between(from, to)) / (to - from).Seconds() / outageRate
		t.Logf("amplification %.2f", amplification)
		if amplification != 4 {
			t.Errorf("amplification %v, want 4", amplification)
		}
	})
}
