package faults

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// What other tools for injecting faults once got wrong, as far as deciding goes.

// TestFiftyPercentIsNotSeventyFive: two draws, one when a rule is looked at and one when it acts, or one for each phase,
// make 2p−p² of p.
func TestFiftyPercentIsNotSeventyFive(t *testing.T) {
	const exchanges = 20_000
	for _, rule := range []string{
		`{"name":"it","abort":503,"percent":50}`,
		`{"name":"it","delay":{"latency":"1s","jitter":"1s"},"percent":50}`,
		`{"name":"it","abort":503,"phase":"after","percent":50}`,
		`{"name":"it","delay":{"p50":"1ms","p99":"1s","max":"2ms"},"percent":50,"key":"client","max_consecutive":1000}`,
	} {
		set, counters := setOf(t, rule)
		got := len(hits(set, exchanges, same(get("/"))))
		if off := math.Abs(float64(got) - exchanges/2); off > 4*math.Sqrt(exchanges/4) {
			t.Errorf("%s: %d of %d hit", rule, got, exchanges)
		}
		if s := counters[0].Status(); s.Hit != uint64(got) || s.Hit+s.Skipped.Roll != exchanges {
			t.Errorf("%s: the counters say %+v, %d hit", rule, s, got)
		}
	}
}

// TestTwoRulesOfFiftyPercentAreIndependent: a delay and an abort of 50 percent each meet in a quarter of all exchanges,
// neither always nor never.
func TestTwoRulesOfFiftyPercentAreIndependent(t *testing.T) {
	const exchanges = 20_000
	set, _ := setOf(t, `{"name":"slow","delay":"1s","percent":50}`, `{"name":"down","abort":503,"percent":50}`)
	both, any := 0, 0
	for range exchanges {
		actions, _ := exchange(set, get("/"))
		switch len(actions) {
		case 2:
			both++
			fallthrough
		case 1:
			any++
		}
	}
	bound := 4 * math.Sqrt(exchanges*3.0/16)
	if math.Abs(float64(both)-exchanges/4) > bound || math.Abs(float64(any)-exchanges*3/4) > bound {
		t.Errorf("of %d exchanges %d were hit by both, %d by any: want a quarter and three", exchanges, both, any)
	}
}

// TestPercentZeroNeverActs, nor does a ramp at 0, an exact 0, or a rule that was switched to 0.
func TestPercentZeroNeverActs(t *testing.T) {
	for _, selection := range []string{
		`"percent":0`, `"percent":0,"exact":true`, `"percent":0,"first":1`, `"percent":0,"every":1,"max_consecutive":1`,
		`"ramp":{"from":0,"to":100,"over":"24h"}`,
	} {
		set, counters := setOf(t, `{"name":"it","abort":503,`+selection+`}`)
		if got := hits(set, 10_000, same(get("/"))); got != nil || counters[0].Status().Hit != 0 {
			t.Errorf("%s: hit %v", selection, got)
		}
		if s := counters[0].Status(); (s == Status{}) != strings.Contains(selection, "percent") {
			t.Errorf("%s: the counters are %+v, want percent 0 to cost nothing", selection, s)
		}
	}
	counter := NewCounter()
	for percent, want := range map[string]int{"100": 10, "0": 0} {
		rule := mustRule(t, `{"name":"it","abort":503,"percent":`+percent+`}`)
		set := mustCompile(t, Config{Entries: []Entry{{Rule: rule, Counter: counter}}})
		if got := hits(set, 10, same(get("/"))); len(got) != want {
			t.Errorf("percent %s: hit %v", percent, got)
		}
	}
}

// TestNinetyNinePercentIsNotAlways: a comparison that rounds, or takes whole percents of a draw of 0 to 99, makes always
// of it.
func TestNinetyNinePercentIsNotAlways(t *testing.T) {
	const exchanges = 20_000
	for _, c := range []struct{ percent, misses float64 }{{99, 0.01}, {99.5, 0.005}, {99.9, 0.001}} {
		set, counters := setOf(t, fmt.Sprintf(`{"name":"it","abort":503,"percent":%v}`, c.percent))
		for range exchanges {
			exchange(set, get("/"))
		}
		got := float64(counters[0].Status().Skipped.Roll)
		if want := c.misses * exchanges; got == 0 || math.Abs(got-want) > 4*math.Sqrt(want) {
			t.Errorf("%v percent missed %v of %d, want about %v", c.percent, got, exchanges, want)
		}
	}
	set, _ := setOf(t, `{"name":"it","abort":503,"percent":99,"exact":true}`)
	if got := hits(set, 100, same(get("/"))); len(got) != 99 {
		t.Errorf("99 percent exactly hit %d of 100", len(got))
	}
}

