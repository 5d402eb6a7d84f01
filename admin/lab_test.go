package admin_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/admin/live"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// lab is an admin API over a controller with a proxy "flaky", which has a listener and serves nobody.
type lab struct {
	*admin.Server
	controller *control.Controller
	executor   *idleExecutor
	url        string // of the API
	http       *http.Client
}

// newLab starts a lab; adjust may change the server before it serves.
func newLab(t *testing.T, adjust ...func(*admin.Server)) *lab {
	t.Helper()
	executor := &idleExecutor{proxies: map[string]*proxy.Proxy{}}
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: executor, proxy.TCP: executor}}
	state := control.NewState(42)
	flaky := proxy.Defaults()
	flaky.Name, flaky.Listen, flaky.Upstream = "flaky", "127.0.0.1:0", "http://127.0.0.1:5055"
	state.PutProxy(flaky)
	watch := &live.Watch{Feed: live.NewFeed(), Series: &live.Series{}, Sampler: live.NewSampler(), View: admin.ShowExchange}
	audit := admin.NewAudit()
	audit.Feed = watch.Feed
	controller, err := control.New(control.Config{Engine: engine, Policy: control.DefaultPolicy(), Publish: audit.Publish}, state)
	if err != nil {
		t.Fatal(err)
	}
	watch.State, watch.Tallies, watch.Connections = controller.State, engine.Tallies, engine.Connections
	server := &admin.Server{
		Live:       watch,
		Controller: controller, Addr: engine.Addr, CA: engine.CA, Recent: admin.NewRecent(10, 100), Audit: audit,
		Version: admin.Version{Version: "2.12.0", Squall: "0.1.0"}, Metrics: admin.NewMetrics(admin.TrafficMetrics(engine.Traffic)),
		LogLevel: admin.NewLogLevel(zerolog.InfoLevel),
	}
	for _, f := range adjust {
		f(server)
	}
	url, stop := serve(t, server)
	t.Cleanup(func() {
		stop()
		controller.Close()
		if err := engine.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &lab{Server: server, controller: controller, executor: executor, url: url, http: &http.Client{Transport: transport}}
}

// serve serves on loopback until stop is called.
func serve(t *testing.T, server *admin.Server) (url string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	return "http://" + ln.Addr().String(), sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a request; header fields are given as "Name: value", Host among them.
func (l *lab) do(t *testing.T, method, path, body string, fields ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, l.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if name == "Host" {
			request.Host = value
		} else {
			request.Header.Add(name, value)
		}
	}
	return l.send(t, request)
}

func (l *lab) send(t *testing.T, request *http.Request) reply {
	t.Helper()
	response, err := l.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// must is do for a request that is to succeed.
func (l *lab) must(t *testing.T, method, path, body string, fields ...string) reply {
	t.Helper()
	got := l.do(t, method, path, body, fields...)
	if got.status/100 != 2 {
		t.Fatalf("%s %s %s: %d %s", method, path, body, got.status, got.body)
	}
	return got
}

// client asks the lab's API.
func (l *lab) client(t *testing.T) *admin.Client {
	t.Helper()
	c, err := admin.NewClient(l.url, l.Token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// decide lets a proxy's faults decide one request, and gives the record.
func (l *lab) decide(t *testing.T, proxyName, path string) faults.Record {
	t.Helper()
	p := l.executor.proxy(proxyName)
	if p == nil {
		t.Fatalf("no proxy %q runs", proxyName)
	}
	view := faults.View{Proxy: proxyName, Method: "GET", Host: "flaky", Path: path, Header: http.Header{}, Now: time.Now()}
	var plan faults.Plan
	plan.Begin(p.Settings().Faults, &view)
	defer plan.Done()
	for {
		if action, _ := plan.Next(&view); action == nil {
			return plan.Record()
		}
	}
}

// idleExecutor owns listeners and accepts nothing on them.
type idleExecutor struct {
	mu      sync.Mutex
	proxies map[string]*proxy.Proxy
}

func (x *idleExecutor) Start(ln net.Listener, p *proxy.Proxy) proxy.Server {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.proxies[p.Name] = p
	return idleServer{ln}
}

func (x *idleExecutor) proxy(name string) *proxy.Proxy {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.proxies[name]
}

type idleServer struct{ ln net.Listener }

func (s idleServer) Shutdown(context.Context) error {
	s.ln.Close()
	return nil
}
