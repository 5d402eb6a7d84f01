package nethttp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/nethttp"
)

// start runs one proxy; the returned function changes its settings.
func start(
	t *testing.T, executor *nethttp.Executor, upstream string, observers ...proxy.Observer,
) (url string, change func(func(*proxy.Endpoint))) {
	t.Helper()
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: executor}}
	for _, o := range observers {
		engine.Observer = o
	}
	endpoint := proxy.Endpoint{Config: proxy.Defaults()}
	endpoint.Config.Name, endpoint.Config.Listen, endpoint.Config.Upstream = "p", "127.0.0.1:0", upstream
	change = func(edit func(*proxy.Endpoint)) {
		t.Helper()
		edit(&endpoint)
		change, err := engine.Prepare([]proxy.Endpoint{endpoint})
		if err != nil {
			t.Fatal(err)
		}
		change.Commit()
	}
	change(func(*proxy.Endpoint) {})
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := engine.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return "http://" + engine.Addr("p").String(), change
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	reply, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

// tlsUpstream is an https upstream and the roots that it is verified against.
func tlsUpstream(t *testing.T, config *tls.Config) (url string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.TLS.ServerName)
	}))
	server.TLS = config
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.URL, roots
}

func TestHTTPSUpstreams(t *testing.T) {
	url, roots := tlsUpstream(t, nil)
	trusting, _ := start(t, &nethttp.Executor{RootCAs: roots}, url)
	if status, body := get(t, trusting); status != 200 || !strings.HasPrefix(body, "HTTP/1.1 ") {
		t.Errorf("verified: %d %q", status, body)
	}
	strict, _ := start(t, &nethttp.Executor{}, url)
	if status, body := get(t, strict); status != 502 || !strings.Contains(body, "certificate") {
		t.Errorf("not verified: %d %q", status, body)
	}
}

func TestOldTLSIsNotSpoken(t *testing.T) {
	for name, config := range map[string]*tls.Config{
		"TLS 1.1": {MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
		"CBC":     {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}},
	} {
		url, roots := tlsUpstream(t, config)
		client, _ := start(t, &nethttp.Executor{RootCAs: roots}, url)
		if status, body := get(t, client); status != 502 {
			t.Errorf("%s: %d %q", name, status, body)
		}
	}
}

// A change of rules leaves the upstream's connections alone; one of the upstream closes those to the old one.
func TestPoolsFollowTheUpstream(t *testing.T) {
	states := make(chan http.ConnState, 100)
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ConnState = func(_ net.Conn, state http.ConnState) { states <- state }
	old.Start()
	t.Cleanup(old.Close)
	url, change := start(t, &nethttp.Executor{}, old.URL)
	for range 5 {
		get(t, url)
		change(func(e *proxy.Endpoint) { e.Faults = &faults.Set{} })
	}
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	change(func(e *proxy.Endpoint) { e.Config.Upstream = other.URL })
	get(t, url)
	fresh := 0
	for state := range states {
		if state == http.StateNew {
			fresh++
		}
		if state == http.StateClosed {
			break
		}
	}
	if fresh != 1 {
		t.Errorf("%d connections to the old upstream, want 1", fresh)
	}
}

// A client that stops in the middle of its body is dropped, one that is slow is not.
func TestBodyTimeout(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(300 * time.Millisecond) // longer than the timeout, which is for the body alone
	}))
	t.Cleanup(upstream.Close)
	url, _ := start(t, &nethttp.Executor{BodyTimeout: 200 * time.Millisecond}, upstream.URL)
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		return conn
	}
	slow := dial()
	_, _ = io.WriteString(slow, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n")
	for range 5 {
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(slow, "x")
	}
	if reply, err := io.ReadAll(slow); err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 200 ") {
		t.Errorf("slow: got %q, %v", reply, err)
	}
	silent := dial()
	start := time.Now()
	_, _ = io.WriteString(silent, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nxx")
	reply, err := io.ReadAll(silent)
	if took := time.Since(start); len(reply) > 0 || took < 200*time.Millisecond || took > 5*time.Second {
		t.Errorf("silent: got %q, %v after %v", reply, err, took)
	}
}

// What a rule wants to look into is waited for no longer than the timeout in all, however it comes.
func TestBodyTimeoutOfARule(t *testing.T) {
	const limit = 200 * time.Millisecond
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the upstream was called") }))
	t.Cleanup(upstream.Close)
	url, change := start(t, &nethttp.Executor{BodyTimeout: limit}, upstream.URL)
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: faults.Rule{
		Name: "paid", Kind: "abort", Phase: faults.Before, Percent: 100, Enabled: true, Attributes: &faults.Abort{Status: 503},
		Match: &faults.Match{Body: faults.BodyMatch{"/paid": {Kind: document.Bool, Bool: true}}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	change(func(e *proxy.Endpoint) { e.Faults = set })
	for _, framing := range []string{"Content-Length: 99\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		start := time.Now()
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+framing)
		for time.Since(start) < limit*3/4 {
			time.Sleep(limit / 20)
			_, _ = io.WriteString(conn, "0")
		}
		reply, err := io.ReadAll(conn)
		_ = conn.Close()
		if took := time.Since(start); len(reply) > 0 || took < limit || took > 5*limit {
			t.Errorf("%s: got %q, %v after %v", framing, reply, err, took)
		}
	}
}

// net/http repeats a GET by itself when a reused connection dies. That cannot be helped here; the record does not hide it.
func TestRepeatedCallsAreRecorded(t *testing.T) {
	var calls atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(upstream.Close)
	exchanges := make(chan proxy.Exchange, 2)
	url, _ := start(t, &nethttp.Executor{}, upstream.URL, func(x *proxy.Exchange) { exchanges <- *x })
	for i, want := range []int{1, 2} {
		get(t, url)
		if x := <-exchanges; x.UpstreamAttempts != want || x.Status != 200 {
			t.Errorf("exchange %d: %d attempts, status %d; want %d, 200", i, x.UpstreamAttempts, x.Status, want)
		}
	}
	if got := calls.Load(); got != 3 {
		t.Errorf("the upstream saw %d calls, want 3", got)
	}
}
