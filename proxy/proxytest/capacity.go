package proxytest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// capacity shows the faults that let exchanges through up to a limit, and the one that sends clients away.
func (s suite) capacity(t *testing.T) {
	t.Run("RateLimitRefuses", s.rateLimitRefuses)
	t.Run("RateLimitPaces", s.rateLimitPaces)
	t.Run("ConcurrencyRefuses", s.concurrencyRefuses)
	t.Run("ConcurrencyQueues", s.concurrencyQueues)
	t.Run("PlacesAreGivenBack", s.placesGivenBack)
	t.Run("QueueEndsWithTheClient", s.queueLeft)
	t.Run("QueueEndsWithTheServer", s.queueDrained)
	t.Run("Goaway", s.goaway)
	t.Run("GoawayOfAnAnswer", s.goawayAnswer)
	t.Run("GoawayOfAnUpgrade", s.goawayUpgrade)
}

// decision gives the only decision of an exchange.
func decision(t *testing.T, x proxy.Exchange) faults.Decision {
	t.Helper()
	d := x.Faults.Decisions()
	if len(d) != 1 {
		t.Fatalf("decided %+v, want one decision", d)
	}
	return d[0]
}

func (s suite) rateLimitRefuses(t *testing.T) {
	upstream, calls := counted(t)
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"name": "it", "rate_limit": {"rate": 2, "per": "1h", "headers": true}}`))
	for range 2 {
		reply, _ := r.get("/")
		equal(t, "status", reply.StatusCode, 200)
		x := r.exchange()
		equal(t, "reason", decision(t, x).Why, faults.WhyRoom)
		equal(t, "flags", len(x.Flags()), 0)
		equal(t, "outcome", x.Outcome, proxy.OK)
	}
	for range 2 {
		reply, body := r.get("/")
		equal(t, "status", reply.StatusCode, 429)
		equal(t, "body", body, "{\"message\":\"Too Many Requests\"}\n")
		for name, want := range map[string]string{
			"Retry-After": "1800", "RateLimit-Limit": "2", "RateLimit-Remaining": "0", "RateLimit-Reset": "1800",
		} {
			equal(t, name, reply.Header.Get(name), want)
		}
		equal(t, "mark", strings.HasPrefix(reply.Header.Get(faults.AttributionHeader), "rule=it; kind=rate_limit; n="), true)
		x := r.exchange()
		equal(t, "outcome", x.Outcome, proxy.Injected)
		equal(t, "decision", decision(t, x).Outcome, faults.Hit)
		equal(t, "attempts", x.UpstreamAttempts, 0)
	}
	equal(t, "calls", calls.Load(), 2)
	want := faults.Status{Matched: 4, Hit: 2, Skipped: faults.Skipped{Room: 2}, Early: 1}
	equal(t, "status", counter.Status(), want)
}

func (s suite) rateLimitPaces(t *testing.T) {
	upstream, _ := counted(t)
	r := s.start(t, upstream, rules(`{"rate_limit": {"rate": 1, "per": "40ms", "policy": "pace"}}`))
	start := time.Now()
	for i := range 3 {
		reply, _ := r.get("/")
		equal(t, "status", reply.StatusCode, 200)
		if took, least := time.Since(start), time.Duration(i)*40*time.Millisecond; took < least {
			t.Errorf("call %d came through after %v, want %v", i, took, least)
		}
		x := r.exchange()
		equal(t, "outcome", x.Outcome, proxy.OK)
		if i == 0 {
			equal(t, "reason of the first", decision(t, x).Why, faults.WhyRoom)
		}
	}
}

// gated starts an upstream that tells of every request, and answers it when it is let go.
func gated(t *testing.T) (url string, arrived <-chan string, release chan<- struct{}) {
	got, free := make(chan string, 100), make(chan struct{})
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.URL.Path
		select {
		case <-free:
		case <-r.Context().Done():
		}
	}), got, free
}

// arrive waits for a request.
func arrive(t *testing.T, arrived <-chan string, want string) {
	t.Helper()
	select {
	case got := <-arrived:
		equal(t, "request", got, want)
	case <-time.After(patience):
		t.Fatalf("%s did not reach the upstream", want)
	}
}

// ask sends a request on a connection of its own.
func (r *rig) ask(path string) *peer {
	r.t.Helper()
	c := r.dial()
	c.send("GET "+path+" HTTP/1.1", "Host: x", "", "")
	return c
}

func (s suite) concurrencyRefuses(t *testing.T) {
	upstream, arrived, release := gated(t)
	r := s.start(t, upstream, rules(`{"concurrency": {"max": 2, "status": 529}}`))
	first, second := r.ask("/1"), r.ask("/2")
	both := []string{<-arrived, <-arrived}
	slices.Sort(both)
	equal(t, "requests", strings.Join(both, " "), "/1 /2")
	reply, _ := r.get("/3")
	equal(t, "status", reply.StatusCode, 529)
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.Injected)
	equal(t, "decision", decision(t, x).Outcome, faults.Hit)
	close(release)
	for _, c := range []*peer{first, second} {
		reply, _ = c.reply(http.MethodGet)
		equal(t, "status", reply.StatusCode, 200)
		equal(t, "reason", decision(t, r.exchange()).Why, faults.WhyRoom)
	}
	reply, _ = r.get("/4")
	equal(t, "status of the next", reply.StatusCode, 200)
	arrive(t, arrived, "/4")
}

func (s suite) concurrencyQueues(t *testing.T) {
	upstream, arrived, release := gated(t)
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"concurrency": {"max": 1, "queue": 1}}`))
	first := r.ask("/1")
	arrive(t, arrived, "/1")
	second := r.ask("/2")
	waitHit(t, counter)
	reply, _ := r.get("/3")
	equal(t, "status of the third", reply.StatusCode, 503)
	equal(t, "outcome of the third", r.exchange().Outcome, proxy.Injected)
	if len(arrived) > 0 {
		t.Fatal("the upstream has got two requests at once")
	}
	release <- struct{}{}
	first.reply(http.MethodGet)
	x := r.exchange()
	equal(t, "flags of the first", len(x.Flags()), 0)
	arrive(t, arrived, "/2")
	release <- struct{}{}
	reply, _ = second.reply(http.MethodGet)
	equal(t, "status of the second", reply.StatusCode, 200)
	x = r.exchange()
	equal(t, "flags of the second", strings.Join(x.Flags(), ","), "DI")
	equal(t, "outcome of the second", x.Outcome, proxy.OK)
	equal(t, "active", counter.Status().Active, 0)
}

