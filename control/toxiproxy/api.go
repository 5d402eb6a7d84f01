package toxiproxy

import (
	"context"
	"net"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// API carries Toxiproxy's verbs out. Each makes one change, which happens as a whole or not at all; Populate and Reset say
// what they do when a part cannot be. None waits for traffic.
type API struct {
	// State gives the state in force; it is Controller.State.
	State func() *control.State
	// Change is Controller.Change, on the terms of whoever asks.
	Change func(ctx context.Context, mutate func(*control.State) error) (*control.State, error)
	// Addr gives the bound address of a running proxy, nil for one that does not run. May be nil: then none runs.
	Addr func(proxyName string) net.Addr
}

// Proxies gives all proxies by name.
func (a *API) Proxies() map[string]Proxy {
	s := a.State()
	all := make(map[string]Proxy)
	for _, c := range s.Proxies {
		if c.Protocol == proxy.TCP {
			all[c.Name] = a.view(s, c)
		}
	}
	return all
}

// Proxy gives a proxy.
func (a *API) Proxy(name string) (Proxy, error) { return a.proxyIn(a.State(), name) }

func (a *API) proxyIn(s *control.State, name string) (Proxy, error) {
	c, err := find(s, name)
	if err != nil {
		return Proxy{}, err
	}
	return a.view(s, c), nil
}

// Create makes a proxy, with its toxics.
func (a *API) Create(ctx context.Context, w Wanted) (Proxy, error) {
	at := lookUp(ctx, w.Listen)
	after, err := a.Change(ctx, func(s *control.State) error {
		if _, err := s.Proxy(w.Name); err == nil {
			return ErrProxyExists
		}
		return create(s, w, at, time.Now())
	})
	if err != nil {
		return Proxy{}, err
	}
	return a.proxyIn(after, w.Name)
}

// Update changes what a document names of a proxy. Toxics stay. Another address or upstream drops the connections.
func (a *API) Update(ctx context.Context, name string, body []byte) (Proxy, error) {
	now, err := a.Proxy(name)
	if err != nil {
		return Proxy{}, err
	}
	w, err := now.update(body)
	if err != nil {
		return Proxy{}, err
	}
	at := lookUp(ctx, now.Listen, w.Listen)
	if err := at[w.Listen].err; err != nil && w.Listen != now.Listen {
		return Proxy{}, badListen(err)
	}
	after, err := a.Change(ctx, func(s *control.State) error {
		c, err := find(s, name)
		if err != nil {
			return err
		}
		if c, err = a.changed(c, w, at); err != nil {
			return err
		}
		_, err = s.OfferProxy(c)
		return err
	})
	if err != nil {
		return Proxy{}, err
	}
	return a.proxyIn(after, name)
}

// Delete takes a proxy away, with its rules.
func (a *API) Delete(ctx context.Context, name string) error {
	_, err := a.Change(ctx, func(s *control.State) error {
		if _, err := find(s, name); err != nil {
			return err
		}
		return s.RemoveProxy(name)
	})
	return err
}

// Toxics lists the toxics of a proxy.
func (a *API) Toxics(proxyName string) ([]Toxic, error) {
	p, err := a.Proxy(proxyName)
	return p.Toxics, err
}

// Toxic gives a toxic.
func (a *API) Toxic(proxyName, name string) (Toxic, error) {
	return toxicIn(a.State(), proxyName, name)
}

func toxicIn(s *control.State, proxyName, name string) (Toxic, error) {
	if _, err := find(s, proxyName); err != nil {
		return Toxic{}, err
	}
	r, err := s.Rule(control.Address{Name: name, Proxy: &proxyName})
	if err != nil {
		return Toxic{}, ErrToxicNotFound
	}
	t, ok := ToxicOf(&r.Rule)
	if !ok {
		return Toxic{}, ErrToxicNotFound
	}
	return t, nil
}

// CreateToxic makes the toxic that a document describes. A rule of its name that is no toxic is in its way, too.
func (a *API) CreateToxic(ctx context.Context, proxyName string, body []byte) (Toxic, error) {
	if _, err := a.Proxy(proxyName); err != nil {
		return Toxic{}, err
	}
	t, err := readToxic(body)
	if err != nil {
		return Toxic{}, err
	}
	_, err = a.Change(ctx, func(s *control.State) error {
		if _, err := find(s, proxyName); err != nil {
			return err
		}
		if _, err := s.Rule(control.Address{Name: t.Name, Proxy: &proxyName}); err == nil {
			return ErrToxicExists
		}
		if err := t.readAttributes(body); err != nil {
			return err
		}
		_, err := s.AddRule(t.Rule(proxyName), time.Now())
		return err
	})
	return t, err
}

// UpdateToxic changes what a document names of a toxic. Its draws and counters go on.
func (a *API) UpdateToxic(ctx context.Context, proxyName, name string, body []byte) (Toxic, error) {
	var t Toxic
	_, err := a.Change(ctx, func(s *control.State) (err error) {
		if t, err = toxicIn(s, proxyName, name); err != nil {
			return err
		}
		if t, err = t.update(body); err != nil {
			return err
		}
		return editToxic(s, proxyName, t)
	})
	return t, err
}

// editToxic puts a toxic in the place of the one of its name, for as long as that one lasts and for its owner.
func editToxic(s *control.State, proxyName string, t Toxic) error {
	at := control.Address{Name: t.Name, Proxy: &proxyName}
	old, err := s.Rule(at)
	if err != nil {
		return err
	}
	next := t.Rule(proxyName)
	next.TTL, next.Lease, next.Owner = old.TTL, old.Lease, old.Owner
	return s.EditRule(at, next)
}

// DeleteToxic takes a toxic away.
func (a *API) DeleteToxic(ctx context.Context, proxyName, name string) error {
	_, err := a.Change(ctx, func(s *control.State) error {
		if _, err := toxicIn(s, proxyName, name); err != nil {
			return err
		}
		return s.RemoveRule(control.Address{Name: name, Proxy: &proxyName})
	})
	return err
}

// isTCP reports that a rule acts on TCP connections.
func isTCP(r *faults.Rule) bool { return faults.LayerOf(r.Kind) == faults.TCP }
