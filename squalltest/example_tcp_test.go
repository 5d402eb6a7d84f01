package squalltest_test

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/squalltest"
)

// A test puts the proxy before the service, and lets the code under test talk to the proxy.
func ExampleTCP() {
	t := &recorder{} // in a test: its own *testing.T
	defer t.end()
	redis := squalltest.TCP(t, echo(t))
	redis.Latency(20*time.Millisecond, squalltest.Upstream())
	redis.LimitData(2, squalltest.First(1)) // the first connection is cut in mid-answer

	for range 2 {
		fmt.Println(talk(redis.Addr, "PING"))
	}
	// Output:
	// PI <nil>
	// PING <nil>
}

func ExampleTCPProxy_Down() {
	t := &recorder{} // in a test: its own *testing.T
	defer t.end()
	redis := squalltest.TCP(t, echo(t))
	up := redis.Down()
	_, err := talk(redis.Addr, "PING")
	fmt.Println(errors.Is(err, syscall.ECONNREFUSED))
	up()
	fmt.Println(talk(redis.Addr, "PING"))
	// Output:
	// true
	// PING <nil>
}

// Everything that a kind can do is in the fields of its attributes.
func ExampleTCPProxy_Toxic() {
	t := &recorder{} // in a test: its own *testing.T
	defer t.end()
	redis := squalltest.TCP(t, echo(t))
	redis.Toxic(&faults.Latency{
		P50: faults.Duration(2 * time.Millisecond), P99: faults.Duration(20 * time.Millisecond), Distribution: "lognormal",
	})
	fmt.Println(talk(redis.Addr, "PING"))
	// Output:
	// PING <nil>
}
