package faults

import (
	"net/http"
	"reflect"
	"testing"
	"time"
)

func TestRulesAreDecidedInListOrder(t *testing.T) {
	set, _ := setOf(t,
		`{"name":"a","delay":"1s"}`,
		`{"name":"b","headers":{"request":{"remove":["Cookie"]}}}`,
		`{"name":"c","delay":"2s","match":{"path":"/a/**"}}`,
		`{"name":"d","delay":"3s"}`,
	)
	actions, record := exchange(set, get("/a/b"))
	want := []Action{
		Wait{time.Second}, Header{Request: Edit{Remove: []string{"Cookie"}}}, Wait{2 * time.Second}, Wait{3 * time.Second},
	}
	if !reflect.DeepEqual(actions, want) {
		t.Errorf("got %+v, want %+v", actions, want)
	}
	assertDecisions(t, record, yes("a", 1), yes("b", 1), yes("c", 1), yes("d", 1))
	if !record.Hit() {
		t.Error("the record says that nothing hit")
	}
}

// TestAnEndingActionStops: a rule behind it is not decided, and its n does not move.
func TestAnEndingActionStops(t *testing.T) {
	for _, ending := range []string{`"abort":503`, `"blackhole":"1s"`, `"phase":"before","degrade":{"body":1}`} {
		set, counters := setOf(t,
			`{"name":"slow","delay":"1s"}`,
			`{"name":"end","every":2,`+ending+`}`,
			`{"name":"behind","delay":"2s"}`,
			`{"name":"after","phase":"after","delay":"3s"}`,
		)
		first, record := exchange(set, get("/"))
		if want := []Action{Wait{time.Second}, Wait{2 * time.Second}, Wait{3 * time.Second}}; !reflect.DeepEqual(first, want) {
			t.Errorf("%s: got %+v, want %+v", ending, first, want)
		}
		assertDecisions(t, record, yes("slow", 1), no("end", WhySelection, 1), yes("behind", 1), yes("after", 1))
		second, record := exchange(set, get("/"))
		if len(second) != 2 || !Ends(second[1]) {
			t.Errorf("%s: got %+v, want the delay and the ending", ending, second)
		}
		assertDecisions(t, record, yes("slow", 2), yes("end", 2))
		for i, want := range []uint64{2, 2, 1, 1} {
			if got := counters[i].Status().Matched; got != want {
				t.Errorf("%s: rule %d counted %d exchanges, want %d", ending, i, got, want)
			}
		}
	}
}

func TestOnlyAnswersAndHoldsEnd(t *testing.T) {
	for action, want := range map[Action]bool{Wait{}: false, Hold{}: true} {
		if Ends(action) != want {
			t.Errorf("Ends(%T) is %t", action, !want)
		}
	}
	if !Ends(Answer{}) || Ends(Header{}) || Ends(Body{}) {
		t.Error("want an answer to end, and changes not to")
	}
}

func TestAfterRulesSeeTheReply(t *testing.T) {
	set, counters := setOf(t,
		`{"name":"lost","phase":"after","abort":500,"match":{"response":{"status":200,"headers":{"X-Paid":"yes"}}}}`,
		`{"name":"before","delay":"1s"}`,
		`{"name":"late","phase":"after","delay":"2s"}`,
	)
	var p Plan
	v := get("/")
	p.Begin(set, v)
	if got := drain(&p, v); !reflect.DeepEqual(got, []Action{Wait{time.Second}}) {
		t.Errorf("before: got %+v", got)
	}
	assertDecisions(t, p.Record(), yes("before", 1))
	v.Status, v.ResponseHeader = 200, http.Header{"X-Paid": {"yes"}}
	p.BeginAfter(v)
	if got := drain(&p, v); len(got) != 1 || !Ends(got[0]) {
		t.Errorf("after: got %+v, want the answer", got)
	}
	p.Done()
	assertDecisions(t, p.Record(), yes("before", 1), yes("lost", 1))
	if n := counters[2].Status().Matched; n != 0 {
		t.Errorf("the rule behind the answer counted %d", n)
	}

	v.Status = 404
	actions, record := exchange(set, v)
	if want := []Action{Wait{time.Second}, Wait{2 * time.Second}}; !reflect.DeepEqual(actions, want) {
		t.Errorf("404: got %+v, want %+v", actions, want)
	}
	assertDecisions(t, record, yes("before", 2), no("lost", WhyMatch, 0), yes("late", 1))
}

