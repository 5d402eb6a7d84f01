package verdict

import (
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// A client that repeats each of its calls four times at once, under an outage, is told from the records alone.
func TestJudgeTellsAStorm(t *testing.T) {
	in := Input{Distinct: true}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 30 {
		for range 4 {
			id := uint64(len(in.Client.Exchanges) + 1)
			in.Client.Exchanges = append(in.Client.Exchanges, proxy.Exchange{
				ID: id, At: at, Duration: time.Millisecond, Client: "10.0.0.1:999", Method: "GET", Status: 503,
				Outcome: proxy.Injected, Faulted: true,
				Attempt: proxy.Attempt{Target: uint64(i + 1), RequestEnd: 1, FirstByte: time.Millisecond},
			})
			at = at.Add(time.Millisecond)
		}
		at = at.Add(100 * time.Millisecond)
	}
	report, err := Judge(in)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Grade{"D1": Fail, "D2": Pass, "D3": Fail}
	for _, f := range report.Findings {
		if grade, ok := want[f.ID]; ok && f.Verdict != grade {
			t.Errorf("%s: got %s, want %s: %s", f.ID, f.Verdict, grade, f.Says)
		}
	}
	if report.Verdict != Fail || report.Records.Calls != 30 || report.Linked[ByHeuristic] != 90 {
		t.Errorf("got %s, %+v, %v", report.Verdict, report.Records, report.Linked)
	}
}
