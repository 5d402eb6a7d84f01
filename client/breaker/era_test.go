package breaker

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestB9LateResultsOfAnotherEra(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Consecutive: 2}, 1)
		slowSuccess, slowFailure, slowNeutral := b.allowed(), b.allowed(), b.allowed()
		b.play("FF")
		slowSuccess.Done(Success)
		b.is(Open)
		b.pass(time.Second)
		probe := b.allowed()
		slowFailure.Done(Failure)
		slowNeutral.Done(Neutral) // gives back no permit that it never had
		b.is(HalfOpen)
		b.play("R")
		probe.Done(Failure)
		b.is(Open)

		b.pass(2 * time.Second)
		late := b.allowed()
		b.pass(30 * time.Second) // it hangs, and is given up
		b.play("R")
		b.pass(4 * time.Second)
		b.play("S")
		b.is(Closed)
		late.Done(Failure)
		b.play("F")
		b.is(Closed) // the late one was not counted
	})
}

func TestB10HungProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Consecutive: 1, Permits: 2, ProbeTimeout: 5 * time.Second}, 1)
		b.play("F")
		b.pass(time.Second)
		b.allowed()
		b.pass(time.Second)
		b.allowed()
		b.pass(5*time.Second - 1)
		b.play("R")
		b.is(HalfOpen)
		b.pass(1)
		b.play("R")
		b.is(Open)
		if b.Wait() != 2*time.Second {
			t.Errorf("probes again in %v, want 2s", b.Wait())
		}
		b.pass(2 * time.Second)
		b.play("S")
		b.is(Closed)
	})
}

func TestB12OneEventForEachTransition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Consecutive: 2}, 1)
		b.play("SFF")
		b.play("RR")
		b.pass(time.Second)
		b.play("NF")
		b.pass(2 * time.Second)
		b.play("S")
		b.play("SS")
		var told []string
		for _, c := range b.told {
			told = append(told, c.String())
		}
		want := []string{
			"CLOSED -> OPEN: 2 in a row failed; probing in 1 s",
			"OPEN -> HALF-OPEN: its time is over",
			"HALF-OPEN -> OPEN: 1 of 1 probes failed; probing in 2 s",
			"OPEN -> HALF-OPEN: its time is over",
			"HALF-OPEN -> CLOSED: 1 of 1 probes succeeded",
		}
		if !slices.Equal(told, want) {
			t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
		if history := b.Status().History; !slices.Equal(history, b.told) {
			t.Errorf("the history is %v", history)
		}
	})
}

func TestB12CallbacksMayAskAndChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group *Group
		var told []string
		group, err := NewGroup(Config{Consecutive: 1}, func(c Change) {
			b := group.Get(c.Key)
			told = append(told, fmt.Sprintf("%v, now %v", c.To, b.Status().State))
			if c.To == Open && c.Why != "forced" {
				b.Force(true)
				b.Force(false) // told after this one has returned
			}
			told = append(told, "done")
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		permit, err := group.Get(key).Allow()
		if err != nil {
			t.Fatal(err)
		}
		permit.Done(Failure)
		if want := []string{"open, now open", "done", "closed, now closed", "done"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

func TestB12HistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Consecutive: 1}, 1)
		for range 20 {
			b.play("F")
			b.pass(time.Second)
			b.play("S")
		}
		if history := b.Status().History; len(history) != keep || !slices.Equal(history, b.told[len(b.told)-keep:]) {
			t.Errorf("%d changes are kept", len(history))
		}
	})
}

func TestB13ForcedStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := scripted(t, Config{Consecutive: 1}, 1)
		b.Force(false)
		b.play("FFFFF")
		b.is(Closed)
		during := b.allowed()
		b.Force(true)
		during.Done(Success)
		b.pass(time.Hour)
		if e := b.refused(); e.Error() != "circuit breaker of GET shop.test/orders is open" || b.Wait() < time.Hour {
			t.Errorf("got %q, waits %v", e, b.Wait())
		}
		b.Force(true)
		if s := b.Status(); !s.Forced || s.State != Open || !s.Until.IsZero() || len(b.told) != 1 {
			t.Errorf("status %+v, told %v", s, b.told)
		}
		b.Release()
		b.Release()
		b.play("S") // a probe
		b.is(Closed)
		b.Force(false)
		b.Release()
		b.play("F")
		b.is(Open)
		if s := b.Status(); s.Forced || s.Until.IsZero() {
			t.Errorf("status %+v", s)
		}
	})
}

func TestB14KeysAreApartAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, err := NewGroup(Config{Consecutive: 1, Keys: 2}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		allow := func(route string) bool {
			permit, err := group.Get(Key{Route: route}).Allow()
			if err == nil && route == "bad" {
				permit.Done(Failure)
			}
			return err == nil
		}
		if !allow("bad") || allow("bad") || !allow("good") || allow("bad") {
			t.Error("keys are not apart")
		}
		if !allow("third") || !allow("good") { // bad is the one that was asked for longest ago
			t.Error("not allowed")
		}
		if s := group.Status(); len(s) != 2 || s[0].Key.Route != "good" {
			t.Errorf("there are %+v", s)
		}
	})
}

func TestManyCallersAtOnce(t *testing.T) {
	group, err := NewGroup(Config{Last: 10, Ratio: 0.5, Base: time.Microsecond, Permits: 2}, func(Change) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			b := group.Get(key)
			for n := range 2000 {
				if permit, err := b.Allow(); err == nil {
					permit.Done(Outcome((n/100 + i) % 3))
				}
			}
		})
	}
	all.Wait()
	s := group.Get(key).Status()
	for i, c := range s.History[1:] {
		if c.From != s.History[i].To {
			t.Errorf("%v comes behind %v", c, s.History[i])
		}
	}
}
