package nethttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

func cpu() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func drive(t *testing.T, addr string, n int) time.Duration {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	br := bufio.NewReader(conn)
	req := []byte("GET /hello?x=1 HTTP/1.1\r\nHost: example\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n")
	buf := make([]byte, 4096)
	one := func() {
		conn.Write(req)
		cl := 0
		for {
			line, err := br.ReadSlice('\n')
			if err != nil {
				t.Fatal(err)
			}
			if len(line) == 2 {
				break
			}
			fmt.Sscanf(string(line), "Content-Length: %d", &cl)
		}
		io.ReadFull(br, buf[:cl])
	}
	for range 200 {
		one()
	}
	start := cpu()
	for range n {
		one()
	}
	return (cpu() - start) / time.Duration(n)
}

func TestBench(t *testing.T) {
	body := []byte(`{"message":"Hello from the service!","data":[1,2,3,4,5]}`)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	}))
	defer up.Close()
	u, _ := url.Parse(up.URL)
	bare := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u); p.SetXForwarded() }, Transport: &http.Transport{MaxIdleConnsPerHost: 512}})
	defer bare.Close()
	e := &proxy.Engine{Executors: map[string]proxy.Executor{"nethttp": &Executor{}}, Observer: func(proxy.Exchange) {}}
	c := proxy.Defaults()
	c.Name, c.Listen, c.Upstream = "a", "127.0.0.1:0", up.URL
	ch, err := e.Prepare([]proxy.Endpoint{{Config: c}})
	if err != nil {
		t.Fatal(err)
	}
	ch.Commit()
	defer e.Shutdown(context.Background())
	var d, b, s []time.Duration
	for range 11 {
		d = append(d, drive(t, up.Listener.Addr().String(), 3000))
		b = append(b, drive(t, bare.Listener.Addr().String(), 3000))
		s = append(s, drive(t, e.Addr("a").String(), 3000))
	}
	for _, l := range [][]time.Duration{d, b, s} {
		slices.Sort(l)
	}
	m := func(l []time.Duration) time.Duration { return l[len(l)/2] }
	t.Logf("direct %v bare %v squall %v: ratio net %.3f gross %.3f", m(d), m(b), m(s), float64(m(s)-m(d))/float64(m(b)-m(d)), float64(m(s))/float64(m(b)))
}
