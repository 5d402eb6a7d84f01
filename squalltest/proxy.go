package squalltest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
	"github.com/squall-proxy/squall/proxy/http1"
)

// seed is every test's: a test that failed fails again. See Seed for another.
const seed = 1

// name is that of a test's only proxy.
const name = "test"

// drain bounds how long the end of a test waits for exchanges under way.
const drain = 5 * time.Second

// Proxy is an HTTP proxy before one upstream. Its methods may be called while traffic flows, and take effect for every
// request that starts after they return.
type Proxy struct {
	URL  string // for the client under test, as in "http://127.0.0.1:40123"
	Addr string // host and port of it

	t          testing.TB
	controller *control.Controller
	armed      []*Fault
}

// New starts a proxy before upstream, such as the URL of an httptest.Server. It ends with the test, which fails if a
// fault that was armed has not hit by then.
func New(t testing.TB, upstream string) *Proxy {
	t.Helper()
	engine := &proxy.Engine{Executors: map[string]proxy.Executor{proxy.DefaultEngine: &http1.Executor{}}}
	c := proxy.Defaults()
	c.Name, c.Listen, c.Upstream = name, "127.0.0.1:0", upstream
	state := control.NewState(seed)
	state.PutProxy(c)
	controller, err := control.New(control.Config{Engine: engine, Policy: control.DefaultPolicy()}, state)
	if err != nil {
		t.Fatalf("squalltest: %v", err)
	}
	addr := engine.Addr(name).String()
	p := &Proxy{URL: "http://" + addr, Addr: addr, t: t, controller: controller}
	t.Cleanup(func() { p.end(engine) })
	return p
}

// end stops everything and reports the faults that never hit.
func (p *Proxy) end(engine *proxy.Engine) {
	p.checkHits()
	p.controller.Close()
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := engine.Shutdown(ctx); err != nil {
		p.t.Errorf("squalltest: %v", err)
	}
}

func (p *Proxy) checkHits() {
	p.t.Helper()
	for _, f := range p.armed {
		if !f.optional && f.Hits() == 0 {
			p.t.Errorf("squalltest: fault %q was armed and never hit: %s", f.name, f.Status())
		}
	}
}

// Mode puts the proxy into a mode: "normal", "fallback" or "failure".
func (p *Proxy) Mode(mode string) {
	p.t.Helper()
	p.change(func(s *control.State) error { return s.SetMode(mode, "", control.Hold{}) })
}

// Seed starts chance anew with another seed: all counters restart.
func (p *Proxy) Seed(seed uint64) {
	p.t.Helper()
	p.change(func(s *control.State) error { s.SetSeed(seed); return nil })
}

// Reset takes all faults away, after it has checked that each of them hit.
func (p *Proxy) Reset() {
	p.t.Helper()
	p.checkHits()
	p.armed = nil
	p.change(func(s *control.State) error { s.Clear(); return nil })
}

func (p *Proxy) change(mutate func(*control.State) error) {
	p.t.Helper()
	if _, err := p.controller.Change(context.Background(), control.Request{By: "squalltest"}, mutate); err != nil {
		p.t.Fatalf("squalltest: %v", err)
	}
}

// Arm puts a rule in force. A rule without a name is named after its kind.
func (p *Proxy) Arm(rule faults.Rule, options ...Option) *Fault {
	p.t.Helper()
	f := &Fault{proxy: p}
	a := armed{rule: &rule, fault: f}
	for _, option := range options {
		option(a)
	}
	rule.Proxy = name
	p.change(func(s *control.State) error {
		var err error
		f.name, err = s.AddRule(rule, time.Now())
		return err
	})
	in, err := p.controller.State().Rule(control.Address{Name: f.name})
	if err != nil {
		p.t.Fatalf("squalltest: %v", err)
	}
	f.counter = in.Counter
	p.armed = append(p.armed, f)
	return f
}

// Fault is a rule that was armed.
type Fault struct {
	proxy    *Proxy
	name     string
	counter  *faults.Counter
	optional bool
}

// Hits counts the exchanges that the fault has hit.
func (f *Fault) Hits() int { return int(f.counter.Status().Hit) }

// Status describes the fault's counters.
func (f *Fault) Status() string {
	s := f.counter.Status()
	return fmt.Sprintf("%d exchanges matched, %d hit", s.Matched, s.Hit)
}

// WaitHits blocks until the fault has hit n times; it fails the test if that takes longer than timeout.
func (f *Fault) WaitHits(n int, timeout time.Duration) {
	f.proxy.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if hits, err := f.counter.WaitHits(ctx, uint64(n)); err != nil {
		f.proxy.t.Fatalf("squalltest: fault %q hit %d times within %v, want %d", f.name, hits, timeout, n)
	}
}

// Disarm takes the fault away.
func (f *Fault) Disarm() {
	f.proxy.t.Helper()
	f.proxy.change(func(s *control.State) error { return s.RemoveRule(control.Address{Name: f.name}) })
}
