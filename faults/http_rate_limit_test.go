package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// limited lets exchanges arrive under one rule, each at a time after start, and tells what becomes of them: "-" passes, a
// number is the Retry-After of a refusal, a duration is how long it is held.
func limited(t *testing.T, set *Set, arrivals ...time.Duration) (got []string) {
	t.Helper()
	for _, at := range arrivals {
		v := get("/")
		v.Now = start.Add(at)
		got = append(got, verdictOf(t, set, v))
	}
	return got
}

func verdictOf(t *testing.T, set *Set, v *View) string {
	t.Helper()
	actions, record := exchange(set, v)
	if len(actions) == 0 {
		if d := record.Decisions(); len(d) != 1 || d[0].Why != WhyRoom || d[0].N == 0 {
			t.Errorf("it passes as %+v, want the reason %q", d, WhyRoom)
		}
		return "-"
	}
	if !record.Hit() || len(actions) != 1 {
		t.Errorf("hit %t: %+v", record.Hit(), actions)
	}
	switch a := actions[0].(type) {
	case Wait:
		return a.For.String()
	case Answer:
		return a.Header[0].Value
	}
	return fmt.Sprint(actions[0])
}

const ms = time.Millisecond

func TestARateLimitRefusesWhatComesTooOften(t *testing.T) {
	for _, c := range []struct {
		name, rule string
		arrivals   []time.Duration
		want       string
		status     Status
	}{
		{
			"a burst, then the rate", `{"rate_limit":{"rate":2,"per":"4s"}}`, // a token every 2 s
			[]time.Duration{0, 0, 0, 2 * time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 9 * time.Second, 9 * time.Second, 9 * time.Second},
			"- - 2 - 2 1 - - - 2",
			Status{Matched: 10, Hit: 4, Skipped: Skipped{Room: 6}, Early: 1},
		},
		{
			"a burst of its own", `{"rate_limit":{"rate":1,"burst":3}}`,
			[]time.Duration{0, 0, 0, 0, time.Second, time.Second},
			"- - - 1 - 1",
			Status{Matched: 6, Hit: 2, Skipped: Skipped{Room: 4}},
		},
		{
			"one at a time", `{"rate_limit":{"rate":10,"burst":1}}`, // room after 100 ms, but Retry-After says a second
			[]time.Duration{0, 99 * ms, 100 * ms, 1098 * ms, 1099 * ms},
			"- 1 1 1 -",
			Status{Matched: 5, Hit: 3, Skipped: Skipped{Room: 2}, Early: 2},
		},
		{
			"to the nanosecond", `{"rate_limit":{"rate":1}}`,
			[]time.Duration{0, time.Second - 1, 2*time.Second - 2, 2*time.Second - 1},
			"- 1 1 -",
			Status{Matched: 4, Hit: 2, Skipped: Skipped{Room: 2}, Early: 1},
		},
		{
			"a longer Retry-After", `{"rate_limit":{"rate":1,"retry_after":5}}`,
			[]time.Duration{0, 0, time.Second, 4999 * ms, 5 * time.Second},
			"- 5 4 1 -",
			Status{Matched: 5, Hit: 3, Skipped: Skipped{Room: 2}, Early: 2},
		},
		{
			"nothing passes", `{"rate_limit":{"rate":0,"per":"1m"}}`,
			[]time.Duration{0, time.Hour},
			"60 60",
			Status{Matched: 2, Hit: 2},
		},
		{
			"paced", `{"rate_limit":{"rate":10,"policy":"pace"}}`,
			[]time.Duration{0, 0, 0, 250 * ms, 250 * ms, time.Second, 1050 * ms},
			"- 100ms 200ms 50ms 150ms - 50ms",
			Status{Matched: 7, Hit: 5, Skipped: Skipped{Room: 2}},
		},
		{
			"paced, a day at most", `{"rate_limit":{"rate":1,"per":"24h","policy":"pace"}}`,
			[]time.Duration{0, 0, 0},
			"- 24h0m0s 24h0m0s",
			Status{Matched: 3, Hit: 2, Skipped: Skipped{Room: 1}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, counters := setOf(t, c.rule)
			if got := strings.Join(limited(t, set, c.arrivals...), " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := counters[0].Status(); got != c.status {
				t.Errorf("the counters are %+v, want %+v", got, c.status)
			}
		})
	}
}

func TestARateLimitInShadow(t *testing.T) {
	set, counters := setOf(t, `{"rate_limit":{"rate":1,"retry_after":3600},"shadow":true}`)
	for _, at := range []time.Duration{0, 0, time.Second, time.Second} {
		v := get("/")
		v.Now = start.Add(at)
		if actions, record := exchange(set, v); actions != nil || record.Hit() {
			t.Errorf("a shadow does %+v", actions)
		}
	}
	if got, want := counters[0].Status(), (Status{Matched: 4, Hit: 2, Skipped: Skipped{Room: 2}}); got != want {
		t.Errorf("the counters are %+v, want %+v", got, want)
	}
}

