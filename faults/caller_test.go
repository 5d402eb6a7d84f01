package faults

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// callerOf reads what callers may ask for.
func callerOf(t testing.TB, text string) Caller {
	t.Helper()
	n, err := document.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var c Caller
	if err := document.Decode(n, &c); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

// callers compiles what callers may ask for, ahead of rules.
func callers(t testing.TB, text string, rules ...string) (*Set, *CallerCounters) {
	t.Helper()
	counters := NewCallerCounters()
	c := Config{Seed: 42, Protect: []string{"/health"}, Caller: &CallerEntry{Caller: callerOf(t, text), Proxy: "stock", Counters: counters}}
	for _, text := range rules {
		c.Entries = append(c.Entries, Entry{Rule: mustRule(t, text)})
	}
	return mustCompile(t, c), counters
}

// asks is a GET with the header fields of Envoy's fault filter, names without "x-envoy-fault-" and values in turn.
func asks(fields ...string) *View {
	v := get("/")
	for i := 0; i < len(fields); i += 2 {
		v = with(v, "X-Envoy-Fault-"+fields[i], fields[i+1])
	}
	return v
}

// TestCallerFaults has a line for each statement of Envoy's documentation of its fault filter.
func TestCallerFaults(t *testing.T) {
	const ms = time.Millisecond
	status := func(code int) []Action {
		body, contentType := statusBody(code)
		return []Action{Answer{Status: code, Body: body, ContentType: contentType}}
	}
	grpc := func(code GRPCCode) []Action {
		answer := status(200)[0].(Answer)
		answer.GRPC = &GRPCStatus{Code: code, Message: "fault asked for by the caller"}
		return []Action{answer}
	}
	pace := func(rate int64) []Action { return []Action{Pace{Rate: rate, Side: OfResponse}} }
	for _, tt := range []struct {
		statement string
		fields    []string
		want      []Action
	}{
		{"a request that asks for nothing passes", nil, nil},
		{"the delay is in milliseconds", []string{"delay-request", "250"}, []Action{Wait{250 * ms}}},
		{"a delay of 0 is none", []string{"delay-request", "0"}, nil},
		{"a delay is a whole number", []string{"delay-request", "1.5"}, nil},
		{"a delay is a number", []string{"delay-request", "5s"}, nil},
		{"a delay is not negative", []string{"delay-request", "-1"}, nil},
		{"a delay that is no 64 bits is ignored", []string{"delay-request", "18446744073709551616"}, nil},
		{"a delay has a bound", []string{"delay-request", "18446744073709551615"}, []Action{Wait{24 * time.Hour}}},
		{"a sign and white space are part of a number", []string{"delay-request", " +7 "}, []Action{Wait{7 * ms}}},
		{"only the first value is used", []string{"delay-request", "5", "delay-request", "9"}, []Action{Wait{5 * ms}}},
		{"only the first value is used, also if it is none", []string{"delay-request", "x", "delay-request", "9"}, nil},
		{"the abort is a status", []string{"abort-request", "503"}, status(503)},
		{"the least status is 200", []string{"abort-request", "200"}, status(200)},
		{"the greatest status is 599", []string{"abort-request", "599"}, status(599)},
		{"a status below is ignored", []string{"abort-request", "199"}, nil},
		{"a status above is ignored", []string{"abort-request", "600"}, nil},
		{"a status that is no number is ignored", []string{"abort-request", "teapot"}, nil},
		{"the gRPC abort has HTTP status 200", []string{"abort-grpc-request", "5"}, grpc(5)},
		{"the least gRPC status is 0", []string{"abort-grpc-request", "0"}, grpc(0)},
		{"the greatest gRPC status is 16", []string{"abort-grpc-request", "16"}, grpc(16)},
		{"a gRPC status above is ignored", []string{"abort-grpc-request", "17"}, nil},
		{"HTTP abort beats gRPC abort", []string{"abort-grpc-request", "5", "abort-request", "503"}, status(503)},
		{"an HTTP abort that is ignored does not", []string{"abort-grpc-request", "5", "abort-request", "99"}, grpc(5)},
		{"the throughput is in KiB per second", []string{"throughput-response", "1"}, pace(1024)},
		{"a throughput of 0 is ignored", []string{"throughput-response", "0"}, nil},
		{"a throughput has a bound", []string{"throughput-response", "18446744073709551615"}, pace(MaxCount / 1024 * 1024)},
		{"delay, then throughput", []string{"throughput-response", "2", "delay-request", "1"}, []Action{Wait{ms}, pace(2048)[0]}},
		{
			"delay, then abort, then nothing",
			[]string{"throughput-response", "2", "abort-request", "404", "delay-request", "1"},
			append([]Action{Wait{ms}}, status(404)...),
		},
		{"a delay of 0 %", []string{"delay-request", "1", "delay-request-percentage", "0"}, nil},
		{"a delay of 100 %", []string{"delay-request", "1", "delay-request-percentage", "100"}, []Action{Wait{ms}}},
		{"an abort of 0 %", []string{"abort-request", "503", "abort-request-percentage", "0"}, nil},
		{"an abort of 0 %, in the other spelling", []string{"abort-request", "503", "abort-percentage", "0"}, nil},
		{"the first spelling beats the other", []string{"abort-request", "503", "abort-percentage", "0", "abort-request-percentage", "100"}, status(503)},
		{"a gRPC abort of 0 %", []string{"abort-grpc-request", "3", "abort-request-percentage", "0"}, nil},
		{"a throughput of 0 %", []string{"throughput-response", "1", "throughput-response-percentage", "0"}, nil},
		{"a throughput of 100 %", []string{"throughput-response", "1", "throughput-response-percentage", "100"}, pace(1024)},
		{"the percentage is capped", []string{"delay-request", "1", "delay-request-percentage", "4294967295"}, []Action{Wait{ms}}},
		{"a percentage that is no number is ignored", []string{"delay-request", "1", "delay-request-percentage", "no"}, []Action{Wait{ms}}},
		{"a percentage is not negative", []string{"delay-request", "1", "delay-request-percentage", "-1"}, []Action{Wait{ms}}},
		{"a percentage alone does nothing", []string{"delay-request-percentage", "100"}, nil},
		{"each fault has its own percentage", []string{"delay-request", "1", "abort-request", "503", "abort-request-percentage", "0"}, []Action{Wait{ms}}},
	} {
		t.Run(tt.statement, func(t *testing.T) {
			set, _ := callers(t, `true`)
			if got, _ := exchange(set, asks(tt.fields...)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%v: got %+v, want %+v", tt.fields, got, tt.want)
			}
		})
	}
}

func TestCallersAskForWhatIsAllowedOnly(t *testing.T) {
	all := asks("delay-request", "100", "abort-request", "503", "throughput-response", "1")
	for text, want := range map[string]string{
		`{"kinds":["delay"]}`:                        "[faults.Wait]",
		`{"kinds":["throttle","delay"]}`:             "[faults.Wait faults.Pace]",
		`{"kinds":["abort"]}`:                        "[faults.Answer]",
		`{"percent":0}`:                              "[]",
		`{"kinds":["delay"],"max_delay":"1m"}`:       "[faults.Wait]",
		`{"kinds":["delay","throttle"],"percent":0}`: "[]",
	} {
		set, _ := callers(t, text)
		actions, _ := exchange(set, all)
		got := []string{}
		for _, action := range actions {
			got = append(got, fmt.Sprintf("%T", action))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %s", text, got, want)
		}
	}
	set, _ := callers(t, `{"max_delay":"50ms"}`)
	if got, _ := exchange(set, asks("delay-request", "51")); !reflect.DeepEqual(got, []Action{Wait{50 * time.Millisecond}}) {
		t.Errorf("beyond max_delay: %+v", got)
	}
	set, _ = callers(t, `true`)
	v := asks("delay-request", "100")
	v.Path = "/health"
	if got, record := exchange(set, v); got != nil || record.Decisions()[0].Why != WhyProtected {
		t.Errorf("a protected path: %+v, %+v", got, record.Decisions())
	}
}

// TestAHeaderLowersThePercentageAndNeverRaisesIt: which exchanges are hit depends on the seed alone, so those of a lower
// percentage are among those of a higher one.
func TestAHeaderLowersThePercentageAndNeverRaisesIt(t *testing.T) {
	const n = 2000
	hitBy := func(percent string) map[int]bool {
		set, _ := callers(t, `{"percent":50}`)
		hit := map[int]bool{}
		for i := range n {
			fields := []string{"delay-request", "1"}
			if percent != "" {
				fields = append(fields, "delay-request-percentage", percent)
			}
			if _, record := exchange(set, asks(fields...)); record.Hit() {
				hit[i] = true
			}
		}
		return hit
	}
	full, tenth := hitBy(""), hitBy("10")
	for _, more := range []string{"50", "51", "100", "x"} {
		if got := hitBy(more); !reflect.DeepEqual(got, full) {
			t.Errorf("%s %% of at most 50 %%: %d hits, want %d", more, len(got), len(full))
		}
	}
	for i := range tenth {
		if !full[i] {
			t.Errorf("exchange %d is hit at 10 %% and not at 50 %%", i)
		}
	}
	// Four standard deviations: sqrt(2000 * 0.5 * 0.5) = 22.4, sqrt(2000 * 0.1 * 0.9) = 13.4.
	if len(full) < 1000-90 || len(full) > 1000+90 || len(tenth) < 200-54 || len(tenth) > 200+54 {
		t.Errorf("%d and %d of %d were hit, want about 1000 and 200", len(full), len(tenth), n)
	}
}

// TestTheCapOfActiveFaults: an exchange counts once, whatever it asked for, until it is over.
func TestTheCapOfActiveFaults(t *testing.T) {
	set, counters := callers(t, `{"max_active":2}`)
	both := asks("delay-request", "1", "throughput-response", "1")
	begin := func(s *Set) (*Plan, int) {
		var p Plan
		p.Begin(s, both)
		return &p, len(drain(&p, both))
	}
	first, a := begin(set)
	second, b := begin(set)
	third, c := begin(set)
	if a != 2 || b != 2 || c != 0 {
		t.Errorf("%d, %d and %d faults, want 2, 2 and 0", a, b, c)
	}
	if got := counters.Of("caller/delay").Status(); got.Hit != 2 || got.Skipped.Limit != 1 {
		t.Errorf("counted %+v", got)
	}
	assertDecisions(t, third.Record(), no("caller/delay", WhyLimit, 3), no("caller/abort", WhyMatch, 0), no("caller/throttle", WhyLimit, 3))
	third.Done()
	// What is under way counts also for a set that is compiled meanwhile.
	again := mustCompile(t, Config{Caller: &CallerEntry{Caller: callerOf(t, `{"max_active":2}`), Counters: counters}})
	if _, n := begin(again); n != 0 {
		t.Errorf("%d faults over the cap in a new set", n)
	}
	first.Done()
	first.Done()
	fourth, n := begin(again)
	if n != 2 {
		t.Errorf("%d faults within the cap, want 2", n)
	}
	if _, n := begin(again); n != 0 {
		t.Errorf("%d faults over the cap, which a second Done has raised", n)
	}
	second.Done()
	fourth.Done()
	if active := counters.active.Load(); active != 0 {
		t.Errorf("%d are active at the end", active)
	}
}

// TestCallersComeAheadOfRules: they are decided first, and a request that does not ask moves no counter of theirs.
func TestCallersComeAheadOfRules(t *testing.T) {
	set, counters := callers(t, `true`, `{"name":"own","delay":"9s"}`)
	actions, record := exchange(set, asks("delay-request", "1", "abort-request", "503", "abort-request-percentage", "0"))
	if !reflect.DeepEqual(actions, []Action{Wait{time.Millisecond}, Wait{9 * time.Second}}) {
		t.Errorf("got %+v", actions)
	}
	assertDecisions(t, record, yes("caller/delay", 1), no("caller/abort", WhyRoll, 1), no("caller/throttle", WhyMatch, 0), yes("own", 1))
	_, record = exchange(set, get("/"))
	assertDecisions(t, record, no("caller/delay", WhyMatch, 0), no("caller/abort", WhyMatch, 0), no("caller/throttle", WhyMatch, 0), yes("own", 2))
	if got := counters.Of("caller/delay").Status(); got.Matched != 1 || got.Hit != 1 || counters.Of("caller/reset") != nil {
		t.Errorf("counted %+v", got)
	}
	if d := record.Decisions()[0]; d.Kind != "delay" {
		t.Errorf("got kind %q", d.Kind)
	}
}

// FuzzCallerFields: no header values make deciding panic, wait for longer than is allowed or answer with what is no status,
// and none make a fault of what may never hit.
func FuzzCallerFields(f *testing.F) {
	for _, seed := range [][3]string{
		{"250", "503", "100"},
		{"-1", "200 ", "0"},
		{"+18446744073709551615", "600", "4294967296"},
		{"0x10", "16", "1e2"},
		{"\x00", "٣", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	set, _ := callers(f, `{"max_delay":"1m"}`)
	never, _ := callers(f, `{"percent":0}`)
	f.Fuzz(func(t *testing.T, a, b, percent string) {
		v := get("/")
		v.Header = http.Header{
			"X-Envoy-Fault-Delay-Request": {a}, "X-Envoy-Fault-Abort-Request": {b}, "X-Envoy-Fault-Abort-Grpc-Request": {a},
			"X-Envoy-Fault-Throughput-Response": {b, a}, "X-Envoy-Fault-Delay-Request-Percentage": {percent},
			"X-Envoy-Fault-Abort-Percentage": {percent}, "X-Envoy-Fault-Throughput-Response-Percentage": {percent},
		}
		actions, _ := exchange(set, v)
		for _, action := range actions {
			switch a := action.(type) {
			case Wait:
				if a.For <= 0 || a.For > time.Minute {
					t.Errorf("waits for %v", a.For)
				}
			case Answer:
				if a.Status < 200 || a.Status > 599 {
					t.Errorf("answers %d", a.Status)
				}
			case Pace:
				if a.Rate < 1024 || a.Rate > MaxCount {
					t.Errorf("a rate of %d", a.Rate)
				}
			default:
				t.Errorf("got a %T", a)
			}
		}
		if actions, _ := exchange(never, v); actions != nil {
			t.Errorf("at 0 %%: %+v", actions)
		}
	})
}
