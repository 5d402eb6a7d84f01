package verdict

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// A second request that was sent before the first one had been answered does not ignore the Retry-After of that answer.
func TestHedgeDoesNotIgnoreRetryAfter(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration // of the second request, behind the begin of the first, which is answered after 300 ms
		want  Grade
	}{
		{"hedged before the answer", 100 * time.Millisecond, Pass},
		{"tried again behind it", 400 * time.Millisecond, Fail},
	} {
		in := Input{Distinct: true}
		for i := range 10 {
			at := time.Duration(i) * 10 * time.Second
			first, second := made(at, uint64(i+1), 503), made(at+test.after, uint64(i+1), 200)
			first.Duration, first.Attempt.FirstByte = 301*time.Millisecond, 300*time.Millisecond
			first.Attempt.Reply.RetryAfter = "2"
			in.Client.Exchanges = append(in.Client.Exchanges, first, second)
		}
		if f := find(t, in, "D7"); f.Verdict != test.want {
			t.Errorf("%s: got %s, want %s: %s", test.name, f.Verdict, test.want, f.Says)
		}
	}
}

// Of several recoveries the worst one counts, whichever came first, and its figures alone are shown.
func TestWorstRecoveryCounts(t *testing.T) {
	const (
		well = time.Second      // until the load is back
		slow = 20 * time.Second // where the client looked every second
	)
	for _, test := range []struct {
		name       string
		recoveries []time.Duration // 0 = nothing comes, for longer than it may take; less = for so long, which is too short to tell
		want       Grade
	}{
		{"both well", []time.Duration{well, well}, Pass},
		{"the first slow", []time.Duration{slow, well}, Warn},
		{"the last slow", []time.Duration{well, slow}, Warn},
		{"the first slow, the last never", []time.Duration{slow, 0}, Fail},
		{"the last too short", []time.Duration{well, -5 * time.Second}, Inconclusive},
		{"the first too short", []time.Duration{-5 * time.Second, well}, Inconclusive},
		{"one slow, one too short", []time.Duration{slow, -5 * time.Second}, Warn},
	} {
		in := Input{Demand: 20, Distinct: true}
		at := time.Duration(0)
		phase := func(stage Stage, length time.Duration) {
			in.Phases = append(in.Phases, Phase{Stage: stage, Begin: start.Add(at), End: start.Add(at + length)})
			at += length
		}
		ask := func(from, until, pause time.Duration, status int) {
			for ; from < until; from += pause {
				in.Client.Exchanges = append(in.Client.Exchanges, made(from, uint64(len(in.Client.Exchanges)+1), status))
			}
		}
		for _, back := range test.recoveries {
			ask(at, at+10*time.Second, time.Second, 503)
			phase(Fault, 10*time.Second)
			if back > 0 {
				ask(at, at+back, time.Second, 200)
				ask(at+back, at+70*time.Second, 50*time.Millisecond, 200)
			}
			if back < 0 {
				phase(Recovery, -back)
				continue
			}
			phase(Recovery, 70*time.Second)
		}
		f := find(t, in, "D19")
		if f.Verdict != test.want {
			t.Errorf("%s: got %s, want %s: %s", test.name, f.Verdict, test.want, f.Says)
		}
		seen := map[string]bool{}
		for _, figure := range f.Figures {
			if seen[figure.Name] {
				t.Errorf("%s: there are two figures of %s", test.name, figure.Name)
			}
			seen[figure.Name] = true
		}
	}
}

// What must not be served without asking the service is too old as soon as it is served again, whatever its max-age.
func TestNoCacheIsNeverFresh(t *testing.T) {
	for control, want := range map[string]Grade{
		"max-age=60":                    Pass,
		"max-age=60, no-cache":          Fail,
		"no-store, max-age=60":          Fail,
		`max-age=60, no-cache="x-user"`: Pass, // of that field alone
		"max-age=60, must-revalidate":   Pass, // once it is stale
	} {
		in := Input{Caller: &Tap{}}
		origin := made(0, 1, 200)
		origin.Attempt.Reply.CacheControl, origin.Attempt.Reply.Token = control, 7
		in.Client.Exchanges = numbered(origin)
		for i := range 6 {
			served := made(time.Duration(i+5)*time.Second, 2, 200)
			served.Attempt.Reply.Token = 7
			in.Caller.Exchanges = append(in.Caller.Exchanges, served)
		}
		if f := find(t, in, "D26"); f.Verdict != want {
			t.Errorf("%s: got %s, want %s: %s", control, f.Verdict, want, f.Says)
		}
	}
}