func TestProtectedPaths(t *testing.T) {
	counter := NewCounter()
	set := mustCompile(t, Config{
		Protect: []string{"/health", "/internal/**"},
		Entries: []Entry{
			{Rule: mustRule(t, `{"name":"all","abort":503}`), Counter: counter},
			{Rule: mustRule(t, `{"name":"off","abort":503,"enabled":false}`), Counter: NewCounter()},
			{Rule: mustRule(t, `{"name":"late","phase":"after","delay":"1s"}`), Counter: NewCounter()},
		},
	})
	for _, path := range []string{"/health", "/internal/", "/internal/a/b"} {
		actions, record := exchange(set, get(path))
		if actions != nil || record.Hit() {
			t.Errorf("%s: got %+v", path, actions)
		}
		assertDecisions(t, record, no("all", WhyProtected, 0), no("off", WhyDisabled, 0), no("late", WhyProtected, 0))
	}
	if got := counter.Status(); got != (Status{}) {
		t.Errorf("the counters moved: %+v", got)
	}
	for _, path := range []string{"/healthy", "/health/", "/internal", "/"} {
		if actions, _ := exchange(set, get(path)); len(actions) != 1 {
			t.Errorf("%s: got %+v, want the answer", path, actions)
		}
	}
}

func TestAnExpiredRuleIsSilent(t *testing.T) {
	counter := NewCounter()
	set := mustCompile(t, Config{Entries: []Entry{
		{Rule: mustRule(t, `{"name":"it","delay":"1s"}`), Counter: counter, Expires: start.Add(time.Second)},
	}})
	v := get("/")
	v.Now = start.Add(time.Second - 1)
	if actions, _ := exchange(set, v); len(actions) != 1 {
		t.Errorf("just before: got %+v, want the delay", actions)
	}
	v.Now = start.Add(time.Second)
	actions, record := exchange(set, v)
	if actions != nil {
		t.Errorf("at the end: got %+v", actions)
	}
	assertDecisions(t, record, no("it", WhyExpired, 0))
	if got := counter.Status(); got != (Status{Matched: 1, Hit: 1}) {
		t.Errorf("the counters moved: %+v", got)
	}
}

// TestAShadowDoesNotEnd: what stands behind a shadow is decided as if it were not there; its places are given back.
func TestAShadowDoesNotEnd(t *testing.T) {
	set, counters := setOf(t, `{"name":"ghost","abort":503,"shadow":true,"max_active":1,"max_total":2}`, `{"name":"slow","delay":"1s"}`)
	for i := range uint64(3) {
		actions, record := exchange(set, get("/"))
		if !reflect.DeepEqual(actions, []Action{Wait{time.Second}}) {
			t.Errorf("got %+v, want the delay alone", actions)
		}
		ghost := Decision{Rule: "ghost", Outcome: Shadow, N: i + 1}
		if i == 2 {
			ghost = no("ghost", WhyLimit, 3)
		}
		assertDecisions(t, record, ghost, yes("slow", i+1))
	}
	if got := counters[0].Status(); got != (Status{Matched: 3, Hit: 2, Skipped: Skipped{Limit: 1}}) {
		t.Errorf("the shadow's counters are %+v", got)
	}
}

// TestActiveHitsAreGivenBack: a gauge that leaks would stop the fault after a while.
func TestActiveHitsAreGivenBack(t *testing.T) {
	set, counters := setOf(t, `{"name":"it","delay":"1s","max_active":2}`, `{"name":"end","phase":"after","abort":503,"max_active":1}`)
	v := get("/")
	var open [3]Plan
	for i := range open {
		open[i].Begin(set, v)
		if got := len(drain(&open[i], v)); (got == 1) != (i < 2) {
			t.Errorf("exchange %d: %d actions, want two exchanges to have one", i, got)
		}
	}
	assertDecisions(t, open[2].Record(), no("it", WhyLimit, 3))
	for i := range open {
		open[i].Done()
		open[i].Done()
	}
	for i := range 1000 {
		var p Plan
		p.Begin(set, v)
		actions := drain(&p, v)
		p.BeginAfter(v)
		actions = append(actions, drain(&p, v)...)
		p.Done()
		if len(actions) != 2 {
			t.Fatalf("exchange %d: got %+v, want two actions", i, actions)
		}
		p.Record()
		p.Done()
	}
	for i, c := range counters {
		if active := c.Status().Active; active != 0 {
			t.Errorf("rule %d: %d are still active", i, active)
		}
	}
}

