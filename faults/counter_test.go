package faults

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimitsHoldUnderConcurrency(t *testing.T) {
	const workers, tries, total, active = 64, 200, 1000, 5
	c := NewCounter()
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range workers {
		wg.Go(func() {
			for range tries {
				if !c.take(total, active) {
					continue
				}
				if now := c.active.Load(); now > active {
					t.Errorf("%d active, at most %d are allowed", now, active)
				}
				mu.Lock()
				taken++
				mu.Unlock()
				c.release()
			}
		})
	}
	wg.Wait()
	for c.take(total, active) { // what contention for places left over
		c.release()
		taken++
	}
	if got := c.Status(); taken != total || got.Hit != total || got.Active != 0 {
		t.Errorf("took %d, status %+v, want %d and none active", taken, got, total)
	}
}

func TestARefusedHitMovesNothing(t *testing.T) {
	c := NewCounter()
	if !c.take(1, 1) || c.take(1, 1) || c.take(0, 1) || c.take(1, 0) {
		t.Fatal("limits do not hold")
	}
	if got := c.Status(); got != (Status{Hit: 1, Active: 1}) {
		t.Errorf("got %+v, want one hit, active", got)
	}
	c.release()
	if got := c.Status(); got != (Status{Hit: 1}) {
		t.Errorf("got %+v, want one hit, not active", got)
	}
}

func TestWaitHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCounter()
		if hits, err := c.WaitHits(t.Context(), 0); hits != 0 || err != nil {
			t.Errorf("waiting for no hit: got %d, %v", hits, err)
		}
		var wg sync.WaitGroup
		for n := uint64(1); n <= 3; n++ {
			wg.Go(func() {
				begin := time.Now()
				hits, err := c.WaitHits(t.Context(), n)
				if waited := time.Since(begin); err != nil || hits != n || waited != time.Duration(n)*time.Second {
					t.Errorf("waiting for %d hits: got %d, %v after %v", n, hits, err, waited)
				}
			})
		}
		for range 3 {
			time.Sleep(time.Second)
			synctest.Wait()
			c.take(0, 0)
		}
		wg.Wait()
		if hits, err := c.WaitHits(t.Context(), 2); hits != 3 || err != nil {
			t.Errorf("waiting for what has been: got %d, %v", hits, err)
		}
	})
}

func TestWaitHitsEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCounter()
		c.take(0, 0)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		if hits, err := c.WaitHits(ctx, 2); hits != 1 || err == nil || err.Error() != "enough" {
			t.Errorf("got %d, %v, want the one hit and the context's cause", hits, err)
		}
	})
}

// TestNoWakeUpIsLost: each waiter looks just while a hit is counted. A lost one would hang the test.
func TestNoWakeUpIsLost(t *testing.T) {
	c := NewCounter()
	for round := uint64(1); round <= 2000; round++ {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := c.WaitHits(t.Context(), round); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() { c.take(0, 0) })
		wg.Wait()
	}
}
