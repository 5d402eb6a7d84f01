package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// Engine runs proxies. It is [proxy.Engine].
type Engine interface {
	Prepare(endpoints []proxy.Endpoint) (*proxy.Change, error)
}

// Store keeps the state. Save returns when it will survive a crash.
type Store interface {
	Save(s *State) error
}

// Config is what a Controller is made of.
type Config struct {
	Engine Engine
	Store  Store // nil = the state lives in memory only
	Policy Policy

	// Publish is told of every change in the order of revisions, while the controller's lock is held: it must not
	// block. May be nil.
	Publish func(Event)
}

// Controller holds the state and is the only door to it. All methods may be called concurrently.
type Controller struct {
	config  Config
	state   atomic.Pointer[State]
	mu      sync.Mutex // serialises changes
	unsaved bool       // under mu: an expiry is in force that could not be saved
	replies faults.Replies

	wake    chan struct{} // has room for one; tells the clock that something may end sooner
	stopped chan struct{}
	stop    context.CancelFunc
}

// New puts a first state in force, without what has run out, and starts the clock that ends what is timed. Close must
// be called.
func New(c Config, first *State) (*Controller, error) {
	k := &Controller{config: c, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	now := time.Now()
	s := first.clone()
	ended := s.expire(now)
	if len(ended) > 0 {
		s.Revision++
	}
	if err := k.admit(s); err != nil {
		return nil, err
	}
	change, err := k.prepare(s)
	if err != nil {
		return nil, err
	}
	if err := k.save(s); err != nil {
		return nil, errors.Join(err, change.Discard())
	}
	k.enforce(change, s)
	if len(ended) > 0 {
		k.publish(Event{Revision: s.Revision, At: now, By: ByExpiry, What: ended, Before: first, After: s})
	}
	ctx, stop := context.WithCancel(context.Background())
	k.stop = stop
	go k.runClock(ctx)
	return k, nil
}

// Close stops the clock. The proxies go on: they are the engine's.
func (k *Controller) Close() {
	k.stop()
	<-k.stopped
}

// State gives the state in force. It must not be changed.
func (k *Controller) State() *State { return k.state.Load() }

// Request says on what terms a change is asked for.
type Request struct {
	By       string  // who asks, for the record
	Revision *uint64 // refuse unless this is the current one; nil = whatever it is
	DryRun   bool    // validate, and answer what would be
}

// Change is the only door: it lets mutate change a copy of the state, validates and compiles the whole, binds what
// must be bound, saves, and puts it in force. An error means that nothing has happened. It never waits for traffic.
func (k *Controller) Change(ctx context.Context, r Request, mutate func(*State) error) (*State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("change: %w", err)
	}
	if k.endTimed(time.Now()) {
		k.nudge() // the clock sees to it that this is saved
	}
	old := k.state.Load()
	if r.Revision != nil && *r.Revision != old.Revision {
		return nil, &Error{Code: Stale, Reason: fmt.Sprintf("made for revision %d, the current one is %d", *r.Revision, old.Revision)}
	}
	next := old.clone()
	if err := mutate(next); err != nil {
		return nil, asError(err)
	}
	if err := k.admit(next); err != nil {
		return nil, err
	}
	if err := checkHalted(old, next); err != nil {
		return nil, err
	}
	if err := checkSize(old, next); err != nil {
		return nil, asError(err)
	}
	if same(old, next, time.Now()) {
		return old, nil
	}
	next.Revision++
	if r.DryRun {
		return next, nil
	}
	if err := k.commit(r.By, old, next); err != nil {
		return nil, err
	}
	return next, nil
}

// admit checks and settles a state that is asked for.
func (k *Controller) admit(s *State) error {
	if err := s.Validate(); err != nil {
		return asError(err)
	}
	if err := k.config.Policy.Check(s); err != nil {
		return refuse(Forbidden, err)
	}
	s.settle()
	return nil
}

// commit binds and saves a state that was admitted, and puts it in force.
func (k *Controller) commit(by string, old, next *State) error {
	change, err := k.prepare(next)
	if err != nil {
		return err
	}
	if err := k.save(next); err != nil {
		return errors.Join(err, change.Discard())
	}
	k.enforce(change, next)
	k.nudge()
	k.publish(Event{Revision: next.Revision, At: time.Now(), By: by, Before: old, After: next})
	return nil
}

// prepared is a state that can be put in force.
type prepared struct {
	*proxy.Change
	sets []*faults.Set
}

func (k *Controller) prepare(s *State) (*prepared, error) {
	endpoints, err := s.endpoints(k.config.Policy.Protect, &k.replies)
	if err != nil {
		return nil, asError(err)
	}
	change, err := k.config.Engine.Prepare(endpoints)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, refuse(Conflict, err)
	case err != nil:
		return nil, asError(err)
	}
	ready := &prepared{Change: change}
	for _, e := range endpoints {
		ready.sets = append(ready.sets, e.Faults)
	}
	return ready, nil
}

// enforce puts a state in force. What rules remember that are gone from it is forgotten.
func (k *Controller) enforce(p *prepared, s *State) {
	p.Commit()
	k.replies.Retain(p.sets...)
	k.state.Store(s)
}

func (k *Controller) save(s *State) error {
	if k.config.Store == nil {
		return nil
	}
	if err := k.config.Store.Save(s); err != nil {
		if codeOf(err) == "" {
			return refuse(Storage, err)
		}
		return err
	}
	k.unsaved = false
	return nil
}

func (k *Controller) publish(e Event) {
	if k.config.Publish != nil {
		k.config.Publish(e)
	}
}

// nudge tells the clock to look again.
func (k *Controller) nudge() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// WaitHits blocks until the rule at an address, which may be one of a mode in force, has hit at least n times since its
// counters started, or ctx is done. It gives the hits counted. A rule that starts counting anew meanwhile is not followed.
func (k *Controller) WaitHits(ctx context.Context, at Address, n uint64) (uint64, error) {
	counter, err := k.State().counter(at)
	if err != nil {
		return 0, err
	}
	return counter.WaitHits(ctx, n)
}
