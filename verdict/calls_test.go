package verdict

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squall-proxy/squall/proxy"
)

// start is when the records of tests begin.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// made is an exchange of a test: a GET for a target that took 2 ms.
func made(at time.Duration, target uint64, status int) proxy.Exchange {
	e := proxy.Exchange{
		At: start.Add(at), Duration: 2 * time.Millisecond, Client: "10.0.0.1:999", Method: "GET", Status: status, Outcome: proxy.OK,
		Attempt: proxy.Attempt{Connection: 1, Nth: 2, Target: target, RequestEnd: 1, FirstByte: time.Millisecond},
	}
	if status == 0 || status >= 500 {
		e.Outcome, e.Faulted = proxy.Injected, true
	}
	if status == 0 {
		e.Attempt.FirstByte, e.Attempt.ClosedBy = 0, proxy.ByProxy
	}
	return e
}

// numbered gives exchanges ids, in order from 1.
func numbered(all ...proxy.Exchange) []proxy.Exchange {
	for i := range all {
		all[i].ID = uint64(i + 1)
	}
	return all
}

// with changes an exchange.
func with(e proxy.Exchange, change func(*proxy.Exchange)) proxy.Exchange {
	change(&e)
	return e
}

func id(field string, call uint64) func(*proxy.Exchange) {
	return func(e *proxy.Exchange) { e.Attempt.Call, e.Attempt.CallBy = call, field }
}

func attemptNumber(n int) func(*proxy.Exchange) {
	return func(e *proxy.Exchange) { e.Attempt.Number, e.Attempt.NumberBy = n, "Amz-Sdk-Request" }
}

// different are calls that succeed, each with another target: after them an equal request is a repetition.
func different() []proxy.Exchange {
	var all []proxy.Exchange
	for i := range 5 {
		all = append(all, made(time.Duration(i)*time.Millisecond, 100+uint64(i), 200))
	}
	return all
}

