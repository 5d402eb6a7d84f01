package faults

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"sync"
	"testing"
)

// TestTheSameKeysAreHitWhateverTheOrder: 64 clients at once, each run in another order. What is hit is told by the
// key and its n alone.
func TestTheSameKeysAreHitWhateverTheOrder(t *testing.T) {
	const workers, keys, each = 64, 500, 4
	var want map[hitKey]bool
	for run := range int64(4) {
		set, counters := setOf(t,
			`{"name":"some","abort":503,"percent":20,"key":"header:X-Test"}`,
			`{"name":"second","delay":"1s","skip":1,"first":1,"key":"header:X-Test","phase":"after"}`,
		)
		order := rand.New(rand.NewSource(run)).Perm(keys * each)
		var mu sync.Mutex
		got := map[hitKey]bool{}
		var wg sync.WaitGroup
		for part := range slices.Chunk(order, len(order)/workers) {
			wg.Go(func() {
				for _, i := range part {
					key := fmt.Sprint("test-", i%keys)
					_, record := exchange(set, with(get("/"), "X-Test", key))
					for _, d := range record.Decisions() {
						if d.Outcome == Hit {
							mu.Lock()
							got[hitKey{d.Rule, key, d.N}] = true
							mu.Unlock()
						}
					}
				}
			})
		}
		wg.Wait()
		if want == nil {
			want = got
		}
		if !maps.Equal(got, want) {
			t.Errorf("run %d: %d hits, others than the %d of the first run", run, len(got), len(want))
		}
		for i, c := range counters {
			s := c.Status()
			if s.Active != 0 || s.Hit+s.Skipped.Selection+s.Skipped.Roll+s.Skipped.Limit != s.Matched {
				t.Errorf("rule %d: the counters do not add up: %+v", i, s)
			}
		}
	}
	if some := len(want); some < 600 || some > 1000 { // about 400 of the first rule, and 400 of the second
		t.Errorf("%d hits", some)
	}
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
