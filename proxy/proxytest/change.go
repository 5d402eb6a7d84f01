package proxytest

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

func (s suite) change(t *testing.T) {
	t.Run("SeenByEveryLaterRequest", s.seen)
	t.Run("UnderTraffic", s.toggled)
	t.Run("ExchangesKeepTheirSettings", func(t *testing.T) {
		upstream, _ := counted(t)
		counter := faults.NewCounter()
		r := s.start(t, upstream, armed(t, counter, `{"delay": "50ms"}`))
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		waitHit(t, counter)
		elsewhere := config(func(c *proxy.Config) { c.Upstream = nowhere(t) })
		r.change(elsewhere, rules(`{"abort": 500, "phase": "after"}`))
		reply, body := c.reply(http.MethodGet)
		equal(t, "status", reply.StatusCode, 200)
		equal(t, "body", body, "real")
	})
	t.Run("KeepsConnections", func(t *testing.T) {
		upstream, _ := counted(t)
		r := s.start(t, upstream)
		c := r.dial()
		for i := range 20 {
			r.change(rules(`{"headers": {"response": {"set": {"X-Round": "` + strconv.Itoa(i) + `"}}}}`))
			c.send("GET / HTTP/1.1", "Host: x", "", "")
			reply, _ := c.reply(http.MethodGet)
			equal(t, "X-Round", reply.Header.Get("X-Round"), strconv.Itoa(i))
		}
	})
}

// seen: a request that starts after Commit has returned sees the new rules, 10,000 times.
func (s suite) seen(t *testing.T) {
	tries := 10_000
	if testing.Short() {
		tries = 500
	}
	upstream, _ := recording(t, okReply)
	r := s.start(t, upstream)
	failing, passing := r.endpoint, r.endpoint
	rules(`{"abort": 503}`)(t, &failing)
	clients := []*peer{r.dial(), r.dial(), r.dial()}
	for i := range tries {
		endpoint, want := passing, "HTTP/1.1 200 OK"
		if i%2 == 0 {
			endpoint, want = failing, "HTTP/1.1 503 Service Unavailable"
		}
		change, err := r.engine.Prepare([]proxy.Endpoint{endpoint})
		if err != nil {
			t.Fatal(err)
		}
		change.Commit()
		c := clients[i%len(clients)]
		c.send("GET / HTTP/1.1", "Host: x", "", "")
		line, fields := c.mustHead()
		if line != want {
			t.Fatalf("try %d: got %q, want %q", i, line, want)
		}
		length, _ := strconv.Atoi(field(fields, "Content-Length"))
		_, _ = c.reader.Discard(length)
	}
}

// toggled: rules change 1,000 times under 64 clients, and no request fails unless a rule says so.
func (s suite) toggled(t *testing.T) {
	const clients, toggles, requests = 64, 1000, 2 // requests between two changes
	r := s.start(t, serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "real") }))
	var stop atomic.Bool
	var running sync.WaitGroup
	answered := make(chan struct{}, clients)
	for range clients {
		running.Go(func() {
			for !stop.Load() {
				reply, err := r.client.Get(r.url)
				if err != nil {
					t.Errorf("request: %v", err)
					return
				}
				body, err := io.ReadAll(reply.Body)
				_ = reply.Body.Close()
				injected := reply.Header.Get(faults.AttributionHeader) != ""
				if err != nil || injected != (reply.StatusCode == 503) || !injected && string(body) != "real" {
					t.Errorf("status %d, body %q, injected %v, %v", reply.StatusCode, body, injected, err)
					return
				}
				select {
				case answered <- struct{}{}:
				default:
				}
			}
		})
	}
	settings := make([]proxy.Endpoint, 4)
	for i, documents := range [][]string{
		{}, {`{"abort": 503}`}, {`{"delay": "1ms"}`, `{"abort": 503, "percent": 50}`}, {`{"abort": 503, "phase": "after"}`},
	} {
		settings[i] = r.endpoint
		rules(documents...)(t, &settings[i])
	}
	for i := range toggles {
		change, err := r.engine.Prepare([]proxy.Endpoint{settings[i%len(settings)]})
		if err != nil {
			t.Fatal(err)
		}
		change.Commit()
		for range requests {
			within(t, "a reply", answered)
		}
	}
	stop.Store(true)
	running.Wait()
}
