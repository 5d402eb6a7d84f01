package faults

import (
	"fmt"
	"maps"
	"math"
	"math/rand"
	"os"
	"slices"
	"sync"
	"testing"
)

// TestTheSameKeysAreHitWhateverTheOrder: 64 clients at once, each of ten runs in another order. What is hit is told by the
// seed, the key and its n alone.
func TestTheSameKeysAreHitWhateverTheOrder(t *testing.T) {
	exchanges, runs := 5_000, int64(10)
	if os.Getenv("SQUALL_TORTURE") != "" {
		exchanges = 100_000
	}
	want := hitInAnyOrder(t, 42, 0, exchanges)
	for run := int64(1); run < runs; run++ {
		if got := hitInAnyOrder(t, 42, run, exchanges); !maps.Equal(got, want) {
			t.Errorf("run %d: %d hits, others than the %d of the first run", run, len(got), len(want))
		}
	}
	if maps.Equal(hitInAnyOrder(t, 43, 0, exchanges), want) {
		t.Error("another seed hits the same")
	}
	hits := map[string]int{}
	for key := range want {
		hits[key.rule]++
	}
	p := 0.2
	if off := math.Abs(float64(hits["some"]) - p*float64(exchanges)); off > 4*math.Sqrt(p*(1-p)*float64(exchanges)) {
		t.Errorf("20 percent of %d hit %d", exchanges, hits["some"])
	}
	for _, rule := range []string{"exactly", "row", "burst"} {
		if hits[rule] == 0 || hits[rule] == exchanges {
			t.Errorf("%s hit %d of %d", rule, hits[rule], exchanges)
		}
	}
}

// hitInAnyOrder gives what is hit in a run of 64 clients, whose exchanges have keys of ten exchanges each.
func hitInAnyOrder(t *testing.T, seed uint64, run int64, exchanges int) map[hitKey]bool {
	const workers, each = 64, 10
	c := Config{Seed: seed}
	for _, rule := range []string{
		`"name":"some","delay":"1s","percent":20`,
		`"name":"exactly","delay":"1s","percent":30,"exact":true`,
		`"name":"row","delay":"1s","percent":80,"max_consecutive":2`,
		`"name":"burst","delay":"1s","skip":1,"burst":{"on":2,"off":1},"phase":"after"`,
	} {
		c.Entries = append(c.Entries, Entry{Rule: mustRule(t, `{"key":"header:X-Test",`+rule+`}`), Counter: NewCounter()})
	}
	set := mustCompile(t, c)
	var mu sync.Mutex
	got := map[hitKey]bool{}
	var wg sync.WaitGroup
	order := rand.New(rand.NewSource(run)).Perm(exchanges)
	for part := range slices.Chunk(order, (exchanges+workers-1)/workers) {
		wg.Go(func() {
			for _, i := range part {
				key := fmt.Sprint("test-", i/each)
				_, record := exchange(set, with(get("/"), "X-Test", key))
				mu.Lock()
				for _, d := range record.Decisions() {
					if d.Outcome == Hit {
						got[hitKey{d.Rule, key, d.N}] = true
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, entry := range c.Entries {
		s := entry.Counter.Status()
		if s.Active != 0 || s.Hit+s.Skipped.Selection+s.Skipped.Roll+s.Skipped.Limit != uint64(exchanges) || s.Matched != uint64(exchanges) {
			t.Errorf("%s: the counters do not add up: %+v", entry.Rule.Name, s)
		}
	}
	return got
}

// hitKey names a hit.
type hitKey struct {
	rule, key string
	n         uint64
}

// TestSumsAreExactUnderConcurrency: nothing is counted twice or lost, and limits hold to the one.
func TestSumsAreExactUnderConcurrency(t *testing.T) {
	const workers, each = 64, 500
	set, counters := setOf(t,
		`{"name":"total","delay":"1s","max_total":1000}`,
		`{"name":"every","delay":"1s","every":4}`,
		`{"name":"first","abort":503,"skip":100,"first":50}`,
	)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				exchange(set, get("/"))
			}
		})
	}
	wg.Wait()
	for i, want := range []Status{
		{Matched: 32_000, Hit: 1000, Skipped: Skipped{Limit: 31_000}},
		{Matched: 32_000, Hit: 8000, Skipped: Skipped{Selection: 24_000}},
		{Matched: 32_000, Hit: 50, Skipped: Skipped{Selection: 31_950}},
	} {
		if got := counters[i].Status(); got != want {
			t.Errorf("rule %d: %+v, want %+v", i, got, want)
		}
	}
}
