package flaky

import (
	"math"
	"testing"
)

// The first outputs of the published generator for seed 1234567.
func TestSplitmix64IsTheGeneratorOfThatName(t *testing.T) {
	for i, want := range []uint64{
		6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
	} {
		if got := splitmix64(1234567, uint64(i)+1); got != want {
			t.Errorf("output %d is %d, want %d", i+1, got, want)
		}
	}
}

func TestCoinIsFair(t *testing.T) {
	const tosses = 100_000
	failed, afterFailure, firsts := 0, 0, 0
	last := false
	for n := range uint64(tosses) {
		hit := fails(42, n+1, 0.3)
		if hit {
			failed++
			if last {
				afterFailure++
			}
		}
		last = hit
		if fails(n, 1, 0.3) {
			firsts++
		}
	}
	for _, tt := range []struct {
		name   string
		hits   int
		of     int
		spread float64 // about five standard deviations
	}{
		{"failures", failed, tosses, 0.0075},
		{"failures right after a failure", afterFailure, failed, 0.0135},
		{"first arrivals that fail, over seeds 0, 1, 2…", firsts, tosses, 0.0075},
	} {
		if share := float64(tt.hits) / float64(tt.of); share < 0.3-tt.spread || share > 0.3+tt.spread {
			t.Errorf("%s: %.4f, want 0.3 ± %v", tt.name, share, tt.spread)
		}
	}
}

// Each of these seeds has the least or the greatest output there is as its first.
func TestCoinAtTheEndsOfItsRange(t *testing.T) {
	const least, greatest = 0x61c8864680b583eb, 0x31628af67b2131ab
	if splitmix64(least, 1) != 0 || splitmix64(greatest, 1) != math.MaxUint64 {
		t.Fatal("these seeds have other outputs")
	}
	if fails(least, 1, 0) {
		t.Error("rate 0 fails")
	}
	if !fails(greatest, 1, 1) {
		t.Error("rate 1 does not fail")
	}
}
