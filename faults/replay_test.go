package faults

import (
	"fmt"
	"slices"
	"testing"
)

// TestReplayInAnyOrder: exchanges under way at once are recorded in another order than that of their numbers.
func TestReplayInAnyOrder(t *testing.T) {
	rules := []string{
		`{"name":"row","delay":"1s","percent":80,"max_consecutive":2}`,
		`{"name":"keyed","delay":"1s","percent":50,"exact":true,"key":"header:X-Test","max_consecutive":3}`,
	}
	set, _ := setOf(t, rules...)
	var recorded []Decision
	for i := range 300 {
		_, record := exchange(set, with(get("/"), "X-Test", fmt.Sprint(i%3)))
		recorded = append(recorded, record.Decisions()...)
	}
	slices.Reverse(recorded)
	again, _ := setOf(t, rules...)
	replay := NewReplay(again)
	for _, d := range recorded {
		if difference, known := replay.Decide(get("/"), d); difference != "" || !known {
			t.Errorf("%+v: %q, known %t", d, difference, known)
		}
		if d.Rule == "keyed" && d.Key == "" || d.Rule == "row" && d.Key != "" {
			t.Errorf("recorded with key %q: %+v", d.Key, d)
		}
	}
}

// TestReplayOfNamesakes: a record does not tell two rules of one name apart, so nothing is said of them.
func TestReplayOfNamesakes(t *testing.T) {
	set, _ := setOf(t, `{"name":"x","delay":"1s"}`, `{"name":"x","proxy":"stock","delay":"1s"}`, `{"name":"y","delay":"1s"}`)
	replay := NewReplay(set)
	for rule, want := range map[string]string{"x": "", "y": "the rule is a delay", "z": "there is no such rule"} {
		difference, known := replay.Decide(get("/"), Decision{Rule: rule, Kind: "abort", Outcome: Hit, N: 1})
		if difference != want || known != (want != "") {
			t.Errorf("%s: %q, known %t, want %q", rule, difference, known, want)
		}
	}
}

// TestReplayOfConnections: rules of TCP, too, are decided again.
func TestReplayOfConnections(t *testing.T) {
	rules := []string{`{"name":"half","latency":"1ms","percent":50}`, `{"name":"first","limit_data":1,"first":3}`}
	set, _ := setOf(t, rules...)
	again, _ := setOf(t, rules[0], `{"name":"first","limit_data":1,"first":4}`)
	same, other := NewReplay(set), NewReplay(again)
	differences := 0
	for nth := range uint64(20) {
		l := set.Link(tcpView(nth+1), Downstream)
		for _, d := range l.Decisions() {
			if difference, known := same.Decide(tcpView(nth+1), d); difference != "" || !known {
				t.Errorf("connection %d, %+v: %q, known %t", nth+1, d, difference, known)
			}
			if difference, _ := other.Decide(tcpView(nth+1), d); difference != "" {
				differences++
			}
		}
		l.Done()
	}
	if differences != 1 {
		t.Errorf("%d differences under another rule, want 1", differences)
	}
}
