package faults

import "testing"

// assertDecisions compares a record with what is expected of it; the kinds are taken for granted.
func assertDecisions(t *testing.T, r Record, want ...Decision) {
	t.Helper()
	got := r.Decisions()
	if len(got) != len(want) {
		t.Errorf("got %d decisions %+v, want %d", len(got), got, len(want))
		return
	}
	for i := range want {
		if got[i].Kind == "" {
			t.Errorf("decision %d has no kind", i)
		}
		want[i].Kind = got[i].Kind
		if got[i] != want[i] {
			t.Errorf("decision %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

func yes(rule string, n uint64) Decision { return Decision{Rule: rule, Outcome: Hit, N: n} }

func no(rule string, why Why, n uint64) Decision {
	return Decision{Rule: rule, Outcome: Skip, Why: why, N: n}
}

// TestARecordEndsWhereTheExchangeDid: the client left during the first delay; what stands behind was never asked.
func TestARecordEndsWhereTheExchangeDid(t *testing.T) {
	set, counters := setOf(t,
		`{"name":"off","delay":"1s","enabled":false}`, `{"name":"a","delay":"1s"}`, `{"name":"b","delay":"1s"}`,
	)
	var p Plan
	v := get("/")
	p.Begin(set, v)
	assertDecisions(t, p.Record())
	p.Next(v)
	p.Done()
	assertDecisions(t, p.Record(), no("off", WhyDisabled, 0), yes("a", 1))
	if n := counters[2].Status().Matched; n != 0 {
		t.Errorf("b counted %d", n)
	}
}

// TestEveryReasonIsRecorded: all reasons for a "no", in the rules' order.
func TestEveryReasonIsRecorded(t *testing.T) {
	texts := []string{
		`{"name":"disabled","delay":"1s","enabled":false}`,
		`{"name":"match","delay":"1s","match":{"methods":["POST"]}}`,
		`{"name":"except","delay":"1s","except":{"path":"/a"}}`,
		`{"name":"hit","delay":"1s"}`,
		`{"name":"selection","delay":"1s","skip":1}`,
		`{"name":"roll","delay":"1s","percent":0.0001}`,
		`{"name":"never","delay":"1s","percent":0}`,
		`{"name":"limit","delay":"1s","max_active":1}`,
		`{"name":"expired","delay":"1s"}`,
		`{"name":"shadow","delay":"1s","shadow":true}`,
		`{"name":"end","abort":503}`,
		`{"name":"behind","delay":"1s"}`,
	}
	c := Config{Seed: 42}
	for _, text := range texts {
		c.Entries = append(c.Entries, Entry{Rule: mustRule(t, text), Counter: NewCounter()})
	}
	c.Entries[7].Counter.take(0, 0)
	c.Entries[8].Expires = start
	_, record := exchange(mustCompile(t, c), get("/a"))
	assertDecisions(t, record,
		no("disabled", WhyDisabled, 0), no("match", WhyMatch, 0), no("except", WhyExcept, 0), yes("hit", 1),
		no("selection", WhySelection, 1), no("roll", WhyRoll, 1), no("never", WhyRoll, 0), no("limit", WhyLimit, 1),
		no("expired", WhyExpired, 0), Decision{Rule: "shadow", Outcome: Shadow, N: 1}, yes("end", 1),
	)
}

// TestManyDecisions are more than a plan has room for without memory of its own.
func TestManyDecisions(t *testing.T) {
	var texts []string
	var want []Decision
	for i := range 30 {
		name := string(rune('a' + i))
		texts = append(texts, `{"name":"`+name+`","delay":"1s"}`)
		want = append(want, yes(name, 1))
	}
	texts[26] = `{"name":"last","abort":503}`
	want = append(want[:26], yes("last", 1))
	set, counters := setOf(t, texts...)
	actions, record := exchange(set, get("/"))
	if len(actions) != 27 {
		t.Errorf("got %d actions, want 27", len(actions))
	}
	assertDecisions(t, record, want...)
	for i, c := range counters {
		if active := c.Status().Active; active != 0 {
			t.Errorf("rule %d: %d are still active", i, active)
		}
	}
}

func TestEmptySetsAndRecords(t *testing.T) {
	if got := (Record{}).Decisions(); got != nil || (Record{}).Hit() {
		t.Errorf("the zero record has %+v", got)
	}
	actions, record := exchange(&Set{}, get("/"))
	if actions != nil || record.Hit() || len(record.Decisions()) != 0 {
		t.Errorf("the zero set gives %+v, %+v", actions, record.Decisions())
	}
	for text, want := range map[string]bool{
		`{"name":"it","delay":"1s"}`:                 false,
		`{"name":"it","delay":"1s","phase":"after"}`: false,
		`{"name":"it","delay":"1s","enabled":false}`: true,
		`{"name":"it","delay":"1s","percent":0}`:     true,
	} {
		if set, _ := setOf(t, text); set.Empty() != want {
			t.Errorf("%s: Empty is %t", text, !want)
		}
	}
	if !(&Set{}).Empty() {
		t.Error("the zero set is not empty")
	}
}
