package control

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

func TestEveryEffectiveChangeBumpsTheRevision(t *testing.T) {
	k := start(t, Config{}, stateWith("a"))
	for i, tt := range []struct {
		name   string
		change func(*State) error
		bumps  bool
	}{
		{"nothing", func(*State) error { return nil }, false},
		{"clear what is clear", func(s *State) error { s.Clear(); return nil }, false},
		{"the mode that is", func(s *State) error { return s.SetMode(ModeNormal, "", Hold{}) }, false},
		{"another mode", func(s *State) error { return s.SetMode(ModeFailure, "", Hold{}) }, true},
		{"the same, which restarts its counters", func(s *State) error { return s.SetMode(ModeFailure, "", Hold{}) }, true},
		{"a rule", func(s *State) error { _, err := s.PutRule(Address{Name: "x"}, abort("", ""), "", t0); return err }, true},
		{"the same rule, which restarts its counters", func(s *State) error {
			_, err := s.PutRule(Address{Name: "x"}, abort("", ""), "", t0)
			return err
		}, true},
		{"rearm", func(s *State) error { return s.RearmRule(Address{Name: "x"}) }, true},
		{"an empty patch", func(s *State) error { return s.PatchRule(Address{Name: "x"}, node(t, `{}`), t0) }, false},
		{"a patch to what is", func(s *State) error {
			return s.PatchRule(Address{Name: "x"}, node(t, `{"percent":100, "attributes":{"status":503}}`), t0)
		}, false},
		{"a patch", func(s *State) error { return s.PatchRule(Address{Name: "x"}, node(t, `{"percent":50}`), t0) }, true},
		{"the same seed", func(s *State) error { s.SetSeed(42); return nil }, false},
		{"another seed", func(s *State) error { s.SetSeed(43); return nil }, true},
		{"the same proxy", func(s *State) error { s.PutProxy(config("a")); return nil }, false},
		{"an empty patch of a proxy", func(s *State) error { return s.PatchProxy("a", node(t, `{}`)) }, false},
		{"a patch of a proxy", func(s *State) error { return s.PatchProxy("a", node(t, `{"timeout":"1s"}`)) }, true},
		{"an owner of nothing", func(s *State) error { s.ClearOwner("nobody"); return nil }, false},
		{"a profile with a body", func(s *State) error { return s.Apply(parse[Document](t, `{"profiles":{"p":{"body":{"a":[1]}}}}`), t0) }, true},
		{"the same, written otherwise", func(s *State) error {
			return s.Apply(parse[Document](t, "{ \"profiles\":\n {\"p\": {\"body\": {\"a\": [ 1 ]}}}}"), t0)
		}, false},
		{"clear", func(s *State) error { s.Clear(); return nil }, true},
		{"clear again", func(s *State) error { s.Clear(); return nil }, false},
		{"remove the proxy", func(s *State) error { return s.RemoveProxy("a") }, true},
	} {
		before := k.State()
		got := change(t, k, tt.change)
		if (got.Revision == before.Revision+1) != tt.bumps || got != k.State() || !tt.bumps && got != before {
			t.Errorf("%d, %s: revision %d after %d", i, tt.name, got.Revision, before.Revision)
		}
	}
}