// TestASeedDoesSomething: the same verdicts again under the same seed, others under another one.
func TestASeedDoesSomething(t *testing.T) {
	for _, selection := range []string{`"percent":50`, `"percent":50,"exact":true`, `"ramp":{"from":50,"to":51,"over":"24h"}`} {
		under := func(seed uint64) []int {
			rule := mustRule(t, `{"name":"it","abort":503,`+selection+`}`)
			return hits(mustCompile(t, Config{Seed: seed, Entries: []Entry{{Rule: rule}}}), 200, same(get("/")))
		}
		seen := map[string]uint64{}
		for seed := range uint64(50) {
			got := under(seed)
			if !slices.Equal(got, under(seed)) {
				t.Errorf("%s: seed %d hits others the second time", selection, seed)
			}
			if other, there := seen[fmt.Sprint(got)]; there {
				t.Errorf("%s: seeds %d and %d hit the same", selection, seed, other)
			}
			seen[fmt.Sprint(got)] = seed
		}
	}
}

// TestASeedIsNoVerdict: a generator that is made anew from the seed for each request gives all of them the same roll;
// one that is made anew for each key, or each rule, gives all first requests the same.
func TestASeedIsNoVerdict(t *testing.T) {
	for seed := range uint64(50) {
		firsts := 0
		for i := range 100 {
			rule := mustRule(t, fmt.Sprintf(`{"name":"rule-%d","abort":503,"percent":50,"key":"header:X-Test"}`, i%10))
			set := mustCompile(t, Config{Seed: seed, Entries: []Entry{{Rule: rule}}})
			view := func(int) *View { return with(get("/"), "X-Test", fmt.Sprint(i)) }
			got := hits(set, 40, view)
			if len(got) == 0 || len(got) == 40 {
				t.Fatalf("seed %d, key %d: %d of 40 requests were hit", seed, i, len(got))
			}
			if got[0] == 1 {
				firsts++
			}
		}
		if math.Abs(float64(firsts)-50) > 5*5 { // the deviation is 5
			t.Errorf("seed %d: of 100 keys %d were hit at once", seed, firsts)
		}
	}
}

// TestTheActiveGaugeDoesNotLeak: whatever way an exchange ends, its place is free again; else max_active lets nothing
// through after a while.
func TestTheActiveGaugeDoesNotLeak(t *testing.T) {
	const rule = `{"name":"it","phase":"after","max_active":1,"degrade":{"merge":{"a":1}}`
	for name, end := range map[string]func(*Plan, *View){
		"done":               func(p *Plan, v *View) { drain(p, v) },
		"done before after":  func(*Plan, *View) {},
		"withdrawn":          func(p *Plan, v *View) { p.Next(v); p.Withdraw(); drain(p, v) },
		"withdrawn twice":    func(p *Plan, v *View) { p.Next(v); p.Withdraw(); p.Withdraw() },
		"recorded, and done": func(p *Plan, v *View) { p.Next(v); p.Record(); p.Done() },
	} {
		for _, selection := range []string{`}`, `,"shadow":true}`, `,"max_consecutive":3}`, `,"key":"client","exact":true,"percent":50}`} {
			set, counters := setOf(t, rule+selection)
			v := get("/")
			for range 1000 {
				var p Plan
				p.Begin(set, v)
				p.BeginAfter(v)
				end(&p, v)
				p.Done()
			}
			if s := counters[0].Status(); s.Active != 0 {
				t.Errorf("%s%s: %d are active", name, selection, s.Active)
			}
			if actions, _ := exchange(set, v); selection == `}` && len(actions) != 1 {
				t.Errorf("%s: no place is left", name)
			}
		}
	}
}
