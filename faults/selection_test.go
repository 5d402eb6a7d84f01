package faults

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

func TestSelectionCountsExactly(t *testing.T) {
	all := func(n int) (numbers []int) {
		for i := 1; i <= n; i++ {
			numbers = append(numbers, i)
		}
		return numbers
	}
	for _, c := range []struct {
		selection string
		want      []int // of 20 exchanges
		skipped   Skipped
	}{
		{`"percent":100`, all(20), Skipped{}},
		{`"first":2`, []int{1, 2}, Skipped{Selection: 18}},
		{`"skip":18`, []int{19, 20}, Skipped{Selection: 18}},
		{`"skip":100`, nil, Skipped{Selection: 20}},
		{`"every":7`, []int{7, 14}, Skipped{Selection: 18}},
		{`"every":1`, all(20), Skipped{}},
		{`"skip":3,"first":4`, []int{4, 5, 6, 7}, Skipped{Selection: 16}},
		{`"skip":1,"every":5`, []int{6, 11, 16}, Skipped{Selection: 17}},
		{`"skip":2,"first":9,"every":3`, []int{5, 8, 11}, Skipped{Selection: 17}},
		{`"max_total":3`, []int{1, 2, 3}, Skipped{Limit: 17}},
		{`"every":2,"max_total":3`, []int{2, 4, 6}, Skipped{Selection: 10, Limit: 7}},
		{`"max_active":1`, all(20), Skipped{}}, // one at a time
		{`"skip":9007199254740991`, nil, Skipped{Selection: 20}},
	} {
		set, counters := setOf(t, `{"name":"it","abort":503,`+c.selection+`}`)
		if got := hits(set, 20, same(get("/"))); !slices.Equal(got, c.want) {
			t.Errorf("%s: hit %v, want %v", c.selection, got, c.want)
		}
		want := Status{Matched: 20, Hit: uint64(len(c.want)), Skipped: c.skipped}
		if got := counters[0].Status(); got != want {
			t.Errorf("%s: status %+v, want %+v", c.selection, got, want)
		}
	}
}

// TestSelectionCountsPerKey: three sources of exchanges take turns; each has its own first two.
func TestSelectionCountsPerKey(t *testing.T) {
	for key, view := range map[string]func(i int) *View{
		"rule": func(int) *View { return get("/") },
		"client": func(i int) *View {
			v := get("/")
			v.Source = netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 3)})
			return v
		},
		"connection": func(i int) *View {
			v := get("/")
			v.Connection = uint64(i % 3)
			return v
		},
		"header:X-Test": func(i int) *View { return with(get("/"), "X-Test", fmt.Sprint(i%3)) },
		"query:test": func(i int) *View {
			v := get("/")
			v.RawQuery = fmt.Sprintf("a=%d&test=%d", i, i%3)
			return v
		},
	} {
		want := []int{1, 2, 3, 4, 5, 6}
		if key == "rule" {
			want = []int{1, 2}
		}
		set, _ := setOf(t, `{"name":"it","abort":503,"first":2,"key":"`+key+`"}`)
		if got := hits(set, 30, view); !slices.Equal(got, want) {
			t.Errorf("key %s: hit %v, want %v", key, got, want)
		}
	}
}

func TestLimitsAreOfTheRuleWhateverItsKey(t *testing.T) {
	set, counters := setOf(t, `{"name":"it","abort":503,"first":2,"key":"header:X-Test","max_total":5}`)
	view := func(i int) *View { return with(get("/"), "X-Test", fmt.Sprint(i%4)) }
	if got := hits(set, 40, view); !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
		t.Errorf("hit %v, want the first five", got)
	}
	want := Status{Matched: 40, Hit: 5, Skipped: Skipped{Selection: 32, Limit: 3}}
	if got := counters[0].Status(); got != want {
		t.Errorf("status %+v, want %+v", got, want)
	}
}

