package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// DefaultEngine is the executor of proxies that name none.
const DefaultEngine = "http1"

// grace is how long the exchanges of a proxy that was taken away, or moved, may go on.
const grace = 10 * time.Second

// Endpoint is what an engine is asked to run: a proxy and the faults in force on it.
type Endpoint struct {
	Config Config
	Faults *faults.Set // nil = none
}

// Executor carries out, for one protocol, what was decided.
type Executor interface {
	// Start serves clients of p on ln until the Server is shut down, and owns ln from then on. It does not block. Accepting
	// on ln fails only once it is closed.
	Start(ln net.Listener, p *Proxy) Server
}

// Server is a listener being served.
type Server interface {
	// Shutdown stops accepting, cuts injected waits to nothing, lets the exchanges under way finish until ctx is
	// done, then drops what is left. It returns when every goroutine of the server has ended.
	Shutdown(ctx context.Context) error
}

// Engine runs proxies. Its fields are set before the first use and not changed. All methods may be called
// concurrently.
type Engine struct {
	// Executors by the name that Config.Engine gives; a proxy that names none gets [DefaultEngine].
	Executors map[string]Executor
	// Observer is told of every exchange of every proxy; nil = nobody is.
	Observer Observer

	// Tracer begins the span of every exchange of HTTP, which is in its record then; nil = nothing is traced.
	Tracer Tracer
	// Warn is told of what is wrong with a running proxy and does not stop it: files that were changed and cannot be taken
	// over, clients that cannot be accepted. It must not block. nil = nobody is.
	Warn func(proxyName string, err error)

	// MaxClients bounds the clients served at once, over all proxies; others wait until one ends. 0 = as many as the
	// process has descriptors for, at most [MaxClients].
	MaxClients int

	// CallHeader names a request's field by which clients tell which of their calls it is an attempt of; see [Attempt].
	// "" = only those that are widely known are looked at.
	CallHeader string

	// NoMarks leaves out of records what only a verdict on clients looks at and what costs CPU: who made the call, hashes of
	// request and reply, and what the reply says; see [Attempt].
	NoMarks bool

	authority lazyAuthority
	places    places
	mu        sync.Mutex          // held from Prepare to Commit or Discard; guards running, kill and closed
	running   map[string]*running // by name
	closed    bool
	lifetime  context.Context // of what drains in the background
	kill      context.CancelFunc
	draining  sync.WaitGroup

	addresses atomic.Pointer[addresses]
	exchanges atomic.Uint64 // numbered so far
	registry  registry
	traffic   traffics
	tallies   tallies
}

// running is a proxy with its listener.
type running struct {
	proxy    *Proxy
	listen   string // as its configuration has it
	upstream string // likewise
	executor string
	listener *listener
	server   Server // nil until the change that brings it is committed
}

// Proxy is one running proxy as its executor sees it.
type Proxy struct {
	Name    string
	Traffic *Traffic // of a TCP proxy, whose executor adds to it; nil of others

	tally    *Tally
	settings atomic.Pointer[Settings]
	engine   *Engine
	accepts  acceptFailures
}

// Settings is what holds for an exchange from its start to its end. It is never changed, only replaced.
type Settings struct {
	Config   Config
	Upstream *url.URL
	Faults   *faults.Set
	Trusted  []netip.Prefix // Config.Trusted

	replaced   chan struct{} // closed when others hold
	terminator *terminator   // nil = clients speak clear text
	originator *originator   // nil = nothing but the defaults
}

// Settings loads what holds now.
func (p *Proxy) Settings() *Settings { return p.settings.Load() }

// put puts settings in force, which are for this proxy alone.
func (p *Proxy) put(s *Settings) {
	if old := p.settings.Swap(s); old != nil {
		close(old.replaced)
	}
}

// Replaced gives the channel that is closed when other settings hold.
func (s *Settings) Replaced() <-chan struct{} { return s.replaced }

// NextExchange numbers an exchange: unique in its engine, from 1.
func (p *Proxy) NextExchange() uint64 { return p.engine.exchanges.Add(1) }

// CallHeader is the engine's.
func (p *Proxy) CallHeader() string { return p.engine.CallHeader }

