package faults

import (
	"bytes"
	"math"
	"reflect"
	"testing"
)

// flipped gives the places of a body at which a flipper changes it, piece by piece, nil where there is none.
func flipped(t *testing.T, f Flip, length, known int64, piece int) (places []int) {
	t.Helper()
	body := bytes.Repeat([]byte("squall"), int(length)/6+1)[:length]
	was := bytes.Clone(body)
	flipper := f.Of(known)
	if flipper == nil {
		return nil
	}
	for rest := body; len(rest) > 0; {
		n := min(piece, len(rest))
		flipper.Flip(rest[:n])
		rest = rest[n:]
	}
	places = []int{}
	for i := range body {
		if body[i] != was[i] {
			places = append(places, i)
		}
	}
	return places
}

func TestFlippedBytes(t *testing.T) {
	for _, c := range []struct {
		flip   Flip
		length int64
		want   []int
	}{
		{Flip{Where: "start", Bytes: 3}, 10, []int{0, 1, 2}},
		{Flip{Where: "start", Bytes: 3}, 2, []int{0, 1}},
		{Flip{Where: "start", Fraction: 0.2}, 10, []int{0, 1}},
		{Flip{Where: "start", Fraction: 0.001}, 10, []int{0}}, // at least one
		{Flip{Where: "end", Bytes: 3}, 10, []int{7, 8, 9}},
		{Flip{Where: "end", Bytes: 30}, 4, []int{0, 1, 2, 3}},
		{Flip{Where: "end", Fraction: 0.25}, 10, []int{7, 8, 9}}, // 2.5, rounded
		{Flip{Where: "random", Bytes: 4}, 4, []int{0, 1, 2, 3}},
		{Flip{Where: "random", Fraction: 1}, 3, []int{0, 1, 2}},
		{Flip{Where: "start", Bytes: 3}, 0, nil},
		{Flip{Where: "end", Bytes: 3}, 0, nil},
		{Flip{Where: "random", Fraction: 0.5}, 0, nil},
	} {
		for _, piece := range []int{1, 3, 100} {
			if got := flipped(t, c.flip, c.length, c.length, piece); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v of %d in pieces of %d: flipped %v, want %v", c.flip, c.length, piece, got, c.want)
			}
		}
	}
}

// TestFlipsOfUnknownLength: what takes the length is withdrawn, the rest flows.
func TestFlipsOfUnknownLength(t *testing.T) {
	for _, c := range []struct {
		flip Flip
		want []int
	}{
		{Flip{Where: "start", Bytes: 3}, []int{0, 1, 2}},
		{Flip{Where: "start", Fraction: 0.2}, nil},
		{Flip{Where: "end", Bytes: 3}, nil},
		{Flip{Where: "end", Fraction: 1}, nil},
		{Flip{Where: "random", Bytes: 3}, nil},
		{Flip{Where: "random", Fraction: 1}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
	} {
		if got := flipped(t, c.flip, 10, -1, 4); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: flipped %v, want %v", c.flip, got, c.want)
		}
	}
	const length = 100_000
	got := len(flipped(t, Flip{Where: "random", Fraction: 0.3, Seed: 1}, length, -1, 1000))
	if deviation := math.Abs(float64(got) - 0.3*length); deviation > 4*math.Sqrt(0.3*0.7*length) {
		t.Errorf("a fraction of 0.3: flipped %d of %d", got, length)
	}
}

// TestRandomFlips: exactly so many as were asked for, at places that the seed decides, each as likely as the others.
func TestRandomFlips(t *testing.T) {
	const length, count, runs = 20, 3, 4000
	var hits [length]int
	for seed := range uint64(runs) {
		places := flipped(t, Flip{Where: "random", Bytes: count, Seed: seed}, length, length, 7)
		if len(places) != count {
			t.Fatalf("seed %d: flipped %v, want %d", seed, places, count)
		}
		for _, place := range places {
			hits[place]++
		}
	}
	const mean = float64(runs * count / length)
	for place, n := range hits {
		if math.Abs(float64(n)-mean) > 5*math.Sqrt(mean) {
			t.Errorf("place %d was flipped %d times, want about %v", place, n, mean)
		}
	}
	same := Flip{Where: "random", Bytes: count, Seed: 7}
	if a, b := flipped(t, same, length, length, 1), flipped(t, same, length, length, length); !reflect.DeepEqual(a, b) {
		t.Errorf("the same seed flips %v and %v", a, b)
	}
}

// TestCorruptIsSeeded: the exchanges of a rule are corrupted differently, and the same again in another run.
func TestCorruptIsSeeded(t *testing.T) {
	seeds := func() (seeds []uint64) {
		set, _ := setOf(t, `{"corrupt":{"bytes":1,"where":"random"}}`)
		for range 3 {
			actions, _ := exchange(set, get("/"))
			seeds = append(seeds, actions[0].(Flip).Seed)
		}
		return seeds
	}
	first, again := seeds(), seeds()
	if !reflect.DeepEqual(first, again) || first[0] == first[1] || first[1] == first[2] {
		t.Errorf("seeds %v, then %v", first, again)
	}
}

func TestACorruptedRequestIsDecidedBefore(t *testing.T) {
	for rule, want := range map[string]Phase{
		`{"corrupt":1}`: After, `{"corrupt":{"bytes":1,"side":"response"},"phase":"after"}`: After,
		`{"corrupt":{"bytes":1,"side":"request"}}`:                  Before,
		`{"corrupt":{"bytes":1,"side":"request"},"phase":"before"}`: Before,
	} {
		if r := mustRule(t, rule); r.Phase != want {
			t.Errorf("%s acts in phase %s, want %s", rule, r.Phase, want)
		}
	}
}
