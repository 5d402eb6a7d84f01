package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// without lists the numbers 1 to n that are not among some.
func without(n int, some []int) (others []int) {
	for i := 1; i <= n; i++ {
		if !slices.Contains(some, i) {
			others = append(others, i)
		}
	}
	return others
}

// TestExactIsSoOfAny100InARow: every window, not only those that begin at the first; and not in another percentage.
func TestExactIsSoOfAny100InARow(t *testing.T) {
	const exchanges = 1000
	for _, percent := range []int{0, 1, 7, 33, 50, 99, 100} {
		for _, selection := range []string{``, `,"skip":30`, `,"every":3`, `,"burst":{"on":7,"off":2}`} {
			set, counters := setOf(t, fmt.Sprintf(`{"name":"it","abort":503,"exact":true,"percent":%d%s}`, percent, selection))
			var candidates []bool // which of them were hit
			for range exchanges {
				_, record := exchange(set, get("/"))
				if d := record.Decisions()[0]; d.Why != WhySelection {
					candidates = append(candidates, d.Outcome == Hit)
				}
			}
			for i := range len(candidates) - 99 {
				if got := count(candidates[i : i+100]); got != percent {
					t.Fatalf("%d percent%s: of 100 from the candidate %d on %d were hit", percent, selection, i+1, got)
				}
			}
			if got := int(counters[0].Status().Hit); percent == 0 && got != 0 || percent == 100 && got != len(candidates) {
				t.Errorf("%d percent%s: %d hits", percent, selection, got)
			}
		}
	}
}

func count(verdicts []bool) (yes int) {
	for _, v := range verdicts {
		if v {
			yes++
		}
	}
	return yes
}

// TestExactIsSpreadByTheSeed: each of the 100 places is as good as another, and each key and seed has its own.
func TestExactIsSpreadByTheSeed(t *testing.T) {
	const keys, percent = 2000, 20
	places, patterns := make([]int, 100), map[string]bool{}
	for seed := range uint64(2) {
		for key := range keys / 2 {
			pattern := ""
			for n := range uint64(100) {
				if hit := exactly(percent, hashKey(hashRule("", "it"), fmt.Sprint(key)), seed, n+1); hit {
					places[n]++
					pattern += fmt.Sprint(n, " ")
				}
			}
			patterns[pattern] = true
		}
	}
	if len(patterns) != keys {
		t.Errorf("%d keys and seeds have only %d patterns", keys, len(patterns))
	}
	// Hits of one pattern exclude each other a little, which makes the sum smaller, by 1 - percent/100: 99 degrees of
	// freedom, mean 99*0.8, deviation 14*0.8; 1 in 10,000 is over 155*0.8.
	if x := chiSquare(places, keys*percent/100); x < 50*0.8 || x > 155*0.8 {
		t.Errorf("chi-square %.1f of the 100 places: %v", x, places)
	}
}

func TestBurst(t *testing.T) {
	for _, c := range []struct {
		selection string
		want      []int // of 20 exchanges
	}{
		{`"burst":{"on":5,"off":20}`, []int{1, 2, 3, 4, 5}},
		{`"burst":{"on":2,"off":3}`, []int{1, 2, 6, 7, 11, 12, 16, 17}},
		{`"burst":{"on":1,"off":1}`, []int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19}},
		{`"skip":4,"burst":{"on":2,"off":3}`, []int{5, 6, 10, 11, 15, 16, 20}},
		{`"first":7,"burst":{"on":2,"off":3}`, []int{1, 2, 6, 7}},
		{`"every":2,"burst":{"on":2,"off":1}`, []int{2, 4, 8, 10, 14, 16, 20}},
		{`"burst":{"on":9007199254740991,"off":9007199254740991}`, without(20, nil)},
	} {
		set, counters := setOf(t, `{"name":"it","abort":503,`+c.selection+`}`)
		if got := hits(set, 20, same(get("/"))); !slices.Equal(got, c.want) {
			t.Errorf("%s: hit %v, want %v", c.selection, got, c.want)
		}
		want := Status{Matched: 20, Hit: uint64(len(c.want)), Skipped: Skipped{Selection: uint64(20 - len(c.want))}}
		if got := counters[0].Status(); got != want {
			t.Errorf("%s: status %+v, want %+v", c.selection, got, want)
		}
	}
}