// Marks is whether records are to say what [Engine.NoMarks] leaves out.
func (p *Proxy) Marks() bool { return !p.engine.NoMarks }

// compile turns an endpoint into settings. An error names the field.
func (e Endpoint) compile() (*Settings, error) {
	at := "proxies[" + e.Config.Name + "]"
	upstream, err := e.Config.upstream()
	if err != nil {
		return nil, document.Errorf(at+".upstream", "%v", err)
	}
	s := &Settings{Config: e.Config, Upstream: upstream, Faults: e.Faults, replaced: make(chan struct{})}
	if s.Faults == nil {
		s.Faults = &faults.Set{}
	}
	for i, text := range e.Config.Trusted {
		prefix, err := ParsePrefix(text)
		if err != nil {
			return nil, document.Errorf(fmt.Sprintf("%s.trusted[%d]", at, i), "%v", err)
		}
		s.Trusted = append(s.Trusted, prefix)
	}
	return s, nil
}

// start makes the background lifetime, once. e.mu is held.
func (e *Engine) start() {
	if e.running == nil {
		if e.MaxClients == 0 {
			e.MaxClients = clientLimit()
		}
		e.places = make(places, e.MaxClients)
		e.running = make(map[string]*running)
		e.lifetime, e.kill = context.WithCancel(context.Background())
	}
}

// Shutdown ends all proxies: no connection is accepted any more, injected waits are cut to nothing, and the exchanges
// under way finish, those too of proxies that were taken away before. What goes on when ctx is done is dropped; that is
// an error. When Shutdown returns, every goroutine of the engine's servers has ended, and no change is possible any more.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	e.start()
	e.closed = true
	ending := e.running
	e.running = make(map[string]*running)
	e.publish()
	e.mu.Unlock()

	stop := context.AfterFunc(ctx, e.kill)
	defer stop()
	failed := make(chan error, len(ending))
	for _, r := range ending {
		e.draining.Go(func() { failed <- r.end(ctx) })
	}
	e.draining.Wait()
	e.kill()
	var err error
	for range ending {
		err = errors.Join(err, <-failed)
	}
	return err
}

// end shuts a proxy down.
func (r *running) end(ctx context.Context) error {
	if err := r.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("proxy %q: %w", r.proxy.Name, err)
	}
	return nil
}

// retire lets a proxy that left finish its exchanges, for a bounded time.
func (e *Engine) retire(r *running) {
	ctx, cancel := context.WithTimeout(e.lifetime, grace)
	defer cancel()
	_ = r.end(ctx) // an error only says that exchanges were dropped, and each of them is recorded
}

// publish makes what is running, and where, known to those who ask without e.mu. e.mu is held.
func (e *Engine) publish() {
	bound, proxies := make(map[string]net.Addr, len(e.running)), make(map[string]*Proxy, len(e.running))
	for name, r := range e.running {
		bound[name], proxies[name] = r.listener.Addr(), r.proxy
	}
	e.updateAddresses(func(a *addresses) { a.bound, a.proxies = bound, proxies })
}

// updateAddresses replaces the addresses by a changed copy.
func (e *Engine) updateAddresses(change func(*addresses)) {
	for {
		old := e.addresses.Load()
		next := &addresses{}
		if old != nil {
			*next = *old
		}
		change(next)
		if e.addresses.CompareAndSwap(old, next) {
			return
		}
	}
}

// Addr gives the bound address of a running proxy; nil if there is none of that name.
func (e *Engine) Addr(name string) net.Addr {
	if a := e.addresses.Load(); a != nil {
		return a.bound[name]
	}
	return nil
}

// Own adds a listener's address to those that no upstream may point at, such as the admin API's.
func (e *Engine) Own(addr net.Addr) {
	e.updateAddresses(func(a *addresses) { a.extra = append(a.extra[:len(a.extra):len(a.extra)], addr) })
}

// Owns reports whether a connection to addr would reach a listener of this engine, or one named by Own.
func (e *Engine) Owns(addr netip.AddrPort) bool {
	a := e.addresses.Load()
	if a == nil {
		return false
	}
	for _, bound := range a.bound {
		if reaches(addr, bound) {
			return true
		}
	}
	for _, bound := range a.extra {
		if reaches(addr, bound) {
			return true
		}
	}
	return false
}