func TestAStaleChangeIsRefused(t *testing.T) {
	k := start(t, Config{}, stateWith("a"))
	revision := k.State().Revision
	failure := func(s *State) error { return s.SetMode(ModeFailure, "", Hold{}) }
	if _, err := k.Change(t.Context(), Request{Revision: &revision}, failure); err != nil {
		t.Fatal(err)
	}
	_, err := k.Change(t.Context(), Request{Revision: &revision}, func(*State) error {
		t.Error("a stale change was tried")
		return nil
	})
	if codeOf(err) != Stale || k.State().Revision != revision+1 {
		t.Errorf("got %v", err)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	engine, store, log := &fakeEngine{}, &fakeStore{}, &eventLog{}
	k := start(t, Config{Engine: engine, Store: store, Publish: log.add}, stateWith("a"))
	before, tries := k.State(), store.tries
	engine.failWith(errors.New("must not be asked"))
	after, err := k.Change(t.Context(), Request{DryRun: true}, func(s *State) error { return s.SetMode(ModeFailure, "", Hold{}) })
	if err != nil || after.Mode.Name != ModeFailure || after.Revision != before.Revision+1 {
		t.Errorf("got %+v, %v", after, err)
	}
	if k.State() != before || before.Mode.Name != ModeNormal || store.tries != tries || len(log.all()) > 0 {
		t.Error("something happened")
	}
	_, err = k.Change(t.Context(), Request{DryRun: true}, func(s *State) error { return s.SetMode("nope", "", Hold{}) })
	if code, field := refusal(err); code != Invalid || field != "mode" {
		t.Errorf("got %v", err)
	}
}

func TestARefusedChangeChangesNothing(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name   string
		break_ func(*fakeEngine, *fakeStore)
		change func(*State) error
		code   Code
		cause  error
	}{
		{"mutate fails", func(*fakeEngine, *fakeStore) {}, func(s *State) error { s.Clear(); return boom }, "", boom},
		{"not valid", func(*fakeEngine, *fakeStore) {}, func(s *State) error { s.Mode.Name = "nope"; return nil }, Invalid, nil},
		{
			"the engine refuses", func(e *fakeEngine, _ *fakeStore) { e.failWith(document.Errorf("proxies[0].listen", "no")) },
			func(s *State) error { s.Clear(); return nil }, Invalid, nil,
		},
		{
			"a busy port", func(e *fakeEngine, _ *fakeStore) {
				e.failWith(&proxy.ListenError{Proxy: "a", Listen: ":1", Err: syscall.EADDRINUSE})
			},
			func(s *State) error { s.Clear(); return nil }, Conflict, syscall.EADDRINUSE,
		},
		{
			"the disk fails", func(_ *fakeEngine, f *fakeStore) { f.failWith(io.ErrShortWrite) },
			func(s *State) error { s.Clear(); return nil }, Storage, io.ErrShortWrite,
		},
		{
			"the disk is full", func(_ *fakeEngine, f *fakeStore) { f.failWith(storageError(syscall.ENOSPC)) },
			func(s *State) error { s.Clear(); return nil }, Full, syscall.ENOSPC,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			engine, store, log := &fakeEngine{}, &fakeStore{}, &eventLog{}
			first := stateWith("a")
			put(t, first, `{"mode":"failure","modes":{"a":"fallback"},"rules":[{"abort":503}]}`, t0)
			k := start(t, Config{Engine: engine, Store: store, Publish: log.add}, first)
			before, content := k.State(), asJSON(t, k.State().View(t0))
			tt.break_(engine, store)
			s, err := k.Change(t.Context(), Request{}, tt.change)
			if code, _ := refusal(err); s != nil || err == nil || code != tt.code || tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("got %v, %v", s, err)
			}
			if k.State() != before || asJSON(t, k.State().View(t0)) != content || len(log.all()) > 0 || store.last() != before {
				t.Error("something happened")
			}
			engine.failWith(nil)
			store.failWith(nil)
			change(t, k, func(s *State) error { s.Clear(); return nil })
			if len(log.all()) != 1 || store.last() != k.State() {
				t.Error("the next change did not happen")
			}
		})
	}
}

