package control

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stuckStore saves nothing more once it is stuck, and goes on when it is let.
type stuckStore struct{ stuck atomic.Pointer[chan struct{}] }

func (s *stuckStore) stick() (free func()) {
	stuck := make(chan struct{})
	s.stuck.Store(&stuck)
	return func() { close(stuck) }
}

func (s *stuckStore) Save(*State) error {
	if stuck := s.stuck.Load(); stuck != nil {
		<-*stuck
	}
	return nil
}

// changeAside makes a change in another goroutine.
func changeAside(t *testing.T, k *Controller) (done chan error) {
	t.Helper()
	done = make(chan error, 1)
	go func() {
		_, err := k.Change(t.Context(), Request{}, func(s *State) error { s.SetSeed(7); return nil })
		done <- err
	}()
	return done
}

// While a disk hangs no change can be made, and yet renewals count, and what nobody renews falls silent on time. The
// clock, which waits for its turn then, is stopped: a bubble's time stands still while a goroutine waits for a mutex.
func TestLeasesWhileTheDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, engine, began := &stuckStore{}, &fakeEngine{}, time.Now()
		k, err := New(Config{Engine: engine, Store: store}, base(t))
		if err != nil {
			t.Fatal(err)
		}
		k.Close()
		b := &rig{Controller: k, engine: engine, began: began}
		changeTo(t, k, onLease(`{"mode":"failure",LEASE}`))
		set := engine.last[0].Faults
		strikes := func() bool { return slices.Contains(decide(set, "a", "/x", time.Now()), "mode/failure") }
		free := store.stick()
		done := changeAside(t, k)
		b.sleepUntil(3 * time.Second)
		if _, err := k.RenewLease("run", time.Now()); err != nil {
			t.Fatalf("while the disk hangs: %v", err)
		}
		b.sleepUntil(8*time.Second - 1)
		if !strikes() {
			t.Error("renewed, and yet silent")
		}
		b.sleepUntil(8 * time.Second)
		if strikes() || k.State().Mode.Name != ModeFailure {
			t.Errorf("strikes: %v; mode %s, although nothing can be changed", strikes(), k.State().Mode.Name)
		}
		if _, err := k.RenewLease("run", time.Now()); codeOf(err) != NotFound {
			t.Errorf("renewed what is over: %v", err)
		}
		if views := k.State().LeaseViews(time.Now()); len(views) > 0 {
			t.Errorf("listed: %+v", views)
		}
		free()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The same in real time, with the clock: it takes away what is silent as soon as the disk is back.
func TestTheClockGoesOnWhenTheDiskIsBack(t *testing.T) {
	store, engine := &stuckStore{}, &fakeEngine{}
	k := start(t, Config{Engine: engine, Store: store}, base(t))
	changeTo(t, k, strings.ReplaceAll(onLease(`{"mode":"failure",LEASE}`), `"5s"`, `"50ms"`))
	set := engine.last[0].Faults
	free := store.stick()
	done := changeAside(t, k)
	eventually(t, "it strikes although nobody renews it", func() bool {
		return !slices.Contains(decide(set, "a", "/x", time.Now()), "mode/failure")
	})
	free()
	if err := <-done; err != nil {
		t.Error(err)
	}
	eventually(t, "the mode stays", func() bool { return k.State().Mode.Name == ModeNormal })
	if k.State().Seed != 7 {
		t.Error("the change was lost")
	}
}

// eventually waits until something holds; what says what is wrong if it never does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal(what)
		}
	}
}

func TestALeaseEndsAlsoWhenTheDiskIsFull(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, onLease(`{"mode":"failure",LEASE}`))
		b.store.failWith(&Error{Code: Full, Reason: "no space left"})
		b.sleepUntil(5 * time.Second)
		if s := b.State(); s.Mode.Name != ModeNormal || s.Revision != 2 {
			t.Errorf("mode %s, revision %d", s.Mode.Name, s.Revision)
		}
		b.wantHits(t, []string{})
		b.sleepUntil(8*time.Second + time.Millisecond)
		b.store.failWith(nil)
		b.sleepUntil(9 * time.Second)
		if b.store.last() != b.State() {
			t.Error("not saved when there was room again")
		}
	})
}
