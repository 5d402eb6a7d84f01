package control

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Eight writers raise a number that each has read, on the condition that nothing changed since. If every accepted change
// saw the one before it, no raise is lost and the history is one line.
func TestConcurrentWritersWithIfMatch(t *testing.T) {
	k := start(t, Config{}, stateWith("a"))
	type accepted struct{ read, wrote, seed uint64 }
	var mu sync.Mutex
	var history []accepted
	stale := 0
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for done := 0; done < 25; {
				before := k.State()
				revision := before.Revision
				after, err := k.Change(t.Context(), Request{Revision: &revision}, func(s *State) error {
					if s.Revision != revision || s.Seed != before.Seed {
						t.Errorf("read revision %d, changes revision %d", revision, s.Revision)
					}
					s.SetSeed(before.Seed + 1)
					return nil
				})
				mu.Lock()
				switch {
				case err == nil:
					done++
					history = append(history, accepted{revision, after.Revision, after.Seed})
				case codeOf(err) == Stale:
					stale++
				default:
					t.Error(err)
					done = 25
				}
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	slices.SortFunc(history, func(a, b accepted) int { return cmp.Compare(a.wrote, b.wrote) })
	for i, h := range history {
		if h.read != uint64(i) || h.wrote != uint64(i+1) || h.seed != 42+uint64(i+1) {
			t.Fatalf("change %d: %+v", i, h)
		}
	}
	if s := k.State(); len(history) != 200 || s.Revision != 200 || s.Seed != 242 {
		t.Errorf("%d changes, revision %d, seed %d", len(history), s.Revision, s.Seed)
	}
	t.Logf("%d stale", stale)
}

// Changes, expiries and failures to save, all at once: what is in force and what is published is one line.
func TestChangesAmongExpiriesAndFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, store := &eventLog{}, &fakeStore{}
		k, err := New(Config{Engine: &fakeEngine{}, Store: store, Publish: log.add}, stateWith("a"))
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		boom := errors.New("boom")
		var writers sync.WaitGroup
		for i := range 8 {
			writers.Go(func() {
				for n := range 50 {
					time.Sleep(time.Duration(10+i) * time.Millisecond)
					ttl := time.Duration(n%5) * 7 * time.Millisecond
					_, err := k.Change(t.Context(), Request{}, func(s *State) error {
						_, err := s.AddRule(withTTL(abort("", "a"), ttl), time.Now())
						return err
					})
					if err != nil && !errors.Is(err, boom) {
						t.Error(err)
					}
					store.failWith(nil)
					if n%11 == i {
						store.failWith(boom)
					}
				}
			})
		}
		writers.Wait()
		store.failWith(nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		revision := uint64(0)
		for _, e := range log.all() {
			if e.Err != nil {
				continue
			}
			if revision++; e.Revision != revision || e.After.Revision != revision || e.Before.Revision != revision-1 {
				t.Fatalf("revision %d: %+v", revision, e)
			}
		}
		s := k.State()
		if s.Revision != revision || store.last() != s || !s.nextEnd().IsZero() {
			t.Errorf("revision %d of %d", s.Revision, revision)
		}
	})
}
