package http1_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
	"github.com/squall-proxy/squall/proxy/nethttp"
	"github.com/squall-proxy/squall/proxy/proxytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSuite(t *testing.T) {
	proxytest.Run(t, func() proxy.Executor { return &http1.Executor{} })
}

// TestHTTP2 shows that what this engine does not speak is handed over whole.
func TestHTTP2(t *testing.T) {
	proxytest.RunHTTP2(t, func() proxy.Executor { return &http1.Executor{HTTP2: &nethttp.Executor{}} })
}

// TestWithoutHTTP2 shows an engine that was given nobody to hand HTTP/2 over to: it says so.
func TestWithoutHTTP2(t *testing.T) {
	executor := &http1.Executor{}
	if got := ask(t, executor, "http://127.0.0.1:1", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 505 ") {
		t.Errorf("a client of HTTP/2 got %q", got)
	}
	got := ask(t, executor, "h2c://127.0.0.1:1", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "no executor of HTTP/2") {
		t.Errorf("for an upstream of HTTP/2 a client got %q", got)
	}
}

// ask sends bytes to a proxy and gives what comes back.
func ask(t *testing.T, executor proxy.Executor, upstream, request string) string {
	t.Helper()
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: executor}}
	c := proxy.Defaults()
	c.Name, c.Listen, c.Upstream = "p", "127.0.0.1:0", upstream
	change, err := engine.Prepare([]proxy.Endpoint{{Config: c}})
	if err != nil {
		t.Fatal(err)
	}
	change.Commit()
	t.Cleanup(func() { _ = engine.Shutdown(context.Background()) })
	conn, err := net.Dial("tcp", engine.Addr("p").String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(reply)
}
