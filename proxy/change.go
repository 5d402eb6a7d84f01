package proxy

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// errShutDown refuses changes after Engine.Shutdown.
var errShutDown = errors.New("the proxies are shut down")

// Change is a prepared change of what an engine runs. Exactly one of Commit and Discard must be called, soon: no other
// change can be prepared meanwhile. The zero Change does nothing.
type Change struct {
	engine    *Engine
	keep      []kept
	start     []started
	leave     []left
	suspended []*running           // of leave: those whose sockets had to be closed to free their port
	wanted    map[string]*Settings // of all that is asked for, by name, those that do not run included
}

// kept is a proxy that goes on with its listener and connections.
type kept struct {
	*running
	listen   string
	settings *Settings
}

// started is a proxy that gets a new listener.
type started struct {
	*running
	settings *Settings
}

// left is a proxy that ends, or whose place another of the same name takes. Its settings are for the requests that come
// on its connections before they are closed.
type left struct {
	*running
	settings *Settings
	heir     *listener // to which its socket has been handed over; nil = none
}

// Prepare gets everything ready to run exactly these endpoints: it binds new listeners, and refuses what cannot be. A
// proxy whose name and address stay keeps its listener and connections; a disabled one has no listener. A port that the
// change itself frees can be taken: the socket is handed over when the address is the same; when it is not (":80" and
// "127.0.0.1:80") the old one is closed and the new one bound in its place. On an error nothing has changed.
func (e *Engine) Prepare(endpoints []Endpoint) (*Change, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, errShutDown
	}
	e.start()
	c := &Change{engine: e}
	err := c.sort(endpoints)
	if err == nil {
		err = c.bind()
	}
	if err == nil {
		return c, nil
	}
	if reopening := c.Discard(); reopening != nil {
		err = errors.Join(err, reopening)
	}
	return nil, err
}

// sort tells what stays, starts and leaves.
func (c *Change) sort(endpoints []Endpoint) error {
	wanted := make(map[string]*Settings, len(endpoints))
	c.wanted = wanted
	staying := make(map[string]bool)
	for _, endpoint := range endpoints {
		name := endpoint.Config.Name
		if name == "" || wanted[name] != nil {
			return document.Errorf("proxies["+name+"].name", "missing, or given twice")
		}
		settings, err := endpoint.compile()
		if err != nil {
			return err
		}
		wanted[name] = settings
		now := c.engine.running[name]
		if now == nil && !endpoint.Config.Enabled {
			continue
		}
		if err := c.engine.secure(settings, now.settings()); err != nil {
			return err
		}
		if !endpoint.Config.Enabled {
			continue
		}
		next := &running{listen: endpoint.Config.Listen, executor: executorName(&endpoint.Config), upstream: endpoint.Config.Upstream}
		if c.engine.Executors[next.executor] == nil {
			return document.Errorf("proxies["+name+"].engine", "%q is not available", next.executor)
		}
		if now != nil && now.same(next) {
			staying[name] = true
			c.keep = append(c.keep, kept{now, next.listen, settings})
			continue
		}
		next.proxy = &Proxy{Name: name, engine: c.engine}
		c.start = append(c.start, started{next, settings})
	}
	for name, r := range c.engine.running {
		if !staying[name] {
			c.leave = append(c.leave, left{running: r, settings: r.lastSettings(wanted[name])})
		}
	}
	return nil
}

// settings are those that hold; nil for a proxy that does not run.
func (r *running) settings() *Settings {
	if r == nil {
		return nil
	}
	return r.proxy.Settings()
}

func executorName(c *Config) string {
	if c.Protocol == TCP {
		return TCP
	}
	if c.Engine == "" {
		return DefaultEngine
	}
	return c.Engine
}

// same reports whether a running proxy can go on as what is asked for. Of TCP the connections lead to an upstream for as long
// as they last, so another upstream is another proxy.
func (r *running) same(next *running) bool {
	return r.executor == next.executor && (r.executor != TCP || r.upstream == next.upstream) && !r.listener.isClosed() &&
		(r.listen == next.listen || sameAddress(next.listen, r.listener.Addr()))
}

// lastSettings are those of its name in the change, or, when it is deleted and its rules with it, its own without faults.
func (r *running) lastSettings(wanted *Settings) *Settings {
	last := *r.proxy.Settings()
	last.Faults = &faults.Set{}
	if wanted != nil {
		last = *wanted
	}
	last.replaced = make(chan struct{})
	return &last
}

