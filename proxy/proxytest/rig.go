package proxytest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// patience bounds how long a test waits for what must happen soon.
const patience = 20 * time.Second

// rig is a running proxy with what a test needs around it.
type rig struct {
	t         *testing.T
	engine    *proxy.Engine
	endpoint  proxy.Endpoint
	addr      string // host:port that clients call
	url       string
	client    *http.Client
	exchanges chan proxy.Exchange
	warnings  chan string
	probe     atomic.Pointer[func(*proxy.Exchange)] // is told of every exchange before they are; nil = none
}

// option changes what a rig starts.
type option func(*testing.T, *proxy.Endpoint)

// config changes the proxy's configuration.
func config(change func(*proxy.Config)) option {
	return func(_ *testing.T, e *proxy.Endpoint) { change(&e.Config) }
}

// rules puts faults in force, each a rule's document.
func rules(documents ...string) option {
	return func(t *testing.T, e *proxy.Endpoint) {
		t.Helper()
		c := faults.Config{Seed: 42, Protect: e.Config.Protect}
		for _, text := range documents {
			c.Entries = append(c.Entries, faults.Entry{Rule: rule(t, text), Counter: faults.NewCounter()})
		}
		set, err := faults.Compile(c)
		if err != nil {
			t.Fatal(err)
		}
		e.Faults = set
	}
}

func rule(t *testing.T, text string) faults.Rule {
	t.Helper()
	node, err := document.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var r faults.Rule
	if err := r.DecodeDocument(node); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if r.Name == "" {
		r.Name = r.Kind
	}
	return r
}

// start runs a proxy before an upstream URL.
func (s suite) start(t *testing.T, upstream string, options ...option) *rig {
	t.Helper()
	return s.startEngine(t, upstream, func(*proxy.Engine) {}, options...)
}

// startEngine is start with an engine that is set up otherwise.
func (s suite) startEngine(t *testing.T, upstream string, setUp func(*proxy.Engine), options ...option) *rig {
	t.Helper()
	r := &rig{t: t, exchanges: make(chan proxy.Exchange, 100), warnings: make(chan string, 100)}
	r.engine = &proxy.Engine{
		Executors:  map[string]proxy.Executor{proxy.DefaultEngine: s.newExecutor()},
		Observer:   r.observe,
		CallHeader: "X-Shop-Call",
		Warn:       func(proxyName string, err error) { r.warnings <- proxyName + ": " + err.Error() },
	}
	setUp(r.engine)
	r.endpoint = proxy.Endpoint{Config: proxy.Defaults()}
	r.endpoint.Config.Name, r.endpoint.Config.Listen, r.endpoint.Config.Upstream = "p", "127.0.0.1:0", upstream
	r.change(options...)
	r.addr = r.engine.Addr("p").String()
	r.url = "http://" + r.addr
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1000}
	r.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		r.shutdown(patience)
	})
	return r
}

// observe keeps records for exchange; beyond 100 that nobody has looked at it forgets.
func (r *rig) observe(x *proxy.Exchange) {
	if probe := r.probe.Load(); probe != nil {
		(*probe)(x)
	}
	select {
	case r.exchanges <- *x:
	default:
	}
}

// change puts other settings in force.
func (r *rig) change(options ...option) {
	r.t.Helper()
	for _, o := range options {
		o(r.t, &r.endpoint)
	}
	change, err := r.engine.Prepare([]proxy.Endpoint{r.endpoint})
	if err != nil {
		r.t.Fatal(err)
	}
	change.Commit()
}

// shutdown ends the proxy within a time, and reports whether it had to drop anything for that.
func (r *rig) shutdown(within time.Duration) (dropped bool) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	err := r.engine.Shutdown(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		r.t.Errorf("shutdown: %v", err)
	}
	return err != nil
}

// exchange gives the record of the next exchange that ends.
func (r *rig) exchange() proxy.Exchange {
	r.t.Helper()
	select {
	case x := <-r.exchanges:
		return x
	case <-time.After(patience):
		r.t.Fatal("no exchange was recorded")
		return proxy.Exchange{}
	}
}

// get calls a path and reads the reply whole.
func (r *rig) get(path string, header ...string) (*http.Response, string) {
	r.t.Helper()
	return r.call(http.MethodGet, path, "", header...)
}

// call sends a request; header is names and values in turn.
func (r *rig) call(method, path, body string, header ...string) (*http.Response, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	reply, err := r.client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer reply.Body.Close()
	got, err := io.ReadAll(reply.Body)
	if err != nil {
		r.t.Fatalf("reading the reply: %v", err)
	}
	return reply, string(got)
}

// serve starts an upstream on net/http.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// within fails the test unless something comes from done in time.
func within[T any](t *testing.T, what string, done <-chan T) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: nothing after %v", what, patience)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