// TestDoneGivesBackWhatCameLater: Done between the phases does not lose those of the second.
func TestDoneGivesBackWhatCameLater(t *testing.T) {
	set, counters := setOf(t, `{"name":"a","delay":"1s"}`, `{"name":"b","delay":"1s","phase":"after"}`)
	v := get("/")
	var p Plan
	p.Begin(set, v)
	drain(&p, v)
	p.Done()
	p.BeginAfter(v)
	drain(&p, v)
	if a, b := counters[0].Status().Active, counters[1].Status().Active; a != 0 || b != 1 {
		t.Errorf("active: %d and %d, want 0 and 1", a, b)
	}
	p.Done()
	if b := counters[1].Status().Active; b != 0 {
		t.Errorf("%d are still active", b)
	}
}

func TestCompileWithoutACounter(t *testing.T) {
	set := mustCompile(t, Config{Entries: []Entry{{Rule: mustRule(t, `{"name":"it","delay":"1s","first":1}`)}}})
	if got := hits(set, 3, same(get("/"))); !reflect.DeepEqual(got, []int{1}) {
		t.Errorf("hit %v, want the first", got)
	}
	if _, err := Compile(Config{Entries: []Entry{{Rule: Rule{Name: "it", Enabled: true, Percent: 100}}}}); err == nil {
		t.Error("a rule without attributes is compiled")
	}
}

// TestCountersOutliveSets: a new set goes on where the old one was.
func TestCountersOutliveSets(t *testing.T) {
	entry := Entry{Rule: mustRule(t, `{"name":"it","delay":"1s","every":3}`), Counter: NewCounter()}
	config := Config{Entries: []Entry{entry}}
	if got := hits(mustCompile(t, config), 4, same(get("/"))); !reflect.DeepEqual(got, []int{3}) {
		t.Errorf("hit %v, want 3", got)
	}
	if got := hits(mustCompile(t, config), 4, same(get("/"))); !reflect.DeepEqual(got, []int{2}) {
		t.Errorf("hit %v after a change, want 2: the sixth in all", got)
	}
}

// TestJitterCoversItsRange: that of a 20 % rule, too. Never early by more than the jitter, never below 0.
func TestJitterCoversItsRange(t *testing.T) {
	set, _ := setOf(t, `{"name":"it","delay":{"latency":"100ms","jitter":"50ms"},"percent":20}`)
	var fifths [5]int
	least, most, sum := time.Hour, time.Duration(0), time.Duration(0)
	count := 0
	for range 50_000 {
		actions, _ := exchange(set, get("/"))
		if actions == nil {
			continue
		}
		wait := actions[0].(Wait).For
		least, most, sum = min(least, wait), max(most, wait), sum+wait
		count++
		fifths[min(int((wait-50*time.Millisecond)/(20*time.Millisecond)), 4)]++
	}
	if least < 50*time.Millisecond || least > 51*time.Millisecond || most > 150*time.Millisecond || most < 149*time.Millisecond {
		t.Errorf("waits from %v to %v, want all of 50ms to 150ms", least, most)
	}
	if mean := sum / time.Duration(count); mean < 99*time.Millisecond || mean > 101*time.Millisecond {
		t.Errorf("the mean wait is %v, want 100ms", mean)
	}
	for i, n := range fifths {
		if n < count/5*95/100 || n > count/5*105/100 {
			t.Errorf("fifth %d has %d of %d waits: %v", i, n, count, fifths)
		}
	}
}

func TestADelayIsNeverNegative(t *testing.T) {
	set, _ := setOf(t, `{"name":"it","delay":{"latency":"10ms","jitter":"50ms"}}`)
	none := 0
	for range 1000 {
		actions, _ := exchange(set, get("/"))
		switch wait := actions[0].(Wait).For; {
		case wait < 0 || wait > 60*time.Millisecond:
			t.Fatalf("a wait of %v", wait)
		case wait == 0:
			none++
		}
	}
	if none < 350 || none > 450 {
		t.Errorf("%d of 1,000 waits are 0, want about 400", none)
	}
}