// placesGivenBack: a place is free again on whatever way its exchange ended.
func (s suite) placesGivenBack(t *testing.T) {
	for name, upstream := range map[string]func(*peer){
		"reply":                func(p *peer) { p.send(okReply) },
		"no reply":             func(*peer) {},
		"garbage":              func(p *peer) { p.send("garbage", "", "") },
		"a body that is short": func(p *peer) { p.send("HTTP/1.1 200 OK", "Content-Length: 9", "", "short") },
	} {
		for _, behind := range []string{`"delay": "1ms"`, `"abort": 500`, `"reset": "start"`, `"truncate": 1`, `"blackhole": "1ms"`} {
			t.Run(name+"/"+behind, func(t *testing.T) {
				r := s.start(t, scripted(t, func(p *peer) {
					if _, _, err := p.head(); err == nil {
						upstream(p)
					}
				}), rules(`{"name": "it", "concurrency": 1}`, `{"name": "behind", "phase": "after", `+behind+`}`))
				for range 2 {
					c := r.ask("/")
					x := r.exchange()
					equal(t, "reason", x.Faults.Decisions()[0].Why, faults.WhyRoom)
					_ = c.Close()
				}
			})
		}
	}
}

func (s suite) queueLeft(t *testing.T) {
	upstream, arrived, release := gated(t)
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"concurrency": {"max": 1, "queue": 1}}`))
	first := r.ask("/1")
	arrive(t, arrived, "/1")
	second := r.ask("/2")
	waitHit(t, counter)
	_ = second.Close()
	equal(t, "outcome of who left", r.exchange().Outcome, proxy.ClientLeft)
	third := r.ask("/3") // has the place in the queue
	if _, err := counter.WaitHits(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	release <- struct{}{}
	first.reply(http.MethodGet)
	arrive(t, arrived, "/3")
	close(release)
	reply, _ := third.reply(http.MethodGet)
	equal(t, "status", reply.StatusCode, 200)
}

// queueDrained: who waits when the server is to end goes on without a place, as a delay is cut short.
func (s suite) queueDrained(t *testing.T) {
	upstream, arrived, release := gated(t)
	counter := faults.NewCounter()
	r := s.start(t, upstream, armed(t, counter, `{"concurrency": {"max": 1, "queue": 1}}`))
	r.ask("/1")
	arrive(t, arrived, "/1")
	second := r.ask("/2")
	waitHit(t, counter)
	done := make(chan bool, 1)
	go func() { done <- r.shutdown(patience) }()
	arrive(t, arrived, "/2")
	close(release)
	reply, _ := second.reply(http.MethodGet)
	equal(t, "status", reply.StatusCode, 200)
	equal(t, "dropped", <-done, false)
}

func (s suite) goaway(t *testing.T) {
	for _, reply := range []string{okReply, chunkedReply} {
		upstream, requests := recording(t, reply)
		r := s.start(t, upstream, rules(`{"name": "it", "goaway": {}, "every": 2}`))
		c := r.dial()
		ask := func() { c.send("POST / HTTP/1.1", "Host: x", "Content-Length: 2", "", "ok") }
		ask()
		untouched, _ := c.reply(http.MethodPost)
		equal(t, "Connection of the first", untouched.Close, false)
		x := r.exchange()
		equal(t, "flags of the first", len(x.Flags()), 0)
		ask()
		_, fields := c.mustHead()
		equal(t, "Connection", field(fields, "Connection"), "close")
		_, end := c.rest()
		equal(t, "end", end, fin)
		x = r.exchange()
		equal(t, "flags", strings.Join(x.Flags(), ","), "FI")
		equal(t, "outcome", x.Outcome, proxy.OK)
		for range 2 {
			equal(t, "the upstream is asked to close", field(next(t, requests).fields, "Connection"), "")
		}
	}
}

func (s suite) goawayAnswer(t *testing.T) {
	upstream, calls := counted(t)
	c := s.start(t, upstream, rules(`{"goaway": {}}`, `{"abort": 418}`)).ask("/")
	line, fields := c.mustHead()
	equal(t, "status line", line, "HTTP/1.1 418 I'm a teapot")
	equal(t, "Connection", field(fields, "Connection"), "close")
	_, end := c.rest()
	equal(t, "end", end, fin)
	equal(t, "calls", calls.Load(), 0)
}

func (s suite) goawayUpgrade(t *testing.T) {
	r := s.start(t, scripted(t, func(p *peer) {
		if _, _, err := p.head(); err == nil {
			p.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "", "hello")
		}
	}), rules(`{"goaway": {}}`))
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "", "")
	_, fields := c.mustHead()
	equal(t, "Connection", field(fields, "Connection"), "Upgrade")
	c.expect("hello")
}