// TestAForgottenKeyCountsFromTheStart: more keys than are kept. The count of those forgotten shows.
func TestAForgottenKeyCountsFromTheStart(t *testing.T) {
	set, counters := setOf(t, `{"name":"it","abort":503,"first":1,"key":"header:X-Test"}`)
	counters[0].keys.bound = 2
	order := []string{"a", "b", "a", "c", "a", "b"} // c forgets b, and b then c
	view := func(i int) *View { return with(get("/"), "X-Test", order[i-1]) }
	if got := hits(set, len(order), view); !slices.Equal(got, []int{1, 2, 4, 6}) {
		t.Errorf("hit %v, want 1, 2, 4 and 6", got)
	}
	if got := counters[0].Status().Evicted; got != 2 {
		t.Errorf("%d keys evicted, want 2", got)
	}
}

// TestOnlyMatchingExchangesAreCounted: neither what does not match nor what is excepted moves n.
func TestOnlyMatchingExchangesAreCounted(t *testing.T) {
	set, counters := setOf(t, `{"name":"it","abort":503,"every":2,"match":{"path":"/a*"},"except":{"path":"/ab"}}`)
	paths := []string{"/a", "/b", "/ab", "/a", "/ab", "/a", "/b", "/a"}
	view := func(i int) *View { return get(paths[i-1]) }
	if got := hits(set, len(paths), view); !slices.Equal(got, []int{4, 8}) {
		t.Errorf("hit %v, want 4 and 8", got)
	}
	if got, want := counters[0].Status(), (Status{Matched: 4, Hit: 2, Skipped: Skipped{Selection: 2}}); got != want {
		t.Errorf("status %+v, want %+v", got, want)
	}
}

// TestPercent pins the hits of 20,000 exchanges. 50 is 50, not the 75 that two draws make of it.
func TestPercent(t *testing.T) {
	const exchanges = 20_000
	for _, c := range []struct {
		percent string
		hits    uint64
	}{
		{"0", 0},
		{"0.0001", 0},
		{"0.01", 2},
		{"1", 219},
		{"33.3333", 6609},
		{"50", 9870},
		{"99", 19801},
		{"99.9999", exchanges},
		{"100", exchanges},
	} {
		set, counters := setOf(t, `{"name":"it","abort":503,"percent":`+c.percent+`}`)
		v := get("/")
		for range exchanges {
			exchange(set, v)
		}
		want := Status{Matched: exchanges, Hit: c.hits, Skipped: Skipped{Roll: exchanges - c.hits}}
		if c.hits == 0 && c.percent == "0" {
			want = Status{} // not even counted
		}
		if got := counters[0].Status(); got != want {
			t.Errorf("percent %s: status %+v, want %+v", c.percent, got, want)
		}
	}
}

// TestAlmostAlwaysIsNotAlways: 99.9999 misses the one exchange of many that this seed has for it.
func TestAlmostAlwaysIsNotAlways(t *testing.T) {
	for percent, want := range map[string][]int{"99.9999": {1, 3}, "100": {1, 2, 3}} {
		set, counters := setOf(t, `{"name":"it","abort":503,"percent":`+percent+`}`)
		counters[0].single.Store(49_108)
		if got := hits(set, 3, same(get("/"))); !slices.Equal(got, want) {
			t.Errorf("percent %s: hit %v of three, want %v", percent, got, want)
		}
	}
}

// TestPercentPerKey: each key rolls for itself; the shares add up.
func TestPercentPerKey(t *testing.T) {
	set, counters := setOf(t, `{"name":"it","abort":503,"percent":20,"key":"header:X-Test"}`)
	firsts := 0
	for key := range 1000 {
		v := with(get("/"), "X-Test", fmt.Sprint(key))
		for n := range 10 {
			if _, record := exchange(set, v); record.Hit() && n == 0 {
				firsts++
			}
		}
	}
	if firsts != 196 {
		t.Errorf("of 1,000 keys %d were hit at their first exchange, want 196", firsts)
	}
	if got := counters[0].Status().Hit; got != 1950 {
		t.Errorf("of 10,000 exchanges %d were hit, want 1950", got)
	}
}
