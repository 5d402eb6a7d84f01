package squalltest_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/squall-proxy/squall/squalltest"
)

// TestCapacityFaults arms each fault, and shows what the first call gets and what a second one on the same connection.
func TestCapacityFaults(t *testing.T) {
	url, calls := stock(t)
	for _, test := range []struct {
		name   string
		arm    func(*squalltest.Proxy) *squalltest.Fault
		status [2]int
		closed bool // the client's connection, after the first
		hits   uint64
		calls  int64 // that the upstream sees
	}{
		{"rate limit", func(p *squalltest.Proxy) *squalltest.Fault { return p.RateLimit(1, time.Hour) }, [2]int{200, 429}, false, 1, 1},
		{"concurrency", func(p *squalltest.Proxy) *squalltest.Fault { return p.Concurrency(0, 0, squalltest.First(1)) }, [2]int{503, 200}, false, 1, 1},
		{"duplicate", func(p *squalltest.Proxy) *squalltest.Fault { return p.Duplicate(2, squalltest.First(1)) }, [2]int{200, 200}, false, 1, 4},
		{"goaway", func(p *squalltest.Proxy) *squalltest.Fault { return p.Goaway(squalltest.First(1)) }, [2]int{200, 200}, true, 1, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := squalltest.New(t, url)
			fault := test.arm(p)
			before := calls.Load()
			client := http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i, want := range test.status {
				reply, err := client.Get(p.URL)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, reply.Body)
				_ = reply.Body.Close()
				if reply.StatusCode != want || reply.Close != (test.closed && i == 0) {
					t.Errorf("call %d: status %d, closed %t, want %d", i, reply.StatusCode, reply.Close, want)
				}
			}
			if got := calls.Load() - before; got != test.calls || uint64(fault.Hits()) != test.hits {
				t.Errorf("%d calls, %d hits, want %d, %d", got, fault.Hits(), test.calls, test.hits)
			}
		})
	}
}

func TestTrailersAreSetAndDropped(t *testing.T) {
	url, _ := stock(t)
	p := squalltest.New(t, url)
	p.SetTrailer("X-Sum", "7", squalltest.First(1))
	p.DropTrailers(squalltest.Path("/dropped"), squalltest.MayMiss()) // of a body that has none: not hit
	for _, want := range []string{"7", ""} {
		reply, err := http.Get(p.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, reply.Body)
		_ = reply.Body.Close()
		if got := reply.Trailer.Get("X-Sum"); got != want {
			t.Errorf("X-Sum: got %q, want %q", got, want)
		}
	}
}