func TestAChangeOfOneWhoLeft(t *testing.T) {
	k := start(t, Config{}, stateWith("a"))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	_, err := k.Change(ctx, Request{}, func(*State) error { t.Error("tried"); return nil })
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestAControllerThatCannotStart(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]Config{
		"engine": {Engine: &fakeEngine{fail: boom}},
		"store":  {Engine: &fakeEngine{}, Store: &fakeStore{fail: boom}},
	} {
		if _, err := New(c, stateWith("a")); !errors.Is(err, boom) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	s := stateWith("a")
	s.Mode.Name = "nope"
	if _, err := New(Config{Engine: &fakeEngine{}}, s); codeOf(err) != Invalid {
		t.Errorf("got %v", err)
	}
}

// A snapshot stays what it was, whatever is changed afterwards.
func TestSnapshotsAreNotChanged(t *testing.T) {
	k := start(t, Config{}, stateWith("a", "b"))
	for _, text := range []string{
		`{"mode":"failure","modes":{"a":"fallback"},"rules":[{"name":"x","abort":503},{"name":"y","proxy":"a","delay":"1s"}]}`,
		`{"rules":[{"name":"z","abort":503}],"modes":{"b":"failure"},"ttl":"1h"}`,
		`{"profiles":{"p":{"failure_rate":0.5}},"mode":"p","ttl":"30m"}`,
	} {
		changeTo(t, k, text)
	}
	mutations := []func(*State) error{
		func(s *State) error {
			_, err := s.PutRule(Address{Name: "z"}, withTTL(abort("", ""), time.Minute), "", time.Now())
			return err
		},
		func(s *State) error { s.SetSeed(7); return nil },
		func(s *State) error { return s.PatchRule(Address{Name: "z"}, node(t, `{"percent":3}`), time.Now()) },
		func(s *State) error { return s.RearmRule(Address{Name: "z"}) },
		func(s *State) error { return s.SetProxyMode("a", "", "", Hold{}) },
		func(s *State) error { s.SetProfiles(nil); return s.SetMode(ModeNormal, "", Hold{}) },
		func(s *State) error { return s.RemoveRule(Address{Name: "x", Proxy: on("*")}) },
		func(s *State) error { return s.RemoveRule(Address{Name: "z"}) },
		func(s *State) error { s.ClearOwner(""); return nil },
		func(s *State) error { return s.RemoveProxy("a") },
		func(s *State) error { s.Clear(); return nil },
	}
	for i, mutate := range mutations {
		s := k.State()
		was, counters := asJSON(t, s.View(t0)), s.counters()
		_, err := k.Change(t.Context(), Request{}, mutate)
		if err != nil && codeOf(err) != NotFound {
			t.Fatal(i, err)
		}
		if is := asJSON(t, s.View(t0)); is != was || len(counters) != len(s.counters()) {
			t.Errorf("change %d changed the snapshot before it:\n%s\n%s", i, was, is)
		}
		for j, c := range s.counters() {
			if c != counters[j] {
				t.Errorf("change %d changed a counter of the snapshot before it", i)
			}
		}
	}
}

func TestEventsComeInOrder(t *testing.T) {
	log := &eventLog{}
	k := start(t, Config{Publish: log.add}, stateWith("a"))
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for range 25 {
				_, err := k.Change(t.Context(), Request{By: string(rune('a' + i))}, func(s *State) error {
					_, err := s.AddRule(abort("", ""), time.Now())
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	events := log.all()
	if len(events) != 200 || len(k.State().Rules) != 200 {
		t.Fatalf("%d events, %d rules", len(events), len(k.State().Rules))
	}
	for i, e := range events {
		if e.Revision != uint64(i+1) || e.After.Revision != e.Revision || e.Before.Revision+1 != e.Revision || e.By == "" || e.Err != nil {
			t.Errorf("event %d: %+v", i, e)
		}
		if i > 0 && e.Before != events[i-1].After {
			t.Errorf("event %d does not follow the one before it", i)
		}
	}
}

func TestWaitingForHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{}
		s := stateWith("a")
		put(t, s, `{"rules":[{"name":"x","delay":"1ms"}]}`, t0)
		k, err := New(Config{Engine: engine}, s)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if n, err := k.WaitHits(ctx, Address{Name: "x"}, 3); n != 3 || err != nil {
				t.Errorf("got %d, %v", n, err)
			}
		})
		for range 3 {
			synctest.Wait()
			decide(engine.last[0].Faults, "a", "/", time.Now())
		}
		waiting.Wait()
		if n, err := k.WaitHits(ctx, Address{Name: "x"}, 4); n != 3 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %d, %v", n, err)
		}
		if _, err := k.WaitHits(ctx, Address{Name: "y"}, 1); codeOf(err) != NotFound {
			t.Errorf("got %v", err)
		}
	})
}
