package client_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/client"
	"github.com/squall-proxy/squall/client/breaker"
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

func Example() {
	service := flaky()
	defer service.Close()

	cfg := client.Default()
	cfg.Retry.Base = time.Millisecond
	cfg.Retry.Cap = time.Millisecond
	resilient, err := client.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := http.Client{Transport: resilient}
	defer resilient.Close()
	for range 3 {
		resp, err := c.Get(service.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			fmt.Println(err)
		}
		if err := resp.Body.Close(); err != nil {
			fmt.Println(err)
		}
		fmt.Printf("%s: %s\n", client.Source(resp), body)
	}
	// Output:
	// fresh: {"message":"Hello from the service!","n":3}
	// fresh: {"message":"Hello from the service!","n":4}
	// cached: {"message":"Hello from the service!","n":4}
}

// A breaker opens after three failures in a row, and says so; what it holds back is answered with the canned message.
func ExampleConfig() {
	service := httptest.NewServer(http.NotFoundHandler())
	service.Close() // nobody is there

	cfg := client.Config{
		Breaker:  breaker.Config{Consecutive: 3},
		Fallback: client.Fallback{Canned: []byte("try again later")},
		Observe: func(e client.Event) {
			switch e.Kind {
			case client.EventBreaker:
				fmt.Println("breaker:", e.Change.From, "->", e.Change.To)
			case client.EventCall:
				fmt.Printf("%s answer, %d attempts\n", e.Origin, e.Attempts)
			}
		},
	}
	resilient, err := client.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resilient.Close()
	c := http.Client{Transport: resilient}
	for range 4 {
		resp, err := c.Get(service.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := resp.Body.Close(); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// canned answer, 1 attempts
	// canned answer, 1 attempts
	// breaker: closed -> open
	// canned answer, 1 attempts
	// canned answer, 0 attempts
}
