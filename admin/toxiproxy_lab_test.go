package admin_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/tcp"
)

// newToxiproxyLab starts a lab whose TCP proxies really pass bytes on. It has no proxy but "web", of HTTP, which serves
// nobody.
func newToxiproxyLab(t *testing.T, adjust ...func(*admin.Server)) *lab {
	t.Helper()
	executor := &idleExecutor{proxies: map[string]*proxy.Proxy{}}
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: executor, proxy.TCP: &tcp.Executor{}}}
	state := control.NewState(42)
	web := proxy.Defaults()
	web.Name, web.Listen, web.Upstream = "web", "127.0.0.1:0", "http://127.0.0.1:5055"
	state.PutProxy(web)
	controller, err := control.New(control.Config{Engine: engine, Policy: control.DefaultPolicy()}, state)
	if err != nil {
		t.Fatal(err)
	}
	server := &admin.Server{
		Controller: controller, Addr: engine.Addr, Version: admin.Version{Version: "2.12.0", Squall: "0.1.0"},
		Metrics: admin.NewMetrics(admin.TrafficMetrics(engine.Traffic)),
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
	return &lab{Server: server, controller: controller, executor: executor, url: url, http: onlyAsked(t)}
}

// onlyAsked is a client that is sent nowhere unasked, and waits a second at the most: nothing that one asks for takes longer.
func onlyAsked(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// isToxiproxys reports whether a path is one of Toxiproxy's API.
func isToxiproxys(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"proxies", "populate", "reset", "version", "metrics"}, first)
}

// busyPort gives an address that another listener has.
func busyPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}
