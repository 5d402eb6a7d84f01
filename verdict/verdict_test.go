package verdict

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

func TestJudgeOfNothingSaysNothing(t *testing.T) {
	for _, in := range []Input{
		{},
		{Caller: &Tap{}},
		{Client: Tap{Exchanges: []proxy.Exchange{{Host: "a handshake"}}}},
		{Phases: []Phase{{Stage: Fault, Begin: start, End: start}, {Stage: Recovery, Begin: start, End: start.Add(time.Hour)}}, Demand: 50},
	} {
		report, err := Judge(in)
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict != Inconclusive || len(report.Findings) != len(Detectors()) {
			t.Errorf("got %s and %d findings", report.Verdict, len(report.Findings))
		}
		for _, f := range report.Findings {
			if f.Verdict != Inconclusive || f.Says == "" || len(f.Mend) > 0 {
				t.Errorf("%s: got %s %q, want INCONCLUSIVE and why", f.ID, f.Verdict, f.Says)
			}
			for _, figure := range f.Figures {
				if figure.Value != 0 {
					t.Errorf("%s: measured %s, of nothing", f.ID, figure)
				}
			}
		}
	}
}

// A healthy client without a fault gets no bad mark, and no good one for what was not tried.
func TestJudgeOfHealthSaysNothing(t *testing.T) {
	var in Input
	for i := range 500 {
		in.Client.Exchanges = append(in.Client.Exchanges, made(time.Duration(i)*20*time.Millisecond, uint64(i+1), 200))
	}
	numbered(in.Client.Exchanges...)
	report, err := Judge(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Verdict != Inconclusive {
			t.Errorf("%s: got %s: %s", f.ID, f.Verdict, f.Says)
		}
	}
	if math.Round(report.Demand) != 50 {
		t.Errorf("got a demand of %v, want 50", report.Demand)
	}
}

// Requests that look alike, under an outage: nobody can tell retries from new calls, and without a demand nobody can tell an
// idle client from one whose breaker is open.
func TestNoGuess(t *testing.T) {
	var in Input
	for i := range 20 { // not steady
		in.Client.Exchanges = append(in.Client.Exchanges, made(time.Duration(i*i)*20*time.Millisecond, 7, 200))
	}
	for i := range 100 {
		in.Client.Exchanges = append(in.Client.Exchanges, made(10*time.Second+time.Duration(i)*time.Second, 7, 503))
	}
	numbered(in.Client.Exchanges...)
	report, err := Judge(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		switch {
		case f.Verdict != Inconclusive && f.ID != "D24": // which needs neither
			t.Errorf("%s: got %s: %s", f.ID, f.Verdict, f.Says)
		case f.ID == "D2" && !strings.Contains(f.Says, "send an id"):
			t.Errorf("D2 does not say what helps: %s", f.Says)
		case f.ID == "D16" && !strings.Contains(f.Says, "not steady"):
			t.Errorf("D16 does not say what is missing: %s", f.Says)
		}
	}
}

