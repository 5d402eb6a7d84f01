package control

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkChange toggles one rule among so many others.
func BenchmarkChange(b *testing.B) {
	for _, rules := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("%drules", rules), func(b *testing.B) {
			s := stateWith("a", "b", "c")
			for range rules {
				if _, err := s.AddRule(abort("", ""), time.Now()); err != nil {
					b.Fatal(err)
				}
			}
			k := start(b, Config{}, s)
			patches := []string{`{"percent":50}`, `{"percent":100}`}
			i := 0
			for b.Loop() {
				i++
				patch := node(b, patches[i%2])
				change(b, k, func(s *State) error { return s.PatchRule(Address{Name: "abort-1"}, patch, time.Now()) })
			}
		})
	}
}
