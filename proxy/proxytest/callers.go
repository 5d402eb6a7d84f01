package proxytest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// callers shows what Envoy's documentation states for the header fields of its fault filter.
func (s suite) callers(t *testing.T) {
	t.Run("Delay", s.callerDelay)
	t.Run("Abort", s.callerAbort)
	t.Run("GRPCAbort", s.callerGRPCAbort)
	t.Run("Percentages", s.callerPercentages)
	t.Run("ResponseRateLimit", s.callerRateLimit)
	t.Run("MaxActiveFaults", s.callerCap)
	t.Run("Off", s.callersOff)
}

// asked is the name of a header field of Envoy's fault filter.
func asked(name string) string { return "x-envoy-fault-" + name }

// caller lets callers ask for faults.
func caller(text string) option {
	return func(t *testing.T, e *proxy.Endpoint) {
		t.Helper()
		node, err := document.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		entry := &faults.CallerEntry{Proxy: "p", Counters: faults.NewCallerCounters()}
		if err := entry.Caller.DecodeDocument(node); err != nil {
			t.Fatal(err)
		}
		if e.Faults, err = faults.Compile(faults.Config{Seed: 42, Protect: e.Config.Protect, Caller: entry}); err != nil {
			t.Fatal(err)
		}
	}
}

// callerDelay: the request is held for the milliseconds that it asks for, and its fields go on to the upstream.
func (s suite) callerDelay(t *testing.T) {
	seen := make(chan http.Header, 2)
	r := s.start(t, serve(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header }), caller(`true`))
	start := time.Now()
	reply, _ := r.get("/", asked("delay-request"), "120")
	if took := time.Since(start); took < 120*time.Millisecond {
		t.Errorf("took %v", took)
	}
	equal(t, "status", reply.StatusCode, 200)
	equal(t, "field at the upstream", (<-seen).Get(asked("delay-request")), "120")
	x := r.exchange()
	equal(t, "flags", strings.Join(x.Flags(), ","), "DI")
	equal(t, "rule", x.Faults.Decisions()[0].Rule, "caller/delay")
	r.get("/health", asked("delay-request"), "86400000") // protected
	r.get("/")
	for range 2 {
		x := r.exchange()
		equal(t, "delayed", x.Delayed, false)
	}
}

func (s suite) callerAbort(t *testing.T) {
	upstream, calls := counted(t)
	r := s.start(t, upstream, caller(`true`))
	reply, body := r.get("/", asked("abort-request"), "418")
	equal(t, "status", reply.StatusCode, 418)
	equal(t, "body", body, "{\"message\":\"I'm a teapot\"}\n")
	equal(t, "mark", reply.Header.Get(faults.AttributionHeader), "rule=caller/abort; kind=abort; n=1")
	equal(t, "calls", calls.Load(), 0)
	x := r.exchange()
	equal(t, "outcome", x.Outcome, proxy.Injected)
	for _, value := range []string{"199", "600", "x"} {
		reply, _ = r.get("/", asked("abort-request"), value)
		equal(t, "status for "+value, reply.StatusCode, 200)
	}
	equal(t, "calls", calls.Load(), 3)
}

// callerGRPCAbort: the HTTP status is 200, the gRPC status is the one asked for.
func (s suite) callerGRPCAbort(t *testing.T) {
	upstream, calls := counted(t)
	r := s.start(t, upstream, caller(`true`))
	reply, body := r.call(http.MethodPost, "/shop.Stock/Get", "", asked("abort-grpc-request"), "14", "Content-Type", "application/grpc")
	equal(t, "status", reply.StatusCode, 200)
	equal(t, "gRPC status", reply.Header.Get("Grpc-Status"), "14")
	equal(t, "content type", reply.Header.Get("Content-Type"), "application/grpc")
	equal(t, "body", body, "")
	equal(t, "calls", calls.Load(), 0)
}

func (s suite) callerPercentages(t *testing.T) {
	upstream, calls := counted(t)
	r := s.start(t, upstream, caller(`true`))
	for range 20 {
		reply, _ := r.get("/", asked("abort-request"), "503", asked("abort-request-percentage"), "0")
		equal(t, "status at 0 %", reply.StatusCode, 200)
		reply, _ = r.get("/", asked("abort-request"), "503", asked("abort-percentage"), "100")
		equal(t, "status at 100 %", reply.StatusCode, 503)
	}
	equal(t, "calls", calls.Load(), 20)
	r.change(caller(`{"percent": 0}`))
	for range 20 {
		reply, _ := r.get("/", asked("abort-request"), "503", asked("abort-request-percentage"), "100")
		equal(t, "status at no more than 0 %", reply.StatusCode, 200)
	}
}

// callerRateLimit: at 1 KiB/s no byte comes early, and trailers wait for the body.
func (s suite) callerRateLimit(t *testing.T) {
	const rate = 1024
	body := strings.Repeat("0123456789abcdef", 16)
	least := time.Duration(len(body))*time.Second/rate - 50*time.Millisecond
	for _, trailer := range []string{"", "7"} {
		r := s.start(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if trailer != "" {
				w.Header().Set("Trailer", "X-Sum")
			}
			_, _ = io.WriteString(w, body)
			if trailer != "" {
				w.Header().Set("X-Sum", trailer)
			}
		}), caller(`true`))
		for _, value := range []string{"1", "0"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set(asked("throughput-response"), value)
			e := early{t: t, start: time.Now(), allowed: atRate(rate)}
			if value == "0" {
				e.allowed = func(time.Duration) int64 { return int64(len(body)) }
			}
			reply, err := r.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			e.Reader = reply.Body
			got, err := io.ReadAll(&e)
			_ = reply.Body.Close()
			if err != nil || string(got) != body {
				t.Errorf("%d bytes arrived, then %v", len(got), err)
			}
			if took := time.Since(e.start); value == "1" && took < least {
				t.Errorf("the end came after %v, want at least %v", took, least)
			}
			equal(t, "trailer", reply.Trailer.Get("X-Sum"), trailer)
			x := r.exchange()
			equal(t, "delayed", x.Delayed, value == "1")
		}
	}
}

// callerCap: beyond the cap requests pass, until one that is hit is over.
func (s suite) callerCap(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	r := s.start(t, serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			close(arrived)
			<-release
		}
	}), caller(`{"max_active": 1}`))
	held := make(chan struct{})
	go func() {
		defer close(held)
		request, err := http.NewRequest(http.MethodGet, r.url+"/held", nil)
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set(asked("delay-request"), "1")
		reply, err := r.client.Do(request)
		if err != nil {
			t.Error(err)
			return
		}
		_ = reply.Body.Close()
	}()
	within(t, "the request that is held", arrived)
	for range 3 {
		reply, _ := r.get("/", asked("abort-request"), "503")
		equal(t, "status over the cap", reply.StatusCode, 200)
	}
	close(release)
	within(t, "the request that was held", held)
	for r.exchange().Path != "/held" { // its end is what gives the place back
	}
	reply, _ := r.get("/", asked("abort-request"), "503")
	equal(t, "status within the cap", reply.StatusCode, 503)
}

// callersOff: unless a proxy allows it, the fields are like any others.
func (s suite) callersOff(t *testing.T) {
	seen := make(chan http.Header, 1)
	r := s.start(t, serve(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header }))
	reply, _ := r.get("/", asked("abort-request"), "503", asked("delay-request"), "86400000")
	equal(t, "status", reply.StatusCode, 200)
	equal(t, "field at the upstream", (<-seen).Get(asked("abort-request")), "503")
	x := r.exchange()
	equal(t, "decisions", len(x.Faults.Decisions()), 0)
}
