package faults

import (
	"fmt"
	"math"
	"testing"
)

// TestRollNeverChanges pins what Roll gives: recorded seeds must mean the same in every version.
func TestRollNeverChanges(t *testing.T) {
	for _, c := range []struct {
		seed             uint64
		proxy, rule, key string
		n                uint64
		draw             uint32
		want             float64
	}{
		{0, "", "", "", 0, 0, 0.22109821668036178},
		{42, "stock", "slow", "", 1, 0, 0.8578402981771529},
		{42, "stock", "slow", "", 2, 0, 0.042135159264952926},
		{42, "stock", "slow", "", 1, 1, 0.5503335717744506},
		{43, "stock", "slow", "", 1, 0, 0.15844724929895693},
		{42, "stock", "slow", "10.0.0.1", 1, 0, 0.05877204554067417},
		{math.MaxUint64, "проxy", "rule/1", "key", math.MaxUint64, math.MaxUint32, 0.4602541422388644},
	} {
		if got := Roll(c.seed, c.proxy, c.rule, c.key, c.n, c.draw); got != c.want {
			t.Errorf("Roll(%d, %q, %q, %q, %d, %d) = %v, want %v", c.seed, c.proxy, c.rule, c.key, c.n, c.draw, got, c.want)
		}
	}
}

func TestRollIsUnbiased(t *testing.T) {
	const buckets, rolls = 100, 100_000
	for seed := range uint64(3) {
		for draw := range uint32(3) {
			// By n under one key, and by key at one n: both ways rules draw.
			byN, byKey := make([]int, buckets), make([]int, buckets)
			for i := range rolls {
				byN[int(Roll(seed, "stock", "slow", "", uint64(i+1), draw)*buckets)]++
				byKey[int(Roll(seed, "stock", "slow", fmt.Sprint("client-", i), 1, draw)*buckets)]++
			}
			// 99 degrees of freedom: mean 99, deviation 14; 1 in 10,000 is over 155.
			for name, counts := range map[string][]int{"n": byN, "key": byKey} {
				if x := chiSquare(counts, rolls/buckets); x < 50 || x > 155 {
					t.Errorf("seed %d, draw %d, by %s: chi-square %.1f of 100 buckets", seed, draw, name, x)
				}
			}
		}
	}
}

func chiSquare(counts []int, expected float64) (x float64) {
	for _, count := range counts {
		x += (float64(count) - expected) * (float64(count) - expected) / expected
	}
	return x
}

// TestRollAfterAHit: a hit says nothing of the next roll. FNV-1a alone fails here by far: 0.99 for 0.2.
func TestRollAfterAHit(t *testing.T) {
	const rolls = 200_000
	for _, p := range []float64{0.01, 0.2, 0.5, 0.99} {
		hits, repeats, before := 0, 0, false
		for n := range uint64(rolls) {
			hit := Roll(1, "stock", "slow", "", n, 0) < p
			if before {
				hits++
				if hit {
					repeats++
				}
			}
			before = hit
		}
		got, deviation := float64(repeats)/float64(hits), math.Sqrt(p*(1-p)/float64(hits))
		if math.Abs(got-p) > 4*deviation {
			t.Errorf("P(hit after hit) = %.4f, want %v ± %.4f", got, p, 4*deviation)
		}
	}
}

// TestDrawsAreIndependentOfTheHit: the jitter of a 20 % rule comes from all of its range, evenly.
func TestDrawsAreIndependentOfTheHit(t *testing.T) {
	const buckets = 20
	for draw := uint32(1); draw <= 3; draw++ {
		counts, hits := make([]int, buckets), 0
		for n := range uint64(200_000) {
			if Roll(7, "stock", "slow", "", n, 0) < 0.2 {
				counts[int(Roll(7, "stock", "slow", "", n, draw)*buckets)]++
				hits++
			}
		}
		// 19 degrees of freedom: 1 in 10,000 is over 50.
		if x := chiSquare(counts, float64(hits)/buckets); x > 50 {
			t.Errorf("draw %d under the condition of a hit: chi-square %.1f of 20 buckets: %v", draw, x, counts)
		}
	}
}

func TestRollTellsNamesApart(t *testing.T) {
	seen := map[float64]string{}
	for _, names := range [][3]string{
		{"", "", ""}, {"a", "", ""}, {"", "a", ""}, {"", "", "a"}, {"ab", "c", ""}, {"a", "bc", ""}, {"a", "b", "c"}, {"", "ab", "c"},
	} {
		roll := Roll(1, names[0], names[1], names[2], 1, 0)
		if other, taken := seen[roll]; taken {
			t.Errorf("%q and %s roll the same", names, other)
		}
		seen[roll] = fmt.Sprintf("%q", names)
	}
}

func TestSeedsAreIndependent(t *testing.T) {
	const rolls = 100_000
	for _, other := range []uint64{0, 3, 1 << 63} {
		both := 0
		for n := range uint64(rolls) {
			if Roll(1, "stock", "slow", "", n, 0) < 0.5 && Roll(other, "stock", "slow", "", n, 0) < 0.5 {
				both++
			}
		}
		if math.Abs(float64(both)-rolls/4) > 4*math.Sqrt(rolls*3.0/16) {
			t.Errorf("seeds 1 and %d both hit %d of %d times, want a quarter", other, both, rolls)
		}
	}
}
