package balance_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/squall-proxy/squall/client/balance"
)

// Of two servers one has twice the weight.
func ExamplePool() {
	serve := func(name string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s for %s", name, r.Host)
		}))
	}
	a, b := serve("a"), serve("b")
	defer a.Close()
	defer b.Close()
	pool, err := balance.New(balance.Config{
		Backends: []balance.Backend{{URL: a.URL, Weight: 2}, {URL: b.URL}},
		Outlier:  balance.Outlier{Failures: 3},
	}, &http.Transport{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	shop := http.Client{Transport: pool}
	defer shop.CloseIdleConnections()
	for range 3 {
		resp, err := shop.Get("http://shop.test/orders")
		if err != nil {
			fmt.Println(err)
			return
		}
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			fmt.Println(err)
		}
		if err := resp.Body.Close(); err != nil {
			fmt.Println(err)
		}
		fmt.Printf("%s\n", answer)
	}
	// Output:
	// a for shop.test
	// b for shop.test
	// a for shop.test
}
