package breaker

import (
	"errors"
	"testing"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

var key = Key{"GET", "shop.test", "/orders"}

// script is one breaker, whose calls end as a test says.
type script struct {
	*Breaker
	t    *testing.T
	told []Change
}

// scripted makes a breaker whose open times are drawn at share of the upper half.
func scripted(t *testing.T, cfg Config, share float64) *script {
	t.Helper()
	s := &script{t: t}
	group, err := NewGroup(cfg, func(c Change) { s.told = append(s.told, c) }, func() float64 { return share })
	if err != nil {
		t.Fatal(err)
	}
	s.Breaker = group.Get(key)
	return s
}

// play makes one call after the other: S succeeds, F fails, N is neutral, R must be held back.
func (s *script) play(calls string) {
	s.t.Helper()
	for i, c := range calls {
		if c == 'R' {
			s.refused()
			continue
		}
		permit := s.allowed()
		switch c {
		case 'S':
			permit.Done(Success)
		case 'F':
			permit.Done(Failure)
		case 'N':
			permit.Done(Neutral)
		default:
			s.t.Fatalf("call %d of %q", i+1, calls)
		}
	}
}

func (s *script) allowed() Permit {
	s.t.Helper()
	permit, err := s.Allow()
	if err != nil {
		s.t.Fatalf("held back: %v", err)
	}
	return permit
}

func (s *script) refused() *OpenError {
	s.t.Helper()
	_, err := s.Allow()
	var open *OpenError
	if !errors.As(err, &open) {
		s.t.Fatalf("got %v, want an OpenError", err)
	}
	return open
}

func (s *script) is(want State) {
	s.t.Helper()
	if got := s.Status().State; got != want {
		s.t.Fatalf("the breaker is %v, want %v", got, want)
	}
}

func (s *script) pass(d time.Duration) {
	s.t.Helper()
	if err := wait.For(s.t.Context(), d); err != nil {
		s.t.Fatal(err)
	}
}
