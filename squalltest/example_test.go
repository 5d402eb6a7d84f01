package squalltest_test

import (
	"testing"

	"github.com/squall-proxy/squall/squalltest"
)

// checkout is the code under test.
func checkout(t testing.TB, stockURL string) { get(t, stockURL) }

func Example() {
	_ = func(t *testing.T, stockURL string) { // a test
		stock := squalltest.New(t, stockURL)
		stock.Abort(503, squalltest.First(2))
		checkout(t, stock.URL)
	}
	// Output:
}

func ExampleFaults_AbortGRPC() {
	_ = func(t *testing.T, stockAddr string) { // a test
		stock := squalltest.New(t, "h2c://"+stockAddr)
		stock.AbortGRPC("UNAVAILABLE", "try later", squalltest.First(1))
		checkout(t, stock.Addr) // by a client of gRPC
	}
	// Output:
}
