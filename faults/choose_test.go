package faults

import (
	"maps"
	"sync"
	"testing"
)

// TestAMissAllocatesNothing, whatever selects: once a key is known and a ramp has begun.
func TestAMissAllocatesNothing(t *testing.T) {
	for _, selection := range []string{
		`"burst":{"on":1,"off":9007199254740991},"first":1`,
		`"percent":0.0001,"max_consecutive":1`,
		`"percent":1,"exact":true,"skip":100000`,
		`"ramp":{"from":0,"to":100,"over":"1h"}`,
		`"percent":0.0001,"max_consecutive":1,"key":"client"`,
		`"percent":0.0001,"exact":false,"key":"header:X-Test"`,
		`"match":{"grpc_service":"a","grpc_method":{"prefix":"b"}}`,
	} {
		set, _ := setOf(t, `{"name":"it","abort":503,`+selection+`}`)
		v := with(with(get("/a/c"), "Content-Type", "application/grpc"), "X-Test", "1")
		miss := func() {
			var p Plan
			p.Begin(set, v)
			p.Next(v)
			p.Done()
		}
		miss()
		if n := testing.AllocsPerRun(1000, miss); n != 0 {
			t.Errorf("%s: %v allocations", selection, n)
		}
	}
}

// TestARowIsOneOfNumbers: 64 clients at once are hit at the same numbers as one that comes alone, and never more than so
// many numbers in a row.
func TestARowIsOneOfNumbers(t *testing.T) {
	const workers, each, most = 64, 200, 3
	const rule = `{"name":"it","delay":"1s","percent":70,"max_consecutive":3}`
	want := map[uint64]bool{}
	alone, _ := setOf(t, rule)
	row := 0
	for _, n := range hits(alone, workers*each, same(get("/"))) {
		if row++; !want[uint64(n-1)] {
			row = 1
		}
		if want[uint64(n)] = true; row > most {
			t.Fatalf("%d hits in a row up to %d", row, n)
		}
	}
	got := map[uint64]bool{}
	set, _ := setOf(t, rule)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				_, record := exchange(set, get("/"))
				if d := record.Decisions()[0]; d.Outcome == Hit {
					mu.Lock()
					got[d.N] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if !maps.Equal(got, want) {
		t.Errorf("%d numbers are hit, others than the %d of a client alone", len(got), len(want))
	}
}
