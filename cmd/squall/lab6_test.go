package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/squall-proxy/squall/client"
	"github.com/squall-proxy/squall/client/calls"
)

// The service's seed 42 fails these of the first 20 requests.
var seed42Failures = []int{2, 3, 5, 7, 11, 16, 17, 19}

func TestLab6NormalFailsExactlyAsTheSeedSays(t *testing.T) {
	l := newLab(t, 42)
	var failed []int
	for i := 1; i <= 20; i++ {
		if status, _ := get(t, l.proxies["flaky"]); status == http.StatusServiceUnavailable {
			failed = append(failed, i)
		}
	}
	if !slices.Equal(failed, seed42Failures) {
		t.Fatalf("requests %v failed, want %v", failed, seed42Failures)
	}
}

// labClient makes calls with lab 6's client and gives its summary and what it printed.
func labClient(t *testing.T, url string, c client.Config, count int) (calls.Summary, string) {
	t.Helper()
	var lines bytes.Buffer
	summary, err := calls.Caller{Client: c, URL: url, Count: count, Lines: &lines}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return summary, lines.String()
}

func TestLab6RetryingClientSucceedsInNormalOperation(t *testing.T) {
	l := newLab(t, 42)
	summary, _ := labClient(t, l.proxies["flaky"], client.Lab6Retry(3, time.Millisecond), 500)
	if summary.OK < 491 { // more than 98 %
		t.Fatalf("%v", summary)
	}
	if summary.Attempts < 600 {
		t.Fatalf("with 30 %% failures 500 calls cannot take only %d attempts", summary.Attempts)
	}
}

func TestLab6ModesSwitchWhileTrafficFlows(t *testing.T) {
	l := newLab(t, 42)
	traffic := startTraffic(t, l.proxies["flaky"])
	sees := func(what string) {
		t.Helper()
		eventually(t, "the traffic never saw "+what, func() bool { return traffic.count(what) > 0 })
	}
	sees("200 ok")
	sees("503 service")
	lab6 := client.Lab6Fallback(2, time.Millisecond)

	// Of 20 calls with 3 attempts each, of which 3 in 10 fail, 7 or more fail once in a million runs.
	summary, _ := labClient(t, l.proxies["flaky"], client.Lab6Retry(3, time.Millisecond), 20)
	if summary.OK < 14 {
		t.Errorf("normal: %v", summary)
	}

	l.put("/admin/faults", `{"mode":"failure"}`)
	sees("503 injected")
	summary, lines := labClient(t, l.proxies["flaky"], lab6, 5)
	if summary.Failed != 5 || summary.Attempts != 15 || strings.Count(lines, client.FallbackMessage) != 5 {
		t.Errorf("failure: %v\n%s", summary, lines)
	}

	l.put("/admin/faults", `{"mode":"fallback"}`)
	sees("200 degraded")
	if summary, _ = labClient(t, l.proxies["flaky"], lab6, 5); summary.Degraded != 5 || summary.Attempts != 5 {
		t.Errorf("fallback: %v", summary)
	}

	l.put("/admin/faults", `{"mode":"normal"}`)
	if summary, _ = labClient(t, l.proxies["flaky"], client.Lab6Retry(3, time.Millisecond), 20); summary.OK < 14 {
		t.Errorf("recovery: %v", summary)
	}
	traffic.stop()
	for what := range traffic.seen {
		if strings.HasPrefix(what, "error") {
			t.Errorf("the traffic met an %s", what)
		}
	}
}

// traffic is a client that goes on while modes are switched.
type traffic struct {
	cancel context.CancelFunc
	ended  chan struct{}
	mu     sync.Mutex
	seen   map[string]int // by status and origin
}

func (tr *traffic) count(what string) int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.seen[what]
}

func (tr *traffic) saw(what string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.seen[what]++
}

func startTraffic(t *testing.T, url string) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tr := &traffic{cancel: cancel, ended: make(chan struct{}), seen: map[string]int{}}
	go tr.run(ctx, url)
	t.Cleanup(tr.stop)
	return tr
}

func (tr *traffic) stop() {
	tr.cancel()
	<-tr.ended
}

func (tr *traffic) run(ctx context.Context, url string) {
	defer close(tr.ended)
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			tr.saw("error: " + err.Error())
			return
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			if ctx.Err() == nil {
				tr.saw("error: " + err.Error())
			}
			continue
		}
		origin := "service"
		switch {
		case response.Header.Get("X-Service-Mode") != "":
			origin = "degraded"
		case response.Header.Get("X-Squall-Fault") != "":
			origin = "injected"
		case response.StatusCode == http.StatusOK:
			origin = "ok"
		}
		tr.saw(fmt.Sprintf("%d %s", response.StatusCode, origin))
		_ = response.Body.Close()
	}
}

func TestLab6RequestIDIsInNginxsLogAndTheExchange(t *testing.T) {
	l := newLab(t, 1)
	host := strings.TrimPrefix(l.proxies["flaky"], "http://")
	url, accessLog := startNginx(t, "round-robin.conf", map[string]string{
		"squall:6055": host,
		"squall:6056": strings.TrimPrefix(l.proxies["service1"], "http://"),
		"squall:6057": strings.TrimPrefix(l.proxies["service2"], "http://"),
	})
	get(t, url+"/flaky/")
	_, exchanges := get(t, l.admin+"/admin/exchanges?proxy=flaky&limit=1")
	_, id, found := strings.Cut(exchanges, `"request_id": "`)
	id, _, _ = strings.Cut(id, `"`)
	if !found || len(id) < 16 {
		t.Fatalf("no request id in %s", exchanges)
	}
	eventually(t, "the id "+id+" is not in nginx's log", func() bool {
		log, err := os.ReadFile(accessLog)
		return err == nil && strings.Contains(string(log), "request_id="+id)
	})
}

// In a complete failure the breaker opens, and the service is spared; it closes when the failure has ended.
func TestLab6BreakerOpensSparesTheServiceAndCloses(t *testing.T) {
	l := newLab(t, 42)
	l.put("/admin/faults", `{"mode":"failure"}`)
	lines := &lockedBuffer{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	caller := calls.Caller{
		Client: client.Lab6Breaker(3, 10*time.Millisecond), URL: l.proxies["flaky"], Rate: 50, Lines: lines,
	}
	caller.Client.Breaker.Base, caller.Client.Breaker.Max = 200*time.Millisecond, 800*time.Millisecond
	go callUntil(ctx, caller, ended)
	sees := func(what string) {
		t.Helper()
		eventually(t, "the client never said "+what, func() bool { return strings.Contains(lines.String(), what) })
	}
	sees("Circuit breaker CLOSED -> OPEN")
	sees("Circuit breaker HALF-OPEN -> OPEN")
	sees("Not sent: circuit breaker of GET ")
	held := func() int { return strings.Count(lines.String(), "Not sent: ") }
	failed := func() int { return strings.Count(lines.String(), "failed: 503") }
	before := failed()
	eventually(t, "100 calls were never held back", func() bool { return held() >= 100 })
	if n := failed() - before; n > 20 {
		t.Errorf("while at least 100 calls were held back, %d attempts were made", n)
	}
	l.put("/admin/faults", `{"mode":"normal"}`)
	sees("Circuit breaker OPEN -> HALF-OPEN")
	sees("Circuit breaker HALF-OPEN -> CLOSED")
	sees("Hello from the service!")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func callUntil(ctx context.Context, caller calls.Caller, ended chan<- error) {
	_, err := caller.Run(ctx)
	ended <- err
}