func TestMaxConsecutive(t *testing.T) {
	for _, c := range []struct {
		selection string
		spared    []int // of 12 exchanges
		skipped   Skipped
	}{
		{`"max_consecutive":1`, []int{2, 4, 6, 8, 10, 12}, Skipped{Limit: 6}},
		{`"max_consecutive":3`, []int{4, 8, 12}, Skipped{Limit: 3}},
		{`"max_consecutive":12`, nil, Skipped{}},
		{`"max_consecutive":1,"every":2`, []int{1, 3, 5, 7, 9, 11}, Skipped{Selection: 6}}, // no two in a row anyway
		{`"max_consecutive":2,"burst":{"on":3,"off":1}`, []int{3, 4, 7, 8, 11, 12}, Skipped{Selection: 3, Limit: 3}},
		{`"max_consecutive":2,"max_total":3`, []int{3, 5, 6, 7, 8, 9, 10, 11, 12}, Skipped{Limit: 9}},
	} {
		set, counters := setOf(t, `{"name":"it","abort":503,`+c.selection+`}`)
		want := without(12, c.spared)
		if got := hits(set, 12, same(get("/"))); !slices.Equal(got, want) {
			t.Errorf("%s: hit %v, want %v", c.selection, got, want)
		}
		if got := counters[0].Status(); got != (Status{Matched: 12, Hit: uint64(len(want)), Skipped: c.skipped}) {
			t.Errorf("%s: status %+v, want %+v", c.selection, got, c.skipped)
		}
	}
}

// TestMaxConsecutiveIsPerKey: two clients that take turns are both spared after two hits; and so is the rule as a whole
// without keys.
func TestMaxConsecutiveIsPerKey(t *testing.T) {
	for key, spared := range map[string][]int{"header:X-Test": {5, 6, 11, 12}, "rule": {3, 6, 9, 12}} {
		set, _ := setOf(t, `{"name":"it","abort":503,"max_consecutive":2,"key":"`+key+`"}`)
		view := func(i int) *View { return with(get("/"), "X-Test", fmt.Sprint(i%2)) }
		if got, want := hits(set, 12, view), without(12, spared); !slices.Equal(got, want) {
			t.Errorf("key %s: hit %v, want %v", key, got, want)
		}
	}
}

// TestARowGoesOnInAnotherSet: a change of the limit takes nothing back, and holds at once.
func TestARowGoesOnInAnotherSet(t *testing.T) {
	for _, key := range []string{"rule", "client"} {
		counter := NewCounter()
		set := func(most int) *Set {
			rule := mustRule(t, fmt.Sprintf(`{"name":"it","abort":503,"key":%q,"max_consecutive":%d}`, key, most))
			return mustCompile(t, Config{Entries: []Entry{{Rule: rule, Counter: counter}}})
		}
		if got := hits(set(5), 4, same(get("/"))); len(got) != 4 {
			t.Errorf("key %s: hit %v, want four", key, got)
		}
		if got, want := hits(set(2), 4, same(get("/"))), []int{2, 3}; !slices.Equal(got, want) {
			t.Errorf("key %s: hit %v, want %v", key, got, want)
		}
	}
}

// TestRamp: where the ramp stands at each time, by the rolls that its percentage hits.
func TestRamp(t *testing.T) {
	const exchanges = 2000
	set := mustCompile(t, Config{Seed: 42, Entries: []Entry{{
		Rule: mustRule(t, `{"name":"it","abort":503,"ramp":{"from":10,"to":60,"over":"50s"}}`), Since: start,
	}}})
	n := uint64(0)
	for _, at := range []struct {
		since   time.Duration
		percent float64
	}{{-time.Hour, 10}, {0, 10}, {10 * time.Second, 20}, {25_500 * time.Millisecond, 35.5}, {50 * time.Second, 60}, {75 * time.Second, 60}, {24 * time.Hour, 60}} {
		v := get("/")
		v.Now = start.Add(at.since)
		for range exchanges {
			n++
			_, record := exchange(set, v)
			if want := Roll(42, "", "it", "", n, 0)*100 < at.percent; record.Hit() != want {
				t.Fatalf("exchange %d, %v after the begin: hit %t, want %t", n, at.since, record.Hit(), want)
			}
		}
	}
}

func TestARampMayGoDownAndToTheEnds(t *testing.T) {
	for ramp, want := range map[string][2]int{`"from":0,"to":100`: {0, 100}, `"from":100,"to":0`: {100, 0}} {
		set := mustCompile(t, Config{Entries: []Entry{{
			Rule: mustRule(t, `{"name":"it","abort":503,"ramp":{`+ramp+`,"over":"1s"}}`), Since: start,
		}}})
		late := get("/")
		late.Now = start.Add(time.Second)
		if got := [2]int{len(hits(set, 100, same(get("/")))), len(hits(set, 100, same(late)))}; got != want {
			t.Errorf("%s: %v of 100 hits at the begin and at the end, want %v", ramp, got, want)
		}
	}
}

