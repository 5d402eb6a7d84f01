package control

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs a test on a clock of its own, with a controller whose parts can be made to fail.
func bubble(t *testing.T, first *State, test func(t *testing.T, b *rig)) {
	synctest.Test(t, func(t *testing.T) {
		b := &rig{engine: &fakeEngine{}, store: &fakeStore{}, log: &eventLog{}, began: time.Now()}
		k, err := New(Config{Engine: b.engine, Store: b.store, Publish: b.log.add}, first)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		b.Controller = k
		test(t, b)
	})
}

type rig struct {
	*Controller
	engine *fakeEngine
	store  *fakeStore
	log    *eventLog
	began  time.Time
}

// sleepUntil lets time pass up to a moment after the beginning, and everything happen that is due then.
func (b *rig) sleepUntil(d time.Duration) {
	time.Sleep(time.Until(b.began.Add(d)))
	synctest.Wait()
}

func TestWhatIsTimedEndsExactlyOnTime(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, `{"mode":"failure","ttl":"30s"}`)
		changeTo(t, b.Controller, `{"rules":[{"name":"x","abort":503,"ttl":"10s"}],"ttl":"20s"}`)
		changeTo(t, b.Controller, `{"modes":{"a":{"mode":"fallback","ttl":"24h"}}}`)
		b.sleepUntil(time.Hour)
		var got []string
		for _, e := range b.log.all()[3:] {
			got = append(got, e.At.Sub(b.began).String()+" "+e.By)
			got = append(got, e.What...)
			if e.Err != nil || e.After.Revision != e.Revision || e.Before.Revision+1 != e.Revision {
				t.Errorf("event %+v", e)
			}
		}
		want := []string{"10s expiry", "rules.x", "20s expiry", "rules", "30s expiry", "mode"}
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		b.sleepUntil(24*time.Hour - 1)
		if s := b.State(); s.ModeOf("a") != ModeFallback {
			t.Errorf("a is in mode %s", s.ModeOf("a"))
		}
		b.sleepUntil(24 * time.Hour)
		if s := b.State(); s.ModeOf("a") != ModeNormal || s.Revision != 7 || b.store.last() != s {
			t.Errorf("a is in mode %s, revision %d", s.ModeOf("a"), s.Revision)
		}
	})
}

// Several things that end together are one change.
func TestWhatEndsTogetherIsOneChange(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, `{"mode":"failure","modes":{"a":"fallback"},"rules":[{"name":"x","abort":503}],"ttl":"5s"}`)
		b.sleepUntil(5 * time.Second)
		events := b.log.all()
		if len(events) != 2 || !slices.Equal(events[1].What, []string{"mode", "modes.a", "rules"}) {
			t.Errorf("got %d events, the last one ended %v", len(events), events[len(events)-1].What)
		}
	})
}

// A new, shorter time must not wait for the longer one that the clock is set to.
func TestTheClockTurnsToWhatEndsSooner(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, `{"mode":"failure","ttl":"1h"}`)
		b.sleepUntil(time.Second)
		changeTo(t, b.Controller, `{"modes":{"a":"fallback"},"ttl":"2s"}`)
		b.sleepUntil(3*time.Second - 1)
		if got := b.State().ModeOf("a"); got != ModeFallback {
			t.Errorf("too early: %s", got)
		}
		b.sleepUntil(3 * time.Second)
		if got := b.State().ModeOf("a"); got != ModeFailure {
			t.Errorf("too late: %s", got)
		}
	})
}

func TestAnExpiryIsInForceAlsoWhenItCannotBeSaved(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, `{"mode":"failure","ttl":"10s"}`)
		changeTo(t, b.Controller, `{"rules":[{"name":"x","abort":503,"ttl":"10500ms"}]}`)
		full := storageError(errors.New("no space"))
		b.store.failWith(full)
		b.sleepUntil(10 * time.Second)
		if got := b.State().Mode.Name; got != ModeNormal {
			t.Fatalf("still %s", got)
		}
		b.sleepUntil(10*time.Second + 500*time.Millisecond)
		if len(b.State().Rules) > 0 {
			t.Error("what ends while a retry is waited for ends too late")
		}
		if _, err := b.Change(t.Context(), Request{}, func(s *State) error { return s.SetMode(ModeFallback, "", Hold{}) }); !errors.Is(err, full) {
			t.Errorf("a change was accepted: %v", err)
		}
		b.sleepUntil(13 * time.Second)
		failures := 0
		for _, e := range b.log.all() {
			if e.Err != nil {
				failures++
			}
		}
		if failures < 3 {
			t.Errorf("told %d times", failures)
		}
		b.store.failWith(nil)
		b.sleepUntil(15 * time.Second)
		if b.store.last() != b.State() {
			t.Error("not saved when it could be")
		}
		tries := b.store.tries
		b.sleepUntil(time.Hour)
		if b.store.tries != tries {
			t.Error("goes on saving")
		}
	})
}