// bind gets a listener for every proxy that starts.
func (c *Change) bind() error {
	for i := range c.start {
		s := &c.start[i]
		ln, err := c.listen(s.proxy.Name, s.listen)
		if err != nil {
			return c.listenError(s.proxy.Name, s.listen, err)
		}
		s.listener = ln
	}
	return nil
}

// listen binds an address, at need with the help of those that leave. A proxy that asks for any free port, as it did before,
// keeps the one that it has.
func (c *Change) listen(name, address string) (*listener, error) {
	for i := range c.leave {
		l := &c.leave[i]
		own := l.proxy.Name == name && l.listen == address
		if l.heir == nil && (own || sameAddress(address, l.listener.Addr())) {
			if ln, err := l.listener.duplicate(); err == nil {
				l.heir = ln
				return ln, nil
			}
		}
	}
	ln, err := listen(address)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ln, err
	}
	freed := false
	for _, l := range c.leave {
		if l.heir == nil && samePort(address, l.listener.Addr()) && l.listener.suspend() {
			c.suspended = append(c.suspended, l.running)
			freed = true
		}
	}
	if !freed {
		return nil, err
	}
	return listen(address)
}

// Commit puts the change in force. It cannot fail and does not wait for traffic: requests that start after it returns
// see the new settings; exchanges of proxies that left finish in the background, for at most ten seconds.
func (c *Change) Commit() {
	if c.engine == nil {
		return
	}
	e := c.engine
	defer e.mu.Unlock()
	for _, k := range c.keep {
		k.running.listen = k.listen
		k.proxy.put(k.settings)
	}
	for _, l := range c.leave {
		l.proxy.put(l.settings)
		if l.heir != nil {
			l.listener.bequeath(l.heir)
		}
		l.listener.Close()
		delete(e.running, l.proxy.Name)
	}
	for _, s := range c.start {
		s.proxy.put(s.settings)
		s.proxy.tally = e.tallies.of(s.proxy.Name)
		if s.executor == TCP {
			s.proxy.Traffic = e.traffic.of(s.proxy.Name, s.listener.Addr(), s.upstream)
		}
		s.server = e.Executors[s.executor].Start(e.admit(s.listener, s.proxy, s.settings.Config.Protocol), s.proxy)
		e.running[s.proxy.Name] = s.running
	}
	e.publish()
	e.traffic.retain(c.wanted)
	e.tallies.retain(c.wanted)
	for _, l := range c.leave {
		e.draining.Go(func() { e.retire(l.running) })
	}
}

// Discard drops what was prepared and binds again what had to be closed for it. It fails if another program has taken
// such a port in between: that proxy then has no listener until the next change.
func (c *Change) Discard() error {
	if c.engine == nil {
		return nil
	}
	defer c.engine.mu.Unlock()
	for _, s := range c.start {
		if s.listener != nil {
			s.listener.Close()
		}
	}
	var failed error
	for _, r := range c.suspended {
		if err := r.listener.reopen(); err != nil {
			failed = errors.Join(failed, c.listenError(r.proxy.Name, r.listener.Addr().String(), err))
		}
	}
	return failed
}

// ListenError is a listener that could not be bound. It unwraps to a [document.Error] that names the field, and to the
// system's error.
type ListenError struct {
	Proxy, Listen string
	Holder        string // the proxy that has the port, if it is one of ours
	Err           error
}

// Error names the field, the address and the reason.
func (e *ListenError) Error() string { return e.refusal().Error() }

// Unwrap gives the refusal and its cause.
func (e *ListenError) Unwrap() []error { return []error{e.refusal(), e.Err} }

func (e *ListenError) refusal() *document.Error {
	field := "proxies[" + e.Proxy + "].listen"
	if errors.Is(e.Err, syscall.EADDRINUSE) {
		holder := "another program"
		if e.Holder != "" {
			holder = fmt.Sprintf("proxy %q", e.Holder)
		}
		return document.Errorf(field, "%s is already in use by %s", e.Listen, holder)
	}
	return document.Errorf(field, "cannot listen on %s: %v", e.Listen, e.Err)
}

// listenError says who has the port, if it is one of ours that does not leave.
func (c *Change) listenError(name, address string, err error) error {
	failed := &ListenError{Proxy: name, Listen: address, Err: err}
	for _, k := range c.keep {
		if samePort(address, k.listener.Addr()) {
			failed.Holder = k.proxy.Name
		}
	}
	for _, s := range c.start {
		if s.listener != nil && s.proxy.Name != name && samePort(address, s.listener.Addr()) {
			failed.Holder = s.proxy.Name
		}
	}
	return failed
}
