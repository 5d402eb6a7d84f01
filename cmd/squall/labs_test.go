package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/services/flaky"
	"github.com/squall-proxy/squall/services/hello"
)

// lab is both labs on loopback: the services, a squall with one proxy before each, and its admin API.
type lab struct {
	t        *testing.T
	services map[string]*labService
	proxies  map[string]string // URLs
	admin    string            // URL
}

// labService is a service that can be stopped and started again on the same port.
type labService struct {
	addr    string
	handler http.Handler
	server  *httptest.Server
}

func (s *labService) start(t *testing.T) {
	t.Helper()
	if s.addr == "" {
		s.addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.handler}}
	s.server.Start()
}

func (s *labService) stop() {
	s.server.CloseClientConnections()
	s.server.Close()
}

func newLab(t *testing.T, flakySeed uint64) *lab {
	t.Helper()
	l := &lab{t: t, services: map[string]*labService{}, proxies: map[string]string{}}
	flakyHandler, err := flaky.New(flaky.Config{
		Mode: flaky.Normal, FailureRate: flaky.DefaultFailureRate, Seed: flakySeed, Logger: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	l.serve("flaky", flakyHandler)
	for _, name := range []string{"service1", "service2"} {
		handler, err := hello.New(hello.Config{ServerName: name, Logger: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		l.serve(name, handler)
	}
	l.startSquall()
	return l
}

func (l *lab) serve(name string, handler http.Handler) {
	l.t.Helper()
	service := &labService{handler: handler}
	service.start(l.t)
	l.services[name] = service
	l.t.Cleanup(func() { service.stop() })
}

func (l *lab) startSquall() {
	l.t.Helper()
	state := control.NewState(1)
	for _, name := range []string{"flaky", "service1", "service2"} {
		c := proxy.Defaults()
		c.Name, c.Listen, c.Upstream = name, "127.0.0.1:0", "http://"+l.services[name].addr
		if name != "flaky" {
			c.UpstreamDown = proxy.Close
		}
		state.PutProxy(c)
	}
	s, err := startStack(stackConfig{
		state: state, policy: control.DefaultPolicy(), logger: zerolog.Nop(), admin: config.Admin{Listen: "127.0.0.1:0"},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			l.t.Error(err)
		}
	})
	l.admin = "http://" + s.adminAddr()
	for name := range l.services {
		l.proxies[name] = "http://" + s.engine.Addr(name).String()
	}
}

// nginx runs a configuration that goes through squall.
func (l *lab) nginx(configuration string) string {
	l.t.Helper()
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	url, _ := startNginx(l.t, configuration, map[string]string{
		"squall:6055": host(l.proxies["flaky"]),
		"squall:6056": host(l.proxies["service1"]),
		"squall:6057": host(l.proxies["service2"]),
	})
	return url
}

// put sends a document as curl does.
func (l *lab) put(path, body string) {
	l.t.Helper()
	request, err := http.NewRequest(http.MethodPut, l.admin+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		l.t.Fatal(err)
	}
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(response.Body); err != nil {
		l.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		l.t.Fatal(err)
	}
	if response.StatusCode > 201 {
		l.t.Fatalf("PUT %s %s: %s\n%s", path, body, response.Status, &answer)
	}
}

// answers asks n times, one after the other, and gives the bodies.
func answers(t *testing.T, url string, n int) []string {
	t.Helper()
	got := make([]string, n)
	for i := range got {
		status, body := get(t, url)
		if status != http.StatusOK {
			t.Fatalf("call %d: %d %s", i+1, status, body)
		}
		got[i] = body
	}
	return got
}

const (
	hello1 = "Hello from Service 1"
	hello2 = "Hello from Service 2"
)

func TestLab7DirectAccess(t *testing.T) {
	l := newLab(t, 1)
	for name, want := range map[string]string{"service1": hello1, "service2": hello2} {
		for _, url := range []string{"http://" + l.services[name].addr, l.proxies[name]} {
			if _, got := get(t, url); got != want {
				t.Errorf("%s at %s: %q, want %q", name, url, got, want)
			}
		}
	}
}

func TestLab7RoundRobinAlternatesStrictly(t *testing.T) {
	l := newLab(t, 1)
	t.Run("through squall", func(t *testing.T) { assertAlternates(t, l.nginx("round-robin.conf")) })
	t.Run("as the lab has it", func(t *testing.T) {
		url, _ := startNginx(t, "lab.conf", map[string]string{
			"service1:5055": l.services["service1"].addr, "service2:5055": l.services["service2"].addr,
		})
		assertAlternates(t, url)
	})
}

func assertAlternates(t *testing.T, url string) {
	t.Helper()
	got := answers(t, url, 20)
	for i, body := range got {
		if body != hello1 && body != hello2 {
			t.Fatalf("call %d: %q", i+1, body)
		}
		if i > 0 && body == got[i-1] {
			t.Fatalf("calls %d and %d were both answered by %q: %q", i, i+1, body, got)
		}
	}
}

func TestLab7WeightedSharesAreExact(t *testing.T) {
	l := newLab(t, 1)
	got := answers(t, l.nginx("weighted.conf"), 40)
	first := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != hello1 }))
	if first != 30 {
		t.Fatalf("service1 answered %d of 40, want 30: %q", first, got)
	}
}

func TestLab7StoppedServiceIsSkipped(t *testing.T) {
	l := newLab(t, 1)
	url := l.nginx("round-robin.conf")
	assertAlternates(t, url)
	l.services["service1"].stop()
	for i, body := range answers(t, url, 40) {
		if body != hello2 {
			t.Fatalf("call %d: %q", i+1, body)
		}
	}
	l.services["service1"].start(t)
	eventually(t, "service1 never answered again", func() bool {
		_, body := get(t, url)
		return body == hello1
	})
}

func TestLab7AnInjected503IsNotHidden(t *testing.T) {
	l := newLab(t, 1)
	url := l.nginx("round-robin.conf")
	l.put("/admin/faults", `{"modes":{"service1":"failure"}}`)
	failed := 0
	for range 20 {
		if status, _ := get(t, url); status == http.StatusServiceUnavailable {
			failed++
		}
	}
	if failed != 10 {
		t.Fatalf("%d of 20 calls failed, want the 10 that service1 gets", failed)
	}
}