func TestJudgeRefuses(t *testing.T) {
	at := start
	for want, in := range map[string]Input{
		"thresholds.D1.fial: unknown threshold, did you mean D1.fail?": {Thresholds: map[string]float64{"D1.fial": 3}},
		"thresholds.D1.fail: want 0 to 1000000000, got -1":             {Thresholds: map[string]float64{"D1.fail": -1}},
		"demand: want 0 to 1000000 calls a second, got NaN":            {Demand: math.NaN()},
		`phases[0].stage: want baseline, fault or recovery, got "x"`:   {Phases: []Phase{{Stage: "x"}}},
		"phases[0].end: it is before its begin":                        {Phases: []Phase{{Stage: Fault, Begin: at, End: at.Add(-1)}}},
		"phases[0].share: want 0 to 1, got 2":                          {Phases: []Phase{{Stage: Fault, Share: 2}}},
		"phases[1].begin: it is before the end of the phase before it": {Phases: []Phase{{Stage: Fault, End: at}, {Stage: Fault, Begin: at.Add(-1), End: at}}},
		"weights: want those of two backends or more, got one":         {Weights: map[string]int{"a": 1}},
		"weights.b: want 1 to 1000, got 0":                             {Weights: map[string]int{"a": 1, "b": 0}},
		"weights.a: want 1 to 1000, got -3":                            {Weights: map[string]int{"a": -3, "b": 1}},
		"weights.a: want 1 to 1000, got 1001":                          {Weights: map[string]int{"a": 1001, "b": 1}},
		"phases: want at most 1000, got 1001":                          {Phases: make([]Phase, 1001)},
	} {
		if _, err := Judge(in); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestThresholdsDecide(t *testing.T) {
	in := Input{Distinct: true}
	for i := range 30 {
		for n := range 2 {
			in.Client.Exchanges = append(in.Client.Exchanges, made(time.Duration(i*100+n*10)*time.Millisecond, uint64(i+1), 503))
		}
	}
	numbered(in.Client.Exchanges...)
	for limit, want := range map[float64]Grade{1.5: Fail, 2: Warn, 3: Warn} {
		in.Thresholds = map[string]float64{"D1.fail": limit}
		report, err := Judge(in)
		if err != nil {
			t.Fatal(err)
		}
		if f := report.Findings[0]; f.ID != "D1" || f.Verdict != want {
			t.Errorf("at D1.fail %v: %s is %s, want %s: %s", limit, f.ID, f.Verdict, want, f.Says)
		}
	}
}

// Every detector says what it needs and what mends what it finds, and its thresholds have one name each.
func TestDetectorsAreDescribed(t *testing.T) {
	for i, d := range Detectors() {
		if d.ID != fmt.Sprintf("D%d", i+1) || d.Name == "" || d.Needs == "" || len(d.Thresholds) == 0 || len(d.Mend) == 0 {
			t.Errorf("%d: %+v", i+1, d)
		}
	}
	seen := map[string]bool{}
	for _, limit := range Thresholds() {
		if seen[limit.Name] {
			t.Errorf("there are two of %s", limit.Name)
		}
		seen[limit.Name] = true
	}
}

// The records that make the most work: one call without end, hedged and cut, of one client, in phases of a moment each.
func TestCostIsLinear(t *testing.T) {
	const n = 20_000
	in := Input{Distinct: true, Demand: 100, Caller: &Tap{}}
	for i := range n {
		e := made(time.Duration(i)*time.Millisecond, 7, []int{0, 503, 404}[i%3])
		e.ID, e.Duration, e.Attempt.Connection = uint64(i+1), time.Hour*time.Duration(i%2), uint64(i)
		e.Path = strings.Repeat("/a", i%9)
		in.Client.Exchanges = append(in.Client.Exchanges, e)
		in.Client.Connections = append(in.Client.Connections, proxy.Connection{ID: uint64(i), Opened: e.At, Busy: true, Since: e.At})
	}
	in.Caller.Exchanges = in.Client.Exchanges
	for i := range MaxPhases {
		stage := []Stage{Baseline, Fault, Recovery}[i%3]
		in.Phases = append(in.Phases, Phase{Stage: stage, Begin: start.Add(time.Duration(i) * time.Second), End: start.Add(time.Duration(i+1) * time.Second)})
	}
	in.Phases[MaxPhases-1].End = start.Add(100 * 365 * 24 * time.Hour)
	report, err := Judge(in) // a cost that grew with the square would be minutes
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if len(f.Evidence) > MaxEvidence {
			t.Errorf("%s has %d exchanges as evidence", f.ID, len(f.Evidence))
		}
	}
}

func TestOlderRecordsAreLeftOut(t *testing.T) {
	all := make([]proxy.Exchange, MaxRecords+10)
	for i := range all {
		all[i] = proxy.Exchange{ID: uint64(i), At: start.Add(-time.Duration(i)), Method: "GET"} // the latest first
	}
	got, leftOut := attemptsOf(all)
	if len(got) != MaxRecords || leftOut != 10 || got[len(got)-1].ID != 0 {
		t.Errorf("got %d, %d left out, the last is %d", len(got), leftOut, got[len(got)-1].ID)
	}
}
