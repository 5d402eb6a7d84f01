package load

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/internal/wait"
)

// collect keeps all samples.
type collect struct {
	mu      sync.Mutex
	samples []Sample
}

func (c *collect) observe(s Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples = append(c.samples, s)
}

func TestRequestsGoOutExactlyWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start, taken := time.Now(), make(chan time.Duration, 2000)
		g := Generator{Rate: 1000, Send: func(context.Context) error { taken <- time.Since(start); return nil }}
		g.Run(ctx)
		close(taken)
		want := time.Duration(0)
		for at := range taken {
			if at != want {
				t.Fatalf("sent at %v, want %v", at, want)
			}
			want += time.Millisecond
		}
		if want < time.Second {
			t.Errorf("the last request was due before %v", want)
		}
	})
}

// A server that stalls for a second is a second's worth of late requests, not one.
func TestAStallIsSeenByAllWhoWouldHaveWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		var c collect
		g := Generator{Rate: 1000, Observe: c.observe, Send: func(ctx context.Context) error {
			since := time.Since(start)
			if since >= time.Second && since < 2*time.Second {
				return wait.For(ctx, 2*time.Second-since)
			}
			return nil
		}}
		g.Run(ctx)
		late, sum := 0, time.Duration(0)
		for _, s := range c.samples {
			if s.Took > 0 {
				late, sum = late+1, sum+s.Took
			}
			if want := s.Due.Sub(start) >= time.Second && s.Due.Sub(start) < 2*time.Second; (s.Took > 0) != want {
				t.Fatalf("due at %v it took %v", s.Due.Sub(start), s.Took)
			}
		}
		if late != 1000 || sum != 500500*time.Millisecond {
			t.Errorf("%d late requests, which took %v, want 1000 and 500.5s", late, sum)
		}
		if e := g.Effort(); e.IsBottleneck() {
			t.Errorf("the server's stall is laid to the generator: %+v", e)
		}
	})
}

func TestWhatIsUnderWayAtTheEndIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var c collect
		g := Generator{Rate: 1, Observe: c.observe, Send: func(ctx context.Context) error { return wait.For(ctx, 10*time.Second) }}
		start := time.Now()
		g.Run(ctx)
		if diff := cmp.Diff([]Sample{{Due: start, Took: 10 * time.Second}}, c.samples); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBeyondItsBoundTheGeneratorSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g := Generator{Rate: 2 * MaxInFlight, Send: func(ctx context.Context) error { return wait.For(ctx, time.Minute) }}
		g.Run(ctx)
		if e := g.Effort(); e.Sent != MaxInFlight || e.Dropped < MaxInFlight-1 || !e.IsBottleneck() {
			t.Errorf("%+v", e)
		}
	})
}

func TestTheGeneratorAsBottleneck(t *testing.T) {
	var g Generator
	for range 99 {
		g.note(0)
	}
	g.note(Lateness + 1)
	if e := g.Effort(); e.IsBottleneck() || e.WorstLag != Lateness+1 {
		t.Errorf("one in a hundred: %+v", e)
	}
	g.note(time.Second)
	if e := g.Effort(); !e.IsBottleneck() || e.Late != 2 || e.WorstLag != time.Second {
		t.Errorf("two in a hundred: %+v", e)
	}
}

func TestFiguresOfPhases(t *testing.T) {
	var r Recorder
	start := time.Now()
	r.Observe(Sample{Due: start.Add(-time.Second), Took: time.Hour})
	r.Begin("before", start)
	r.Begin("fault", start.Add(time.Second))
	for i := range 1000 {
		r.Observe(Sample{Due: start.Add(time.Duration(i) * time.Millisecond), Took: time.Duration(i+1) * time.Millisecond})
	}
	failed := errors.New("failed")
	r.Observe(Sample{Due: start.Add(time.Second), Took: 3 * time.Hour, Err: failed})
	r.Observe(Sample{Due: start.Add(time.Second), Took: 0})
	got := r.Figures()
	if len(got) != 2 || got[0].Phase != "before" || got[0].Requests != 1000 || got[0].Errors != 0 {
		t.Fatalf("%+v", got)
	}
	for _, row := range []struct{ got, want time.Duration }{
		{got[0].P50, 500 * time.Millisecond},
		{got[0].P90, 900 * time.Millisecond},
		{got[0].P99, 990 * time.Millisecond},
		{got[0].P999, 999 * time.Millisecond},
		{got[0].Max, time.Second},
	} {
		if off := row.got - row.want; off < 0 || off > row.want/1000 {
			t.Errorf("%v, want %v and at most 0.1 %% more", row.got, row.want)
		}
	}
	if f := got[1]; f.Requests != 2 || f.Errors != 1 || f.Share() != 0.5 || f.Max < 2*time.Hour {
		t.Errorf("%+v", f)
	}
	if (Figures{}).Share() != 0 {
		t.Error("none of no requests failed")
	}
}

