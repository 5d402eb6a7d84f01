package faults

import (
	"sync"
	"testing"
)

// number counts one under a key.
func number(k *keyCounts, hash uint64) uint64 {
	n, _ := k.next(hash, nil)
	return n
}

func TestKeysAreCountedApart(t *testing.T) {
	k := keyCounts{keyTable[keyCount]{bound: 10}}
	for n := uint64(1); n <= 5; n++ {
		for hash := range uint64(10) {
			if got := number(&k, hash); got != n {
				t.Fatalf("key %d: got %d, want %d", hash, got, n)
			}
		}
	}
	if k.evictions() != 0 {
		t.Errorf("%d keys were forgotten", k.evictions())
	}
}

func TestTheQuietestKeyIsForgotten(t *testing.T) {
	k := keyCounts{keyTable[keyCount]{bound: 3}}
	for _, step := range []struct{ hash, n, evicted uint64 }{
		{1, 1, 0},
		{2, 1, 0},
		{3, 1, 0},
		{1, 2, 0}, // now 2 is the quietest
		{4, 1, 1}, // forgets 2
		{3, 2, 1},
		{1, 3, 1},
		{4, 2, 1},
		{2, 1, 2}, // back from the start; forgets 3
		{3, 1, 3},
	} {
		if got := number(&k, step.hash); got != step.n || k.evictions() != step.evicted {
			t.Fatalf("key %d: got n %d and %d forgotten, want %d and %d", step.hash, got, k.evictions(), step.n, step.evicted)
		}
		if len(k.kept) > k.bound || k.recent.Len() != len(k.kept) {
			t.Fatalf("%d keys and %d in order, bound %d", len(k.kept), k.recent.Len(), k.bound)
		}
	}
}

// TestKeysAreBounded: a client that always brings a new and long key costs no more than MaxKeys short ones.
func TestKeysAreBounded(t *testing.T) {
	c := NewCounter()
	for hash := range uint64(MaxKeys + 1000) {
		number(&c.keys, hash)
	}
	if len(c.keys.kept) != MaxKeys || c.Status().Evicted != 1000 {
		t.Errorf("%d keys, %d evicted, want %d and 1000", len(c.keys.kept), c.Status().Evicted, MaxKeys)
	}
}

func TestKeysConcurrently(t *testing.T) {
	k := keyCounts{keyTable[keyCount]{bound: 8}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range uint64(1000) {
				number(&k, i%8)
			}
		})
	}
	wg.Wait()
	for hash := range uint64(8) {
		if n := number(&k, hash); n != 1001 {
			t.Errorf("key %d: n %d, want 1001", hash, n)
		}
	}
}

func BenchmarkKeys(b *testing.B) {
	for _, bench := range []struct {
		name string
		keys uint64
	}{{"known", 1000}, {"evicting", 1 << 62}} {
		b.Run(bench.name, func(b *testing.B) {
			c := NewCounter()
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				number(&c.keys, i%bench.keys)
			}
		})
	}
}