// A change that is saved saves the expiry before it, too.
func TestAChangeSavesWhatExpired(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, `{"mode":"failure","ttl":"10s"}`)
		b.store.failWith(errors.New("no space"))
		b.sleepUntil(10*time.Second + 100*time.Millisecond)
		b.store.failWith(nil)
		changeTo(t, b.Controller, `{"rules":[{"abort":503}]}`)
		tries := b.store.tries
		b.sleepUntil(time.Minute)
		if b.store.tries != tries || b.store.last() != b.State() {
			t.Errorf("%d saves more", b.store.tries-tries)
		}
	})
}

func TestAnExpiryThatTheEngineRefuses(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, `{"mode":"failure","ttl":"10s"}`)
		boom := errors.New("boom")
		b.engine.failWith(boom)
		b.sleepUntil(12 * time.Second)
		events := b.log.all()
		if last := events[len(events)-1]; !errors.Is(last.Err, boom) || last.Revision != 1 || len(events) != 4 {
			t.Errorf("%d events, the last %+v", len(events), last)
		}
		if hits := decide(b.engine.last[0].Faults, "a", "/", time.Now()); len(hits) > 0 {
			t.Errorf("the fault outlives its time: %v", hits)
		}
		b.engine.failWith(nil)
		b.sleepUntil(13 * time.Second)
		if s := b.State(); s.Mode.Name != ModeNormal || s.Revision != 2 {
			t.Errorf("mode %s, revision %d", s.Mode.Name, s.Revision)
		}
	})
}

// A change that comes at the very moment works on what holds from then on.
func TestAChangeAtTheMomentOfAnExpiry(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		revision := changeTo(t, b.Controller, `{"rules":[{"name":"x","abort":503,"ttl":"10s"}]}`).Revision
		var writers sync.WaitGroup
		for _, r := range []Request{{}, {Revision: &revision}} {
			writers.Go(func() {
				time.Sleep(10 * time.Second)
				_, err := b.Change(t.Context(), r, func(s *State) error { return s.PatchRule(Address{Name: "x"}, node(t, `{"ttl":null}`), time.Now()) })
				want := NotFound
				if r.Revision != nil {
					want = Stale
				}
				if codeOf(err) != want {
					t.Errorf("got %v, want %s", err, want)
				}
			})
		}
		writers.Wait()
		synctest.Wait()
		if s := b.State(); len(s.Rules) > 0 || s.Revision != revision+1 {
			t.Errorf("rules %s, revision %d", rulesOf(s), s.Revision)
		}
	})
}

func TestAControllerStartsWithoutWhatHasRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stateWith("a")
		put(t, s, `{"rules":[{"name":"old","abort":503,"ttl":"10s"},{"name":"new","abort":503,"ttl":"30s"}]}`, time.Now())
		put(t, s, `{"mode":"failure","ttl":"5s"}`, time.Now())
		time.Sleep(10 * time.Second)
		log, store := &eventLog{}, &fakeStore{}
		k, err := New(Config{Engine: &fakeEngine{}, Store: store, Publish: log.add}, s)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		got := k.State()
		if rulesOf(got) != "~new@*" || got.Mode.Name != ModeNormal || got.Revision != 1 || store.last() != got {
			t.Errorf("rules %s, mode %s, revision %d", rulesOf(got), got.Mode.Name, got.Revision)
		}
		if events := log.all(); len(events) != 1 || !slices.Equal(events[0].What, []string{"mode", "rules.old"}) {
			t.Errorf("events: %+v", events)
		}
		time.Sleep(20*time.Second - 1)
		if len(k.State().Rules) != 1 {
			t.Error("too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if len(k.State().Rules) != 0 {
			t.Error("too late")
		}
	})
}

func TestALeaseThatIsRenewedGoesOn(t *testing.T) {
	bubble(t, stateWith("a"), func(t *testing.T, b *rig) {
		changeTo(t, b.Controller, `{"mode":"failure","lease":{"id":"l","for":"3s"}}`)
		for beat := 1; beat <= 20; beat++ {
			b.sleepUntil(time.Duration(beat) * time.Second)
			if _, err := b.RenewLease("l", time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		b.sleepUntil(23*time.Second - 1)
		if s := b.State(); s.Mode.Name != ModeFailure || s.Revision != 1 {
			t.Errorf("mode %s, revision %d", s.Mode.Name, s.Revision)
		}
		b.sleepUntil(23 * time.Second)
		if s := b.State(); s.Mode.Name != ModeNormal || s.Revision != 2 || len(s.Leases) > 0 {
			t.Errorf("mode %s, revision %d", s.Mode.Name, s.Revision)
		}
		if _, err := b.RenewLease("l", time.Now()); codeOf(err) != NotFound {
			t.Errorf("got %v", err)
		}
	})
}

func TestClosingTwice(t *testing.T) {
	k, err := New(Config{Engine: &fakeEngine{}}, NewState(1))
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	k.Close()
	change(t, k, func(s *State) error { return s.SetMode(ModeFailure, "", Hold{}) })
	change(t, k, func(s *State) error { s.Clear(); return nil })
}
