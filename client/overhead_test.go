package client

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
)

// upstreamFor serves goodBody on loopback, without making anything but the reply.
func upstreamFor(tb testing.TB) (url string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(goodBody))}
		_, _ = io.WriteString(w, goodBody)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	tb.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return "http://" + listener.Addr().String() + "/orders"
}

// callOnce makes a call and reads its answer.
func callOnce(tb testing.TB, rt http.RoundTripper, url string, buf []byte) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		tb.Fatal(err)
	}
	for err == nil {
		_, err = resp.Body.Read(buf)
	}
	if err != io.EOF || resp.StatusCode != 200 {
		tb.Fatal(resp.StatusCode, err)
	}
	if err := resp.Body.Close(); err != nil {
		tb.Fatal(err)
	}
}

// Without failures everything together costs at most ten allocations a call.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	url := upstreamFor(t)
	bare := newTransport()
	buf := make([]byte, 512)
	c := through(t, bare, Default())
	measure := func(rt http.RoundTripper) float64 {
		return testing.AllocsPerRun(2000, func() { callOnce(t, rt, url, buf) })
	}
	without, with := measure(bare), measure(c)
	t.Logf("%v allocations without, %v with the client", without, with)
	if with-without > 10 {
		t.Errorf("the client adds %v allocations, want at most 10", with-without)
	}
}

func BenchmarkCall(b *testing.B) {
	url := upstreamFor(b)
	bare := newTransport()
	buf := make([]byte, 512)
	for name, rt := range map[string]http.RoundTripper{"bare": bare, "client": through(b, bare, Default())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				callOnce(b, rt, url, buf)
			}
		})
	}
}

// BenchmarkOverhead is what the client itself takes: the Transport answers at once.
func BenchmarkOverhead(b *testing.B) {
	header := http.Header{"Content-Type": {"application/json"}}
	answer := roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200, Header: header, ContentLength: int64(len(goodBody)), Body: newBufferedBody([]byte(goodBody)),
		}, nil
	})
	buf := make([]byte, 512)
	for name, rt := range map[string]http.RoundTripper{"bare": answer, "client": through(b, answer, Default())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				callOnce(b, rt, "http://upstream/orders", buf)
			}
		})
	}
}