func TestARateLimitIsPerKey(t *testing.T) {
	set, counters := setOf(t, `{"rate_limit":{"rate":1,"key":"header:X-Tenant"}}`)
	tenant := func(name string) *View { return with(get("/"), "X-Tenant", name) }
	for _, c := range []struct{ tenant, want string }{{"a", "-"}, {"b", "-"}, {"a", "1"}, {"b", "1"}, {"c", "-"}, {"a", "1"}} {
		if got := verdictOf(t, set, tenant(c.tenant)); got != c.want {
			t.Errorf("tenant %s: got %s, want %s", c.tenant, got, c.want)
		}
	}
	if got := counters[0].Status(); got.Early != 1 || got.Hit != 3 {
		t.Errorf("the counters are %+v", got)
	}
	byRule, _ := setOf(t, `{"rate_limit":1,"key":"header:X-Tenant"}`) // the rule's key, where there is no other
	for _, c := range []struct{ tenant, want string }{{"a", "-"}, {"b", "-"}, {"a", "1"}} {
		if got := verdictOf(t, byRule, tenant(c.tenant)); got != c.want {
			t.Errorf("by the rule's key, tenant %s: got %s, want %s", c.tenant, got, c.want)
		}
	}
	counters[0].allowances.bound = 3 // the next one makes the table forget b, who was quiet for longest
	for _, c := range []struct{ tenant, want string }{{"d", "-"}, {"a", "1"}, {"c", "1"}, {"b", "-"}} {
		if got := verdictOf(t, set, tenant(c.tenant)); got != c.want {
			t.Errorf("tenant %s: got %s, want %s", c.tenant, got, c.want)
		}
	}
	if got := counters[0].Status(); got.Evicted != 2 {
		t.Errorf("%d keys were forgotten, want 2", got.Evicted)
	}
}

// TestARateLimitOutlivesItsSet: what a rule has let through counts on when rules change, as its counters do; another rate
// holds from then on.
func TestARateLimitOutlivesItsSet(t *testing.T) {
	counter := NewCounter()
	under := func(rule string) *Set {
		return mustCompile(t, Config{Entries: []Entry{{Rule: mustRule(t, rule), Counter: counter}}})
	}
	slow, fast := under(`{"name":"it","rate_limit":{"rate":1,"per":"10s"}}`), under(`{"name":"it","rate_limit":{"rate":1}}`)
	got := limited(t, slow, 0)
	got = append(got, limited(t, under(`{"name":"it","rate_limit":{"rate":1,"per":"10s"}}`), 0)...)
	got = append(got, limited(t, fast, 9*time.Second, 10*time.Second, 10*time.Second)...)
	if want := []string{"-", "10", "1", "-", "1"}; !slices.Equal(got, want) {
		t.Errorf("refused: got %v, want %v", got, want)
	}
	counter = NewCounter()
	slow, fast = under(`{"rate_limit":{"rate":1,"policy":"pace"}}`), under(`{"rate_limit":{"rate":10,"policy":"pace"}}`)
	got = append(limited(t, slow, 0, 0), limited(t, fast, 0, 0, 0)...)
	if want := []string{"-", "1s", "-", "100ms", "200ms"}; !slices.Equal(got, want) {
		t.Errorf("paced: got %v, want %v", got, want)
	}
	if again := limited(t, mustCompile(t, Config{Entries: []Entry{{Rule: mustRule(t, `{"rate_limit":1}`)}}}), 0); again[0] != "-" {
		t.Error("a new counter does not begin anew")
	}
}

func TestTheAnswerOfARateLimit(t *testing.T) {
	set, _ := setOf(t, `{"rate_limit":{"rate":5,"burst":1,"status":503,"headers":true}}`)
	exchange(set, get("/"))
	actions, _ := exchange(set, get("/"))
	want := []Field{{"Retry-After", "1"}, {"RateLimit-Limit", "5"}, {"RateLimit-Remaining", "0"}, {"RateLimit-Reset", "1"}}
	if a, ok := actions[0].(Answer); !ok || a.Status != 503 || !slices.Equal(a.Header, want) || len(a.Body) == 0 {
		t.Errorf("got %+v, want status 503 and %v", actions[0], want)
	}
	set, _ = setOf(t, `{"rate_limit":0}`)
	actions, _ = exchange(set, get("/"))
	if a := actions[0].(Answer); a.Status != 429 || len(a.Header) != 1 {
		t.Errorf("got %+v, want status 429 and nothing but Retry-After", a)
	}
}

// TestOtherLimitsBesideAGate: what a limit of hits lets through is skipped by it, and takes no place.
func TestOtherLimitsBesideAGate(t *testing.T) {
	set, counters := setOf(t, `{"name":"it","rate_limit":0,"max_total":1}`)
	exchange(set, get("/"))
	actions, record := exchange(set, get("/"))
	if actions != nil {
		t.Errorf("got %+v", actions)
	}
	assertDecisions(t, record, no("it", WhyLimit, 2))
	if got := counters[0].Status(); got.Hit != 1 || got.Skipped.Limit != 1 {
		t.Errorf("the counters are %+v", got)
	}
}