// TestARampWithoutABeginBeginsWithItsFirstExchange, and goes on in another Set with the same counter.
func TestARampWithoutABeginBeginsWithItsFirstExchange(t *testing.T) {
	entry := Entry{
		Rule:    mustRule(t, `{"name":"it","abort":503,"match":{"path":"/a"},"ramp":{"from":0,"to":100,"over":"10s"}}`),
		Counter: NewCounter(),
	}
	hit := func(entry Entry, path string, at time.Duration) bool {
		v := get(path)
		v.Now = start.Add(at)
		_, record := exchange(mustCompile(t, Config{Entries: []Entry{entry}}), v)
		return record.Hit()
	}
	if hit(entry, "/b", 0) || hit(entry, "/a", time.Minute) || hit(entry, "/a", time.Minute) {
		t.Error("a hit at the begin")
	}
	if !hit(entry, "/a", time.Minute+10*time.Second) {
		t.Error("no hit at the end")
	}
	entry.Counter = NewCounter()
	if hit(entry, "/a", time.Hour) {
		t.Error("a new counter does not begin anew")
	}
}

// TestTheStepsOfASelection holds them against a list that is made shorter step by step.
func TestTheStepsOfASelection(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const exchanges = 300
		upTo := func(most uint64, name string) uint64 { return rapid.Uint64Range(0, most).Draw(r, name) }
		s := Selection{
			Skip: upTo(20, "skip"), First: upTo(200, "first"), Every: upTo(4, "every"), Exact: rapid.Bool().Draw(r, "exact"),
			MaxConsecutive: upTo(3, "max_consecutive"), MaxTotal: upTo(50, "max_total"),
			Key: rapid.SampledFrom([]string{"rule", "client"}).Draw(r, "key"),
		}
		if rapid.Bool().Draw(r, "burst") {
			s.Burst = &Burst{On: 1 + upTo(4, "on"), Off: 1 + upTo(4, "off")}
		}
		rule := mustRule(t, `{"name":"it","abort":503}`)
		rule.Selection, rule.Percent = s, float64(upTo(100, "percent"))
		if err := rule.Validate(); err != nil {
			r.Fatal(err)
		}
		set := mustCompile(t, Config{Seed: 42, Entries: []Entry{{Rule: rule}}})
		key := ""
		if s.Key == "client" {
			key = "10.1.2.3"
		}
		if got, want := hits(set, exchanges, same(get("/"))), naiveSelection(rule, key, exchanges); !slices.Equal(got, want) {
			r.Fatalf("%+v: hit %v, want %v", s, got, want)
		}
	})
}

// naiveSelection gives the numbers of the exchanges that a rule hits.
func naiveSelection(rule Rule, key string, exchanges int) (hit []int) {
	s := rule.Selection
	left := without(exchanges, nil)
	keep := func(keeps func(place uint64) bool) {
		var kept []int
		for i, n := range left {
			if keeps(uint64(i + 1)) {
				kept = append(kept, n)
			}
		}
		left = kept
	}
	keep(func(place uint64) bool { return place > s.Skip })
	keep(func(place uint64) bool { return s.First == 0 || place <= s.First })
	keep(func(place uint64) bool { return s.Every == 0 || place%s.Every == 0 })
	keep(func(place uint64) bool { return s.Burst == nil || (place-1)%(s.Burst.On+s.Burst.Off) < s.Burst.On })
	roll := func(n uint64) float64 { return Roll(42, "", "it", key, n, 0) }
	if s.Exact {
		var draws []float64
		for place := range uint64(100) {
			draws = append(draws, roll(place+1))
		}
		lowest := slices.Sorted(slices.Values(draws))[:int(rule.Percent)]
		keep(func(place uint64) bool { return slices.Contains(lowest, draws[(place-1)%100]) })
	} else {
		left = slices.DeleteFunc(left, func(n int) bool { return roll(uint64(n))*100 >= rule.Percent })
	}
	last, row := 0, uint64(0)
	for _, n := range left {
		if n != last+1 {
			row = 0
		}
		if last = n; s.MaxConsecutive > 0 && row == s.MaxConsecutive {
			row = 0
			continue
		}
		row++
		if s.MaxTotal == 0 || uint64(len(hit)) < s.MaxTotal {
			hit = append(hit, n)
		}
	}
	return hit
}