func TestSender(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/slow":
			<-r.Context().Done()
		case "/503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/away":
			http.Redirect(w, r, "/503", http.StatusFound)
		case "/cut":
			w.Header().Set("Content-Length", "10")
		default:
			if r.Method != "PUT" || r.Host != "shop" || r.Header.Get("X-A") != "b" || string(body) != "hi" {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
	}))
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	for path, want := range map[string]string{
		"/": "", "/away": "", "/503": "status 503", "/slow": "context deadline exceeded", "/cut": "unexpected EOF",
	} {
		s := Sender{
			Method: "PUT", URL: server.URL + path, Body: "hi", Headers: map[string]string{"X-A": "b", "Host": "shop"},
			Timeout: 5 * time.Second, Client: client,
		}
		if path == "/slow" {
			s.Timeout = 20 * time.Millisecond
		}
		err := s.Send(t.Context())
		if got := errorText(err); (want == "") != (err == nil) || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A stall on real sockets: with SQUALL_TORTURE one of a second, in which a thousand requests a second are late, and not one.
func TestAStallOnLoopback(t *testing.T) {
	const rate, slack = 1000, 20 * time.Millisecond
	stall := 200 * time.Millisecond
	if os.Getenv("SQUALL_TORTURE") != "" {
		stall = time.Second
	}
	var stalled sync.RWMutex
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		stalled.RLock()
		defer stalled.RUnlock()
	}))
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	sender := Sender{Method: "GET", URL: server.URL, Timeout: 10 * time.Second, Client: client}
	ctx, cancel := context.WithTimeout(t.Context(), 3*stall)
	defer cancel()
	time.AfterFunc(stall, func() {
		stalled.Lock()
		time.AfterFunc(stall, stalled.Unlock)
	})
	var c collect
	g := Generator{Rate: rate, Send: sender.Send, Observe: c.observe}
	g.Run(ctx)
	late := 0
	for _, s := range c.samples {
		if s.Err == nil && s.Took > slack {
			late++
		}
	}
	t.Logf("%d of %d requests took longer than %v, %+v", late, len(c.samples), slack, g.Effort())
	if least := int((stall - 2*slack).Seconds() * rate); late < least {
		t.Errorf("%d requests were late, want %d at least", late, least)
	}
}

// On a real clock no request is early, and with SQUALL_TORTURE the rate of 30 seconds is right within 0.5 %.
func TestTheRateOnLoopback(t *testing.T) {
	const rate = 1000
	length := time.Second
	if os.Getenv("SQUALL_TORTURE") != "" {
		length = 30 * time.Second
	}
	var arrived atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	sender := Sender{Method: "GET", URL: server.URL, Timeout: 10 * time.Second, Client: client}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var c collect
	g := Generator{Rate: rate, Send: sender.Send, Observe: c.observe}
	start := time.Now()
	g.Run(ctx)
	took := time.Since(start)
	for _, s := range c.samples {
		if s.Err != nil || s.Took <= 0 {
			t.Fatalf("%+v", s)
		}
	}
	if got, most := arrived.Load(), int64(took.Seconds()*rate)+1; got > most {
		t.Errorf("%d requests in %v, want %d at most", got, took, most)
	}
	want := int64(length.Seconds() * rate)
	t.Logf("%d of %d requests in %v, %+v", arrived.Load(), want, took, g.Effort())
	if off := arrived.Load() - want; os.Getenv("SQUALL_TORTURE") != "" && max(off, -off) > want*5/1000 {
		t.Errorf("%d requests in %v, want %d within 0.5 %%", arrived.Load(), length, want)
	}
}
