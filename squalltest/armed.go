package squalltest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// seed is every test's: a test that failed fails again. See Seed for another.
const seed = 1

// name is that of a test's only proxy.
const name = "test"

// Faults are what a [Proxy] and a [Transport] have in common: methods that arm faults. They may be called while traffic
// flows, and take effect for every request that starts after they return.
type Faults struct {
	t          testing.TB
	controller *control.Controller
	refuse     func(*faults.Rule) error // what cannot be armed here; nil = anything can

	mu    sync.Mutex // guards armed
	armed []*Fault
}

// newFaults puts a proxy under an engine that has no faults yet.
func newFaults(t testing.TB, engine control.Engine, c proxy.Config) *Faults {
	t.Helper()
	state := control.NewState(seed)
	state.PutProxy(c)
	controller, err := control.New(control.Config{Engine: engine, Policy: control.DefaultPolicy()}, state)
	if err != nil {
		t.Fatalf("squalltest: %v", err)
	}
	return &Faults{t: t, controller: controller}
}

func (f *Faults) checkHits() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.armed {
		if !fault.optional && fault.Hits() == 0 {
			f.t.Errorf("squalltest: fault %q was armed and never hit: %s", fault.name, fault.Status())
		}
	}
}

// Mode puts the proxy into a mode: "normal", "fallback" or "failure".
func (f *Faults) Mode(mode string) {
	f.t.Helper()
	f.change(func(s *control.State) error { return s.SetMode(mode, "", control.Hold{}) })
}

// Seed starts chance anew with another seed: all counters restart. A fault that has hit before has hit, when the test ends.
func (f *Faults) Seed(seed uint64) {
	f.t.Helper()
	f.change(func(s *control.State) error { s.SetSeed(seed); return nil })
	state := f.controller.State()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.armed {
		if in, err := state.Rule(control.Address{Name: fault.name}); err == nil { // else it was disarmed
			fault.optional = fault.optional || fault.Hits() > 0
			fault.counter.Store(in.Counter)
		}
	}
}

// Reset takes all faults away, after it has checked that each of them hit.
func (f *Faults) Reset() {
	f.t.Helper()
	f.checkHits()
	f.mu.Lock()
	f.armed = nil
	f.mu.Unlock()
	f.change(func(s *control.State) error { s.Clear(); return nil })
}

func (f *Faults) change(mutate func(*control.State) error) {
	f.t.Helper()
	if _, err := f.controller.Change(context.Background(), control.Request{By: "squalltest"}, mutate); err != nil {
		f.t.Fatalf("squalltest: %v", err)
	}
}

// Arm puts a rule in force. A rule without a name is named after its kind.
func (f *Faults) Arm(rule faults.Rule, options ...Option) *Fault {
	f.t.Helper()
	fault := &Fault{of: f}
	a := armed{rule: &rule, fault: fault}
	for _, option := range options {
		option(a)
	}
	if f.refuse != nil {
		if err := f.refuse(&rule); err != nil {
			f.t.Fatalf("squalltest: %v", err)
		}
	}
	rule.Proxy = name
	f.change(func(s *control.State) error {
		var err error
		fault.name, err = s.AddRule(rule, time.Now())
		return err
	})
	in, err := f.controller.State().Rule(control.Address{Name: fault.name})
	if err != nil {
		f.t.Fatalf("squalltest: %v", err)
	}
	fault.counter.Store(in.Counter)
	f.mu.Lock()
	f.armed = append(f.armed, fault)
	f.mu.Unlock()
	return fault
}

// Fault is a rule that was armed.
type Fault struct {
	of       *Faults
	name     string
	counter  atomic.Pointer[faults.Counter]
	optional bool // it may end without a hit
}

// Hits counts the exchanges that the fault has hit.
func (f *Fault) Hits() int { return int(f.counter.Load().Status().Hit) }

// Status describes the fault's counters.
func (f *Fault) Status() string {
	s := f.counter.Load().Status()
	return fmt.Sprintf("%d exchanges matched, %d hit", s.Matched, s.Hit)
}

// WaitHits blocks until the fault has hit n times; it fails the test if that takes longer than timeout.
func (f *Fault) WaitHits(n int, timeout time.Duration) {
	f.of.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if hits, err := f.counter.Load().WaitHits(ctx, uint64(n)); err != nil {
		f.of.t.Fatalf("squalltest: fault %q hit %d times within %v, want %d", f.name, hits, timeout, n)
	}
}

// Disarm takes the fault away.
func (f *Fault) Disarm() {
	f.of.t.Helper()
	f.of.change(func(s *control.State) error { return s.RemoveRule(control.Address{Name: f.name}) })
}
