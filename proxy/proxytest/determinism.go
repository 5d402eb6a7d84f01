package proxytest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/squall-proxy/squall/faults"
)

// determinism shows that the same exchanges are hit on every executor, in whatever order 64 clients send them: those that
// deciding alone, without a proxy and one by one, says are. Every executor passes it, so all hit the same.
func (s suite) determinism(t *testing.T) {
	const workers, each = 64, 10
	exchanges := 2_000
	if os.Getenv("SQUALL_TORTURE") != "" {
		exchanges = 100_000
	}
	document := rules(`{"name": "it", "abort": 503, "percent": 30, "key": "header:X-Test", "max_consecutive": 3}`)
	upstream, _ := counted(t)
	r := s.start(t, upstream, document)
	hit := make([][]bool, exchanges/each) // by key, in order
	work := make(chan int)
	var clients sync.WaitGroup
	for range workers {
		clients.Go(func() {
			for key := range work {
				hit[key] = s.keyed(t, r, key, each)
			}
		})
	}
	for key := range hit {
		work <- key
	}
	close(work)
	clients.Wait()

	document(t, &r.endpoint) // the same rule, with new counters
	hits := 0
	for key := range hit {
		for i, got := range hit[key] {
			v := &faults.View{Proxy: "p", Method: http.MethodGet, Path: "/", Header: http.Header{"X-Test": {fmt.Sprint(key)}}}
			var p faults.Plan
			p.Begin(r.endpoint.Faults, v)
			action, _ := p.Next(v)
			p.Done()
			if got != (action != nil) {
				t.Fatalf("key %d, n %d: hit %t, but decided alone %t", key, i+1, got, action != nil)
			}
			if got {
				hits++
			}
		}
	}
	if hits == 0 || hits == exchanges {
		t.Errorf("%d of %d hits", hits, exchanges)
	}
}

// keyed sends exchanges of one key, one by one, and says which are hit.
func (s suite) keyed(t *testing.T, r *rig, key, exchanges int) []bool {
	hits := make([]bool, exchanges)
	for i := range hits {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url, nil)
		if err != nil {
			t.Error(err)
			return hits
		}
		request.Header.Set("X-Test", fmt.Sprint(key))
		reply, err := r.client.Do(request)
		if err != nil {
			t.Error(err)
			return hits
		}
		_, _ = io.Copy(io.Discard, reply.Body)
		_ = reply.Body.Close()
		hits[i] = reply.StatusCode == http.StatusServiceUnavailable
	}
	return hits
}
