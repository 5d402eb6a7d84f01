package verdict_test

import (
	"fmt"
	"time"

	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/verdict"
)

// A client that tries each of its calls five times while the service fails.
func ExampleJudge() {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := verdict.Input{Distinct: true}
	for call := range uint64(25) {
		for attempt := range 5 {
			in.Client.Exchanges = append(in.Client.Exchanges, proxy.Exchange{
				ID: call*5 + uint64(attempt) + 1, At: at.Add(time.Duration(attempt) * 500 * time.Millisecond), Duration: time.Millisecond,
				Client: "10.0.0.7:4711", Method: "GET", Path: "/stock", Status: 503, Outcome: proxy.Injected, Faulted: true,
				Attempt: proxy.Attempt{Target: call, RequestEnd: 1, FirstByte: 1},
			})
		}
		at = at.Add(3 * time.Second)
	}
	report, err := verdict.Judge(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range []string{"D1", "D2"} {
		f, _ := report.Find(id)
		fmt.Printf("%s %s: %s\n", f.Verdict, f.Name, f.Says)
	}
	// Output:
	// FAIL retry storm: while everything failed, the service got 5 attempts for each call (25 calls that reached the service)
	// PASS unbounded retries: 25 calls gave up after at most 5 attempts and 2s
}
