package cusum

import (
	"math/rand/v2"
	"os"
	"testing"
)

const runs = 3000

// alarm gives the number of the event at which a Watch alarms, most + 1 if it does not.
func alarm(random *rand.Rand, limit, share float64, most int) int {
	w := New(limit)
	for i := 1; i <= most; i++ {
		if w.Observe(random.Float64() < share) {
			return i
		}
	}
	return most + 1
}

// The figures that the threshold was chosen by, simulated.
func TestHowSoonItAlarms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, row := range []struct{ share, mean float64 }{{0.5, 24}, {0.03, 720}, {0.02, 2000}} {
		sum := 0
		for range runs {
			sum += alarm(random, 0.01, row.share, 1<<30)
		}
		mean := float64(sum) / runs
		t.Logf("%v bad: an alarm after %.1f events", row.share, mean)
		if mean < 0.9*row.mean || mean > 1.1*row.mean {
			t.Errorf("%v bad: an alarm after %.1f events, want %v within 10 %%", row.share, mean, row.mean)
		}
	}
}

func TestHowOftenItIsWrong(t *testing.T) {
	const events = 36_000
	random, runs := rand.New(rand.NewPCG(3, 4)), runs
	if os.Getenv("SQUALL_TORTURE") == "" {
		runs /= 10
	}
	for _, row := range []struct{ share, most float64 }{{0.01, 0.04}, {0.005, 0}} {
		wrong := 0
		for range runs {
			if alarm(random, 0.01, row.share, events) <= events {
				wrong++
			}
		}
		share := float64(wrong) / float64(runs)
		t.Logf("%v bad: %.2f %% of %d runs", row.share, 100*share, runs)
		if share > row.most {
			t.Errorf("%v bad: %.2f %% of the runs end in an alarm, want %v at most", row.share, 100*share, row.most)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, row := range []struct {
		limit float64
		bad   []int // how many bad events in a row are an alarm, from a fresh start, and after 1,000 good ones
	}{
		{0, []int{1, 1}},
		{0.01, []int{12, 12}},
		{0.4, []int{15, 15}},
		{0.9, []int{148, 148}},
	} {
		for i, want := range row.bad {
			w := New(row.limit)
			for range i * 1000 {
				if w.Observe(false) {
					t.Fatalf("limit %v: an alarm of good events", row.limit)
				}
			}
			n := 1
			for !w.Observe(true) {
				n++
			}
			if n != want || w.Least() != want || !w.Observe(false) {
				t.Errorf("limit %v: an alarm after %d bad events, %d at the least, want %d, and that it stays", row.limit, n, w.Least(), want)
			}
		}
	}
}
