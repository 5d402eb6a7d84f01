package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/internal/wait"
)

func TestForTakesExactlyTheTimeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := wait.For(t.Context(), 30*time.Second); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != 30*time.Second {
			t.Fatalf("waited %v, want 30s", got)
		}
	})
}

func TestForEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the client left")
		ctx, cancel := context.WithCancelCause(t.Context())
		start := time.Now()
		time.AfterFunc(2*time.Second, func() { cancel(cause) })
		if err := wait.For(ctx, time.Hour); !errors.Is(err, cause) {
			t.Fatalf("got %v, want %v", err, cause)
		}
		if got := time.Since(start); got != 2*time.Second {
			t.Fatalf("returned after %v, want 2s", got)
		}
		if err := wait.For(ctx, 0); !errors.Is(err, cause) {
			t.Fatalf("zero wait on a done context: got %v, want %v", err, cause)
		}
	})
}

func TestForOfNothingReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for _, d := range []time.Duration{0, -time.Second} {
			if err := wait.For(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Since(start); got != 0 {
			t.Fatalf("waited %v, want nothing", got)
		}
	})
}

func TestOnEndsWithWhateverComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the client left")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan struct{})
		start := time.Now()
		time.AfterFunc(time.Second, func() { close(done) })
		if err := wait.On(ctx, done); err != nil || time.Since(start) != time.Second {
			t.Fatalf("got %v after %v, want nil after 1s", err, time.Since(start))
		}
		time.AfterFunc(time.Second, func() { cancel(cause) })
		if err := wait.On(ctx, nil); !errors.Is(err, cause) || time.Since(start) != 2*time.Second {
			t.Fatalf("got %v after %v, want %v after 2s", err, time.Since(start), cause)
		}
		if err := wait.On(ctx, done); err != nil {
			t.Fatalf("both are done: got %v, want nil", err)
		}
	})
}