func TestCalls(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for _, test := range []struct {
		name   string
		made   []proxy.Exchange
		want   [][]uint64 // ids of each call's attempts
		rules  []Rule     // of the joined ones, in order
		unsure int
	}{
		{
			"an equal request after a failure is a repetition, where calls differ",
			append(different(), made(1*s, 7, 503), made(2*s, 7, 503), made(3*s, 7, 200), made(4*s, 8, 200)),
			[][]uint64{{1}, {2}, {3}, {4}, {5}, {6, 7, 8}, {9}},
			[]Rule{ByHeuristic, ByHeuristic},
			0,
		},
		{
			"nobody can tell where nothing is known of the calls",
			[]proxy.Exchange{made(0, 7, 503), made(1*s, 7, 503)},
			[][]uint64{{1}, {2}},
			nil, 2,
		},
		{
			"one who asks for the same every second, and does so when it fails",
			[]proxy.Exchange{made(0, 7, 200), made(1*s, 7, 200), made(2*s, 7, 503), made(3*s, 7, 503), made(4*s, 7, 200)},
			[][]uint64{{1}, {2}, {3}, {4}, {5}},
			nil, 3,
		},
		{
			"one who asks for the same every second, and at once when it fails",
			[]proxy.Exchange{made(0, 7, 200), made(1*s, 7, 200), made(2*s, 7, 503), made(2*s+100*ms, 7, 200), made(3*s, 7, 200)},
			[][]uint64{{1}, {2}, {3, 4}, {5}},
			[]Rule{ByHeuristic},
			0,
		},
		{
			"identical requests at one time",
			append(slices.Repeat([]proxy.Exchange{made(0, 7, 200)}, 6), made(1*s, 7, 503), made(1*s+100*ms, 7, 503)),
			[][]uint64{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}},
			nil, 8,
		},
		{
			"beyond the window it is a new call",
			append(different(), made(1*s, 7, 503), made(32*s, 7, 503)),
			[][]uint64{{1}, {2}, {3}, {4}, {5}, {6}, {7}},
			nil, 0,
		},
		{
			"an id that repeats joins, whatever lies between",
			[]proxy.Exchange{
				with(made(0, 7, 503), id("X-Call", 1)), with(made(1*ms, 7, 503), id("X-Call", 2)),
				with(made(5*s, 7, 503), id("X-Call", 1)), with(made(90*s, 7, 200), id("X-Call", 2)),
			},
			[][]uint64{{1, 3}, {2, 4}},
			[]Rule{ByID, ByID},
			0,
		},
		{
			"an X-Request-Id that differs parts nothing",
			append(different(), with(made(1*s, 7, 503), id("X-Request-Id", 1)), with(made(2*s, 7, 503), id("X-Request-Id", 2))),
			[][]uint64{{1}, {2}, {3}, {4}, {5}, {6, 7}},
			[]Rule{ByHeuristic},
			0,
		},
		{
			"an id of the client's own that differs parts",
			append(different(), with(made(1*s, 7, 503), id("X-Call", 1)), with(made(2*s, 7, 503), id("X-Call", 2))),
			[][]uint64{{1}, {2}, {3}, {4}, {5}, {6}, {7}},
			nil, 0,
		},
		{
			"a trace goes on after a success",
			[]proxy.Exchange{with(made(0, 7, 200), id("Traceparent", 1)), with(made(1*s, 7, 200), id("Traceparent", 1))},
			[][]uint64{{1}, {2}},
			nil, 0,
		},
		{
			"the client says which attempt it is",
			[]proxy.Exchange{
				with(made(0, 7, 503), attemptNumber(1)), with(made(1*s, 7, 503), attemptNumber(2)),
				with(made(2*s, 7, 503), attemptNumber(1)), with(made(3*s, 7, 200), attemptNumber(2)),
			},
			[][]uint64{{1, 2}, {3, 4}},
			[]Rule{ByNumber, ByNumber},
			0,
		},
		{
			"another client's equal request is another call",
			append(different(), made(1*s, 7, 503), with(made(2*s, 7, 503), func(e *proxy.Exchange) { e.Client = "10.0.0.2:1" })),
			[][]uint64{{1}, {2}, {3}, {4}, {5}, {6}, {7}},
			nil, 0,
		},
		{
			"the same client's other port is the same client",
			append(different(), made(1*s, 7, 503), with(made(2*s, 7, 503), func(e *proxy.Exchange) { e.Client = "10.0.0.1:1" })),
			[][]uint64{{1}, {2}, {3}, {4}, {5}, {6, 7}},
			[]Rule{ByHeuristic},
			0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := limitsWith(nil)
			if err != nil {
				t.Fatal(err)
			}
			attempts, _ := attemptsOf(numbered(slices.Clone(test.made)...))
			var got [][]uint64
			var rules []Rule
			unsure := 0
			for _, c := range callsOf(attempts, false, l) {
				var ids []uint64
				for _, a := range c.attempts {
					ids = append(ids, a.ID)
					if a.joined != "" {
						rules = append(rules, a.joined)
					}
				}
				if c.unsure {
					unsure++
				}
				got = append(got, ids)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if !slices.Equal(rules, test.rules) || unsure != test.unsure {
				t.Errorf("got rules %q and %d unsure, want %q and %d", rules, unsure, test.rules, test.unsure)
			}
		})
	}
}

// net/http repeats a request by itself when the connection that it reused turns out to be dead. That is no retry.
func TestTransparentRepeatIsNoRetry(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	reused := func(e *proxy.Exchange) { e.Attempt.Nth = 5 }
	first := func(e *proxy.Exchange) { e.Attempt.Nth = 1 }
	for _, test := range []struct {
		name   string
		before func(*proxy.Exchange)
		gap    time.Duration
		status int
		want   int // retries
	}{
		{"on a connection that was reused, at once", reused, 1 * ms, 0, 0},
		{"on a new connection", first, 1 * ms, 0, 1},
		{"too late", reused, 6 * ms, 0, 1},
		{"after a reply", reused, 1 * ms, 503, 1},
	} {
		l, _ := limitsWith(nil)
		all := append(different(), with(made(s, 7, test.status), test.before), with(made(s+2*ms+test.gap, 7, 200), first))
		attempts, _ := attemptsOf(numbered(all...))
		calls := callsOf(attempts, false, l)
		c := calls[len(calls)-1]
		if len(c.attempts) != 2 || len(c.repeats()) != test.want {
			t.Errorf("%s: got %d attempts and %d retries, want 2 and %d", test.name, len(c.attempts), len(c.repeats()), test.want)
		}
	}
}