// Two requests at once are a stampede, too, where at another moment fewer callers waited for one.
func TestSmallRushHidesNoStampede(t *testing.T) {
	in := Input{Caller: &Tap{}}
	for moment, rush := range []struct{ requests, callers int }{{2, 100}, {1, 5}, {1, 5}} {
		at, token := time.Duration(moment)*10*time.Second, uint64(moment+1)
		for range rush.requests {
			e := made(at, 1, 200)
			e.Duration = 200 * time.Millisecond
			e.Attempt.Reply.CacheControl, e.Attempt.Reply.Token = "max-age=2", token
			in.Client.Exchanges = append(in.Client.Exchanges, e)
		}
		for range rush.callers {
			e := made(at, 2, 200)
			e.Duration = 201 * time.Millisecond
			e.Attempt.Reply.Token = token
			in.Caller.Exchanges = append(in.Caller.Exchanges, e)
		}
	}
	f := find(t, in, "D29")
	if f.Verdict != Warn || !strings.Contains(f.Says, "100 callers waited for one reply, and it was asked for 2 times") {
		t.Errorf("got %s: %s", f.Verdict, f.Says)
	}
}

// The exchanges of an instant that another one surpasses are no evidence, not even in number.
func TestEvidenceIsOfTheWorstInstant(t *testing.T) {
	in := Input{Distinct: true}
	for instant, spread := range []time.Duration{20 * time.Millisecond, 0} { // between the retries
		for i := range 25 {
			at, target := time.Duration(instant)*10*time.Second, uint64(instant*100+i+1)
			in.Client.Exchanges = append(in.Client.Exchanges, made(at, target, 503),
				made(at+time.Second+time.Duration(i)*spread, target, 200))
		}
	}
	if f := find(t, in, "D6"); f.Verdict != Fail || len(f.Evidence) != MaxEvidence || f.LeftOut != 5 {
		t.Errorf("got %s with %d exchanges and %d more, want those of 25: %s", f.Verdict, len(f.Evidence), f.LeftOut, f.Says)
	}
}

