package calls_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/client"
	"github.com/squall-proxy/squall/client/calls"
)

// flaky answers with 503 twice, then well, and from the fifth request on with 503 again.
func flaky() *httptest.Server {
	var seen atomic.Int32
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := seen.Add(1)
		if n <= 2 || n > 4 {
			http.Error(w, `{"message":"Service Unavailable"}`, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"message":"Hello from the service!","n":%d}`, n)
	}))
}

func ExampleCaller() {
	service := flaky()
	defer service.Close()

	caller := calls.Caller{
		Client: client.Lab6Retry(3, time.Millisecond),
		URL:    service.URL,
		Count:  3,
		Lines:  os.Stdout,
	}
	sum, err := caller.Run(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	sum.Elapsed = 0
	fmt.Println(sum)
	// Output:
	// Attempt 1 failed: 503 Service Unavailable
	// Retrying in 0.001 seconds...
	// Attempt 2 failed: 503 Service Unavailable
	// Retrying in 0.001 seconds...
	// {"message":"Hello from the service!","n":3}
	// {"message":"Hello from the service!","n":4}
	// Attempt 1 failed: 503 Service Unavailable
	// Retrying in 0.001 seconds...
	// Attempt 2 failed: 503 Service Unavailable
	// Retrying in 0.001 seconds...
	// Attempt 3 failed: 503 Service Unavailable
	// Retrying in 0.001 seconds...
	// Attempt 4 failed: 503 Service Unavailable
	// {"message":"Service unavailable (fallback)"}
	// 3 calls in 0s: 2 ok, 0 degraded, 0 cached, 1 failed; 8 attempts
}
