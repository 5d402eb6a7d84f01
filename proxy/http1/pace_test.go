package http1_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
)

// pacedProxy starts a proxy that throttles request bodies, and gives its address and the records of its exchanges.
func pacedProxy(t *testing.T, executor *http1.Executor, upstream http.HandlerFunc, rate faults.Size) (string, <-chan proxy.Exchange) {
	t.Helper()
	server := httptest.NewServer(upstream)
	t.Cleanup(server.Close)
	set, err := faults.Compile(faults.Config{Entries: []faults.Entry{{Rule: faults.Rule{
		Name: "slow", Kind: "throttle", Phase: faults.Before, Percent: 100, Enabled: true,
		Attributes: &faults.Throttle{Rate: rate, Side: faults.OfRequest},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	exchanges := make(chan proxy.Exchange, 10)
	engine := &proxy.Engine{
		Executors: map[string]proxy.Executor{proxy.DefaultEngine: executor},
		Observer:  func(x *proxy.Exchange) { exchanges <- *x },
	}
	endpoint := proxy.Endpoint{Config: proxy.Defaults(), Faults: set}
	endpoint.Config.Name, endpoint.Config.Listen, endpoint.Config.Upstream = "p", "127.0.0.1:0", server.URL
	change, err := engine.Prepare([]proxy.Endpoint{endpoint})
	if err != nil {
		t.Fatal(err)
	}
	change.Commit()
	t.Cleanup(func() {
		if err := engine.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return engine.Addr("p").String(), exchanges
}

// TestAClientThatLeavesItsPacedUpload is noticed while its body waits, whether it had come with the head or not, and the
// upstream is told.
func TestAClientThatLeavesItsPacedUpload(t *testing.T) {
	for name, head := range map[string]string{
		"with the head": "Content-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000),
		"in part":       "Content-Length: 1000\r\n\r\n" + strings.Repeat("x", 500),
		"in chunks":     "Transfer-Encoding: chunked\r\n\r\n" + "3e8\r\n" + strings.Repeat("x", 1000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			first, broken := make(chan struct{}), make(chan error, 1)
			addr, exchanges := pacedProxy(t, &http1.Executor{}, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadFull(r.Body, make([]byte, 1)) // the first byte does not wait for the others
				close(first)
				_, err := io.Copy(io.Discard, r.Body)
				broken <- err
			}, 2)
			client, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\n"+head); err != nil {
				t.Fatal(err)
			}
			<-first
			_ = client.Close()
			if x := <-exchanges; x.Outcome != proxy.ClientLeft || !x.Delayed {
				t.Errorf("outcome %s (%s), delayed %t", x.Outcome, x.Error, x.Delayed)
			}
			if err := <-broken; err == nil {
				t.Error("the upstream saw a whole body")
			}
		})
	}
}

// TestAPacedUploadIsNoSilence: what bounds the client's silence does not count the time in which we do not read.
func TestAPacedUploadIsNoSilence(t *testing.T) {
	const gap = 30 * time.Millisecond
	addr, exchanges := pacedProxy(t, &http1.Executor{BodyTimeout: gap}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}, 10) // a byte each 100 ms
	client, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if x := <-exchanges; x.Outcome != proxy.OK || x.Status != 200 || x.RequestBytes != 3 || x.Duration < 300*time.Millisecond-gap {
		t.Errorf("outcome %s (%s), status %d, %d bytes, took %v", x.Outcome, x.Error, x.Status, x.RequestBytes, x.Duration)
	}
}

// TestAnEarlyReplyEndsAPacedUpload: nobody waits for the rest of it.
func TestAnEarlyReplyEndsAPacedUpload(t *testing.T) {
	addr, exchanges := pacedProxy(t, &http1.Executor{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusForbidden)
	}, 1)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	reply, err := (&http.Client{Transport: transport}).Post("http://"+addr, "text/plain", strings.NewReader(strings.Repeat("x", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	if x := <-exchanges; reply.StatusCode != http.StatusForbidden || x.Outcome != proxy.OK {
		t.Errorf("status %d, outcome %s (%s)", reply.StatusCode, x.Outcome, x.Error)
	}
}
