package verdict

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/proxy"
)

// everySecond makes exchanges a second apart, of these statuses.
func everySecond(statuses ...int) []proxy.Exchange {
	var all []proxy.Exchange
	for i, status := range statuses {
		all = append(all, made(time.Duration(i)*time.Second, uint64(i+1), status))
	}
	return numbered(all...)
}

// repeated gives a status so many times.
func repeated(status, n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = status
	}
	return all
}

// Phases are told from what faults touched: one that hits some exchanges is one fault, and two far apart are two.
func TestDerivedPhases(t *testing.T) {
	statuses := append(repeated(200, 10), 503, 200, 200, 503, 200, 503)
	statuses = append(append(statuses, repeated(200, 20)...), 503, 503)
	statuses = append(statuses, repeated(200, 5)...)
	attempts, _ := attemptsOf(everySecond(statuses...))
	type phase struct {
		Stage      Stage
		Begin, End time.Duration
	}
	var got []phase
	for _, p := range derive(attempts, start.Add(43*time.Second)) {
		got = append(got, phase{p.Stage, p.Begin.Sub(start), p.End.Sub(start)})
	}
	const s = time.Second
	want := []phase{
		{Baseline, 0, 10 * s},
		{Fault, 10 * s, 15*s + 1},
		{Recovery, 15*s + 1, 36 * s},
		{Fault, 36 * s, 37*s + 1},
		{Recovery, 37*s + 1, 43 * s},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if derive(nil, start) != nil {
		t.Error("there are phases of nothing")
	}
}

// find judges, and gives the finding of one detector.
func find(t *testing.T, in Input, id string) Finding {
	t.Helper()
	numbered(in.Client.Exchanges...)
	report, err := Judge(in)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := report.Find(id)
	return f
}

// A client that stops asking a route that was well has no exchanges of it under the fault, and yet is found.
func TestScopeSeesWhatIsNotAskedFor(t *testing.T) {
	in := Input{Phases: []Phase{
		{Stage: Baseline, Begin: start, End: start.Add(10 * time.Second)},
		{Stage: Fault, Begin: start.Add(10 * time.Second), End: start.Add(20 * time.Second)},
	}}
	ask := func(i int, path string, status int) {
		e := made(time.Duration(i)*50*time.Millisecond, uint64(i+1), status)
		e.Path = path
		in.Client.Exchanges = append(in.Client.Exchanges, e)
	}
	for i := range 200 {
		ask(i, []string{"/price/1", "/stock/1"}[i%2], 200)
	}
	ask(200, "/price/1", 503)
	if f := find(t, in, "D21"); f.Verdict != Fail {
		t.Errorf("got %s: %s", f.Verdict, f.Says)
	}
}

// What comes when the first probe has succeeded is no stampede: the breaker has closed.
func TestNoStampedeBehindASuccess(t *testing.T) {
	for want, status := range map[Grade]int{Pass: 200, Fail: 503} {
		in := Input{Demand: 50, Phases: []Phase{
			{Stage: Fault, Begin: start, End: start.Add(5 * time.Second)},
			{Stage: Recovery, Begin: start.Add(5 * time.Second), End: start.Add(10 * time.Second)},
		}}
		for i := range 10 {
			in.Client.Exchanges = append(in.Client.Exchanges, made(time.Duration(i)*10*time.Millisecond, uint64(i+1), 503))
		}
		for i := range 40 {
			at := 6*time.Second + time.Duration(i)*4*time.Millisecond
			in.Client.Exchanges = append(in.Client.Exchanges, made(at, uint64(i+100), status))
		}
		if f := find(t, in, "D18"); f.Verdict != want {
			t.Errorf("probes that get %d: got %s, want %s: %s", status, f.Verdict, want, f.Says)
		}
	}
}

// A POST whose connection ended before its request was read may be sent again.
func TestUnreadPostMayBeRepeated(t *testing.T) {
	for want, read := range map[Grade]time.Duration{Inconclusive: 0, Fail: 1} {
		in := Input{Distinct: true}
		for i := range 10 {
			for n := range 2 {
				e := made(time.Duration(i)*time.Second+time.Duration(n)*100*time.Millisecond, uint64(i+1), 0)
				e.Method, e.Attempt.RequestEnd = "POST", read
				in.Client.Exchanges = append(in.Client.Exchanges, e)
			}
		}
		if f := find(t, in, "D11"); f.Verdict != want {
			t.Errorf("read for %v: got %s, want %s: %s", read, f.Verdict, want, f.Says)
		}
	}
}

// One repetition behind a 401 may be the answer to its challenge, two are none.
func TestChallengeMayBeAnswered(t *testing.T) {
	for want, attempts := range map[Grade]int{Pass: 2, Fail: 3} {
		in := Input{Distinct: true}
		for i := range 10 {
			for n := range attempts {
				in.Client.Exchanges = append(in.Client.Exchanges,
					made(time.Duration(i)*time.Second+time.Duration(n)*100*time.Millisecond, uint64(i+1), 401))
			}
		}
		if f := find(t, in, "D10"); f.Verdict != want {
			t.Errorf("%d attempts: got %s, want %s: %s", attempts, f.Verdict, want, f.Says)
		}
	}
}

// A second request that brings its reply at once is a hedge all the same, if the client ended the first one behind that reply;
// one that was given up before, and whose end was noticed late, was tried again without a pause.
func TestQuickHedgeIsNoRetry(t *testing.T) {
	for _, test := range []struct {
		method string
		late   time.Duration // the end of the first, behind the begin of the second, whose reply begins after 1 ms
		want   Grade         // of no backoff
	}{
		{"GET", 3 * time.Millisecond, Inconclusive},
		{"GET", 500 * time.Microsecond, Fail},
		{"POST", 3 * time.Millisecond, Fail}, // nobody hedges it; if this is one, it is a repetition
	} {
		in := Input{Distinct: true}
		for i := range 20 {
			at := time.Duration(i) * 3 * time.Second
			first, second := made(at, uint64(i+1), 0), made(at+time.Second, uint64(i+1), 200)
			first.Duration, first.Outcome, first.Attempt.ClosedBy = time.Second+test.late, proxy.ClientLeft, proxy.ByClient
			first.Method, second.Method = test.method, test.method
			in.Client.Exchanges = append(in.Client.Exchanges, first, second)
		}
		if f := find(t, in, "D3"); f.Verdict != test.want {
			t.Errorf("%s that ended %v behind the second: got %s, want %s: %s", test.method, test.late, f.Verdict, test.want, f.Says)
		}
	}
}

// Pauses whose median is below the line are too short only if that can hardly be chance: full jitter from 100 ms on lies just above.
func TestPausesNearTheLineMayBeChance(t *testing.T) {
	for above, want := range map[int]Grade{0: Warn, 15: Warn, 16: Inconclusive, 19: Inconclusive, 21: Pass, 42: Pass} {
		in := Input{Distinct: true}
		for i := range 42 {
			pause := 90 * time.Millisecond
			if i < above {
				pause = 120 * time.Millisecond
			}
			for n := range 4 {
				in.Client.Exchanges = append(in.Client.Exchanges,
					made(time.Duration(i)*10*time.Second+time.Duration(n)*(pause+2*time.Millisecond), uint64(i+1), 503))
			}
		}
		if f := find(t, in, "D3"); f.Verdict != want {
			t.Errorf("%d of 42 above: got %s, want %s: %s", above, f.Verdict, want, f.Says)
		}
	}
}

// A caller whom squall itself had to tell, after the 60 s that its upstreams have, that nothing came, has waited as long as is too long.
func TestCallerWaitedUntilSquallGaveUp(t *testing.T) {
	for wait, want := range map[time.Duration]Grade{60 * time.Second: Fail, 59 * time.Second: Pass} {
		in := Input{Distinct: true, Caller: &Tap{}}
		for i := range 5 {
			at := time.Duration(i) * time.Second
			e := made(at+10*time.Millisecond, uint64(i+1), 503)
			e.Attempt.Reply.RetryAfter, e.RequestID = "86400", strconv.Itoa(i)
			in.Client.Exchanges = append(in.Client.Exchanges, e)
			caller := made(at, uint64(i+1), 504)
			caller.Duration, caller.Outcome, caller.RequestID = wait, proxy.RealError, e.RequestID
			in.Caller.Exchanges = append(in.Caller.Exchanges, caller)
		}
		if f := find(t, in, "D9"); f.Verdict != want {
			t.Errorf("after %v: got %s, want %s: %s", wait, f.Verdict, want, f.Says)
		}
	}
}

// Who was kept waiting for less than the limit may have a timeout: that it has none is not said.
func TestShortSilenceShowsNoMissingTimeout(t *testing.T) {
	for silence, want := range map[time.Duration]Grade{7 * time.Second: Inconclusive, 31 * time.Second: Fail} {
		in := Input{Distinct: true}
		for i := range 5 {
			e := made(time.Duration(i)*time.Minute, uint64(i+1), 0)
			e.Duration = silence
			in.Client.Exchanges = append(in.Client.Exchanges, e)
		}
		if f := find(t, in, "D13"); f.Verdict != want {
			t.Errorf("after %v: got %s, want %s: %s", silence, f.Verdict, want, f.Says)
		}
	}
}

// What was answered with a failure is not under way any more, however late its record was closed; one POST that seems to be beside
// another is not enough to say that POSTs are hedged.
func TestLateRecordsAreNoHedges(t *testing.T) {
	for _, test := range []struct {
		name   string
		hedged int           // of the calls
		head   time.Duration // of the first attempt, whose record is closed after 300 ms
		want   Grade
	}{
		{"all after the failure", 20, time.Millisecond, Inconclusive},
		{"two before it", 2, 250 * time.Millisecond, Inconclusive},
		{"three before it", 3, 250 * time.Millisecond, Fail},
	} {
		in := Input{Distinct: true}
		for i := range 60 {
			first, second := made(time.Duration(i)*time.Second, uint64(i+1), 503), made(time.Duration(i)*time.Second+2*time.Millisecond, uint64(i+1), 200)
			first.Method, second.Method = "POST", "POST"
			if i < test.hedged {
				first.Duration, first.Attempt.FirstByte = 300*time.Millisecond, test.head
			}
			in.Client.Exchanges = append(in.Client.Exchanges, first, second)
		}
		if f := find(t, in, "D23"); f.Verdict != test.want {
			t.Errorf("%s: got %s, want %s: %s", test.name, f.Verdict, test.want, f.Says)
		}
	}
}

// Retries that go to the backend that has just failed are found where calls are named; of others those that went elsewhere would be
// missing.
func TestRetriesAtTheSameBackend(t *testing.T) {
	for _, test := range []struct {
		name  string
		named bool
		same  int // of the 20 retries
		want  Grade
	}{
		{"all", true, 20, Warn},
		{"as many as chance has", true, 10, Inconclusive},
		{"all, of calls without a name", false, 20, Inconclusive},
	} {
		in := Input{Distinct: true, Phases: []Phase{{Stage: Fault, Begin: start, End: start.Add(5 * time.Second)}}}
		for i := range 20 {
			at := time.Duration(i) * 200 * time.Millisecond
			first, second := made(at, uint64(i+1), 503), made(at+50*time.Millisecond, uint64(i+1), 503)
			first.Proxy, second.Proxy = "dead", "dead"
			if i >= test.same {
				second.Proxy, second.Status, second.Outcome, second.Faulted = "well", 200, proxy.OK, false
			}
			if test.named {
				id("X-Call", uint64(i+1))(&first)
				id("X-Call", uint64(i+1))(&second)
			}
			other := made(at+100*time.Millisecond, uint64(i+100), 200)
			other.Proxy = "well"
			in.Client.Exchanges = append(in.Client.Exchanges, first, second, other)
		}
		if f := find(t, in, "D30"); f.Verdict != test.want {
			t.Errorf("%s: got %s, want %s: %s %v", test.name, f.Verdict, test.want, f.Says, f.Figures)
		}
	}
}
