package lru_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/squall-proxy/squall/internal/lru"
)

func TestWhatWasAskedForLongestAgoGoesFirst(t *testing.T) {
	made := 0
	m := lru.New(2, func(key string) string {
		made++
		return strings.ToUpper(key)
	})
	for i, step := range []struct {
		key  string
		made int // in all
	}{{"a", 1}, {"b", 2}, {"a", 2}, {"c", 3}, {"a", 3}, {"b", 4}, {"c", 5}} {
		if got := m.Get(step.key); got != strings.ToUpper(step.key) || made != step.made {
			t.Errorf("step %d: %q, %d made, want %d", i+1, got, made, step.made)
		}
	}
	if all := m.All(); !slices.Equal(all, []string{"C", "B"}) {
		t.Errorf("all: %q", all)
	}
}

func TestThereIsRoomForOne(t *testing.T) {
	m := lru.New(0, func(key int) int { return key })
	if m.Get(1) != 1 || m.Get(2) != 2 || len(m.All()) != 1 {
		t.Errorf("all: %v", m.All())
	}
}
