package squalltest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// seed is every test's: a test that failed fails again. See Seed for another.
const seed = 1

// name is that of a test's only proxy.
const name = "test"

// drain bounds how long the end of a test waits for what is under way.
const drain = 5 * time.Second

// armory is what everything has in common that faults can be armed on. Its methods may be called while traffic flows.
type armory struct {
	t          testing.TB
	controller *control.Controller
	refuse     func(*faults.Rule) error // what cannot be armed here; nil = anything can

	mu    sync.Mutex // guards armed
	armed []*Fault
}

// newArmory puts a proxy under an engine that has no faults yet.
func newArmory(t testing.TB, engine control.Engine, c proxy.Config) *armory {
	t.Helper()
	state := control.NewState(seed)
	state.PutProxy(c)
	controller, err := control.New(control.Config{Engine: engine, Policy: control.DefaultPolicy()}, state)
	if err != nil {
		t.Fatalf("squalltest: %v", err)
	}
	return &armory{t: t, controller: controller}
}

func (a *armory) checkHits() {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, fault := range a.armed {
		if !fault.optional && fault.Hits() == 0 {
			a.t.Errorf("squalltest: fault %q was armed and never hit: %s", fault.name, fault.Status())
		}
	}
}

// end stops a test's proxy and reports the faults that never hit.
func (a *armory) end(engine *proxy.Engine) {
	a.checkHits()
	a.controller.Close()
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := engine.Shutdown(ctx); err != nil {
		a.t.Errorf("squalltest: %v", err)
	}
}

// Mode puts the proxy into a mode: "normal", "fallback" or "failure".
func (a *armory) Mode(mode string) {
	a.t.Helper()
	a.change(func(s *control.State) error { return s.SetMode(mode, "", control.Hold{}) })
}

// Seed starts chance anew with another seed: all counters restart. A fault that has hit before has hit, when the test ends.
func (a *armory) Seed(seed uint64) {
	a.t.Helper()
	a.change(func(s *control.State) error { s.SetSeed(seed); return nil })
	state := a.controller.State()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, fault := range a.armed {
		if in, err := state.Rule(control.Address{Name: fault.name}); err == nil { // else it was disarmed
			fault.optional = fault.optional || fault.Hits() > 0
			fault.counter.Store(in.Counter)
		}
	}
}

// Reset takes all faults away, after it has checked that each of them hit.
func (a *armory) Reset() {
	a.t.Helper()
	a.checkHits()
	a.mu.Lock()
	a.armed = nil
	a.mu.Unlock()
	a.change(func(s *control.State) error { s.Clear(); return nil })
}

func (a *armory) change(mutate func(*control.State) error) {
	a.t.Helper()
	if _, err := a.controller.Change(context.Background(), control.Request{By: "squalltest"}, mutate); err != nil {
		a.t.Fatalf("squalltest: %v", err)
	}
}

// Arm puts a rule in force. A rule without a name is named after its kind.
func (a *armory) Arm(rule faults.Rule, options ...Option) *Fault {
	a.t.Helper()
	fault := &Fault{of: a}
	for _, option := range options {
		option(armed{rule: &rule, fault: fault})
	}
	if a.refuse != nil {
		if err := a.refuse(&rule); err != nil {
			a.t.Fatalf("squalltest: %v", err)
		}
	}
	rule.Proxy = name
	a.change(func(s *control.State) error {
		var err error
		fault.name, err = s.AddRule(rule, time.Now())
		return err
	})
	in, err := a.controller.State().Rule(control.Address{Name: fault.name})
	if err != nil {
		a.t.Fatalf("squalltest: %v", err)
	}
	fault.counter.Store(in.Counter)
	a.mu.Lock()
	a.armed = append(a.armed, fault)
	a.mu.Unlock()
	return fault
}

// Fault is a rule that was armed.
type Fault struct {
	of       *armory
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

// node turns a Go value into a document.
func (a *armory) node(value any) *document.Node {
	a.t.Helper()
	written, err := json.Marshal(value)
	if err != nil {
		a.t.Fatalf("squalltest: %v", err)
	}
	n, err := document.ParseJSON(written)
	if err != nil {
		a.t.Fatalf("squalltest: %v", err)
	}
	return n
}
