package faults

import (
	"slices"
	"testing"
)

// TestTally counts what hit and what was skipped, and nothing of what the exchange was no matter of.
func TestTally(t *testing.T) {
	set, _ := setOf(t,
		`{"name":"elsewhere","delay":"1s","match":{"path":"/other"}}`,
		`{"name":"off","delay":"1s","enabled":false}`,
		`{"name":"slow","delay":"1s","every":2}`,
		`{"name":"silent","delay":"1s","shadow":true}`,
		`{"name":"gone","abort":503,"max_total":1}`,
	)
	var tally Tally
	var last []int
	for range 4 {
		_, record := exchange(set, get("/"))
		last = append(last, tally.Add(record))
	}
	delay, abort := KindPlace("delay"), KindPlace("abort")
	if want := []int{abort, delay, NoKind, delay}; !slices.Equal(last, want) {
		t.Errorf("the last that hit: %v, want %v", last, want)
	}
	for what, pair := range map[string][2]uint64{
		"delays": {tally.Hits(delay), 2}, "aborts": {tally.Hits(abort), 1},
		"shadows of delay": {tally.Shadows(delay), 4}, "shadows of abort": {tally.Shadows(abort), 0},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d, want %d", what, pair[0], pair[1])
		}
	}
	want := map[Why]uint64{WhySelection: 2, WhyLimit: 3}
	for i, why := range TalliedReasons() {
		if got := tally.Skips(i); got != want[why] {
			t.Errorf("skips by %s: %d, want %d", why, got, want[why])
		}
	}
}

// TestTallyOfLinksAndProtected: decisions about a TCP connection's links count, and a protected path counts once.
func TestTallyOfLinksAndProtected(t *testing.T) {
	var tally Tally
	record := Record{}.With([]Decision{{Kind: "latency", Outcome: Hit}}, []Decision{{Kind: "bandwidth", Outcome: Skip, Why: WhyRoll}})
	if last := tally.Add(record); last != KindPlace("latency") || tally.Hits(last) != 1 {
		t.Errorf("the last that hit is %d", last)
	}
	set := mustCompile(t, Config{Entries: []Entry{{Rule: mustRule(t, `{"name":"slow","delay":"1s"}`)}}, Protect: []string{"/healthz"}})
	_, protected := exchange(set, get("/healthz"))
	if last := tally.Add(protected); last != NoKind || tally.Hits(KindPlace("delay")) != 0 {
		t.Errorf("of a protected path the last that hit is %d", last)
	}
	for i, why := range TalliedReasons() {
		if want := map[Why]uint64{WhyRoll: 1, WhyProtected: 1}[why]; tally.Skips(i) != want {
			t.Errorf("skips by %s: %d, want %d", why, tally.Skips(i), want)
		}
	}
}

func TestNoAllocationsOfATally(t *testing.T) {
	set, _ := setOf(t, `{"name":"slow","delay":"1s"}`, `{"name":"never","delay":"1s","percent":0.001}`)
	_, record := exchange(set, get("/"))
	var tally Tally
	if each := testing.AllocsPerRun(1000, func() { tally.Add(record) }); each != 0 {
		t.Errorf("%v allocations for an exchange", each)
	}
}