// Things are counted in English.
func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 call": count(1, "call"), "2 calls": count(2, "call"), "0 replies": count(0, "reply"), "2 Idempotency-Keys": count(2, "Idempotency-Key"),
		"3 connections a second": count(3, "connection a second"), "2 replies in degraded mode": count(2, "reply in degraded mode"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The chances of chi-squares are those of the tables.
func TestAtLeast(t *testing.T) {
	for _, test := range []struct {
		chiSquare float64
		freedom   int
		want      float64
	}{
		{0, 1, 1},
		{0, 4, 1},
		{3.841459, 1, 0.05},
		{10.827566, 1, 0.001},
		{13.815511, 2, 0.001},
		{16.266236, 3, 0.001},
		{18.466827, 4, 0.001},
		{29.588298, 10, 0.001},
		{99.334129, 100, 0.5},
		{149.449253, 100, 0.001},
	} {
		if got := atLeast(test.chiSquare, test.freedom); math.Abs(got-test.want) > 1e-5*test.want {
			t.Errorf("chi-square %v of %d: got %v, want %v", test.chiSquare, test.freedom, got, test.want)
		}
	}
}

// Weights are judged by the exchanges of baselines, up to the first failure, and say nothing of backends that are not named.
func TestWeights(t *testing.T) {
	weights := map[string]int{"a": 2, "b": 1}
	for _, test := range []struct {
		name string
		sent string // to which backend each exchange went, over and over; "!" before one that failed
		n    int
		want Grade
		says string
	}{
		{"in strict turns", "aab", 300, Pass, "each backend got its weight exactly, in 100 cycles"},
		{"in strict turns, few", "aba", 30, Pass, "in 10 cycles"},
		{"in strict turns, too few", "aba", 29, Inconclusive, "29 exchanges at the weighted backends in a baseline before anything failed, in 9 cycles, too few"},
		{"by turns without weights", "ab", 300, Fail, "b got 50 % of the exchanges while all were well, and is due 33.3 % by its weight"},
		{"not at one of them at all", "a", 300, Fail, "a got 100 % of the exchanges while all were well, and is due 66.7 % by its weight"},
		{"by turns that are not strict", "aaabab", 300, Pass, "300 exchanges are spread as the weights say"},
		{"beside another service", "acabc", 500, Pass, "in 100 cycles"},
		{"wrong behind a failure", "aabaabaabaabaabaabaabaabaabaab!aaaaaaaaaaaaaaa", 300, Pass, "in 10 cycles"},
		{"at no backend of them", "cd", 300, Inconclusive, "0 exchanges"},
	} {
		in := Input{Distinct: true, Weights: weights, Phases: []Phase{{Stage: Baseline, Begin: start, End: start.Add(time.Hour)}}}
		order, at := test.sent, 0
		for i := range test.n {
			e := made(time.Duration(i)*100*time.Millisecond, uint64(i+1), 200)
			if order[at%len(order)] == '!' {
				e.Status, at = 500, at+1
			}
			e.Proxy, at = order[at%len(order):at%len(order)+1], at+1
			in.Client.Exchanges = append(in.Client.Exchanges, e)
		}
		if f := find(t, in, "D30"); f.Verdict != test.want || !strings.Contains(f.Says, test.says) {
			t.Errorf("%s: got %s, want %s: %s %v", test.name, f.Verdict, test.want, f.Says, f.Figures)
		}
	}
}

// Under a fault, also one that fails nothing, and behind it, a balancer may do otherwise than its weights say; and of a backend that is
// hardly due anything nobody can tell.
func TestWeightsAreNotJudgedAtAnyTime(t *testing.T) {
	phases := []Phase{
		{Stage: Baseline, Begin: start, End: start.Add(30 * time.Second)},
		{Stage: Fault, Begin: start.Add(30 * time.Second), End: start.Add(60 * time.Second)},
		{Stage: Recovery, Begin: start.Add(60 * time.Second), End: start.Add(90 * time.Second)},
	}
	for _, test := range []struct {
		b    int // weight, where that of a is 1000
		want Grade
	}{{1000, Pass}, {1, Inconclusive}} {
		in := Input{Distinct: true, Weights: map[string]int{"a": 1000, "b": test.b}, Phases: phases}
		for i := range 900 {
			e := made(time.Duration(i)*100*time.Millisecond, uint64(i+1), 200)
			e.Proxy = "a"
			if i < 300 && test.b > 1 && i%2 == 0 {
				e.Proxy = "b"
			}
			in.Client.Exchanges = append(in.Client.Exchanges, e)
		}
		if f := find(t, in, "D30"); f.Verdict != test.want {
			t.Errorf("b of %d: got %s, want %s: %s %v", test.b, f.Verdict, test.want, f.Says, f.Figures)
		}
	}
}

// What is found of a dead backend and of weights is one finding: the worse of both, and with weights no PASS without any of them.
func TestWeightsBesideADeadBackend(t *testing.T) {
	for _, test := range []struct {
		name      string
		turns     string // in the baseline
		baseline  int    // exchanges
		feedsDead bool
		want      Grade
		says      string
	}{
		{"both well", "ab", 100, false, Pass, "dead for 10s or longer; each backend got its weight exactly, in 50 cycles"},
		{"weights off", "aaab", 300, false, Fail, "a got 75 % of the exchanges"},
		{"one fed that is dead", "ab", 100, true, Fail, "still went to a backend that had been dead"},
		{"too few of weights", "ab", 10, false, Inconclusive, "too few to hold against weights"},
		{"one fed that is dead, and too few of weights", "ab", 10, true, Fail, "still went to a backend that had been dead"},
	} {
		fault := time.Duration(test.baseline) * 100 * time.Millisecond
		in := Input{Distinct: true, Weights: map[string]int{"a": 1, "b": 1}, Phases: []Phase{
			{Stage: Baseline, Begin: start, End: start.Add(fault)}, {Stage: Fault, Begin: start.Add(fault), End: start.Add(fault + 30*time.Second)},
		}}
		for i := range test.baseline + 300 {
			e := made(time.Duration(i)*100*time.Millisecond, uint64(i+1), 200)
			e.Proxy = test.turns[i%len(test.turns) : i%len(test.turns)+1]
			if i >= test.baseline {
				e.Proxy = "a"
				if i < test.baseline+10 || test.feedsDead && i%2 == 0 {
					e.Proxy, e.Status, e.Outcome, e.Faulted = "b", 503, proxy.Injected, true
				}
			}
			in.Client.Exchanges = append(in.Client.Exchanges, e)
		}
		if f := find(t, in, "D30"); f.Verdict != test.want || !strings.Contains(f.Says, test.says) {
			t.Errorf("%s: got %s, want %s: %s %v", test.name, f.Verdict, test.want, f.Says, f.Figures)
		}
	}
}

// One long pause of a call does not make up for retries at once.
func TestALongPauseHidesNoHotLoop(t *testing.T) {
	for _, test := range []struct {
		pauses []time.Duration
		want   Grade
	}{
		{[]time.Duration{0, 0, 0, 0, 1500 * time.Millisecond}, Fail},
		{[]time.Duration{5 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}, Pass},
	} {
		in := Input{Phases: []Phase{{Stage: Fault, Begin: start, End: start.Add(time.Minute)}}}
		for call := range 10 {
			at := time.Duration(call) * 3 * time.Second
			for i := range len(test.pauses) + 1 {
				e := made(at, uint64(call+1), 503)
				e.Duration = time.Millisecond
				e.Attempt.Call, e.Attempt.CallBy = uint64(call+1), "Idempotency-Key"
				in.Client.Exchanges = append(in.Client.Exchanges, e)
				if at += e.Duration; i < len(test.pauses) {
					at += test.pauses[i]
				}
			}
		}
		if f := find(t, in, "D3"); f.Verdict != test.want {
			t.Errorf("%v: got %s, want %s: %s %v", test.pauses, f.Verdict, test.want, f.Says, f.Figures)
		}
	}
}
