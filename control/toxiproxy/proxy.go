package toxiproxy

import (
	"encoding/json"
	"fmt"
	"net"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// Proxy is a proxy as answers have it, in this order. Toxiproxy's own answers have an empty object "Logger" besides, which
// no client reads.
type Proxy struct {
	Name     string  `json:"name"`
	Listen   string  `json:"listen"`
	Upstream string  `json:"upstream"`
	Enabled  bool    `json:"enabled"`
	Toxics   []Toxic `json:"toxics"`
}

// Wanted is a proxy that is asked for.
type Wanted struct {
	Name, Listen, Upstream string
	Enabled                bool
	Toxics                 []Toxic // nil = the document does not say
}

// proxyDocument is a proxy in a request. Toxics are read where they count, in readToxics.
type proxyDocument struct {
	Name     string          `json:"name"`
	Listen   string          `json:"listen"`
	Upstream string          `json:"upstream"`
	Enabled  bool            `json:"enabled"`
	Toxics   json.RawMessage `json:"toxics"`
}

// ReadProxy reads the document of a proxy that is to be made. Unlike with Toxiproxy its toxics count.
func ReadProxy(body []byte) (Wanted, error) {
	type Proxy proxyDocument // named in errors
	read := Proxy{Enabled: true}
	if err := decode(body, &read); err != nil {
		return Wanted{}, err
	}
	return proxyDocument(read).check("")
}

// ReadProxies reads a list of proxies, as POST /populate takes it and as Toxiproxy's configuration files are.
func ReadProxies(body []byte) ([]Wanted, error) {
	type Proxy proxyDocument // named in errors
	var read []struct {
		Proxy
		Enabled *bool `json:"enabled"` // so that null is the default, also in a list
	}
	if err := decode(body, &read); err != nil {
		return nil, err
	}
	var list []Wanted
	for i, one := range read {
		one.Proxy.Enabled = one.Enabled == nil || *one.Enabled
		wanted, err := proxyDocument(one.Proxy).check(fmt.Sprintf(" at proxy %d", i+1))
		if err != nil {
			return nil, err
		}
		list = append(list, wanted)
	}
	return list, nil
}

// check refuses a document that cannot be a proxy. at is its place in a list, for the reason.
func (d proxyDocument) check(at string) (Wanted, error) {
	w := Wanted{Name: d.Name, Listen: d.Listen, Upstream: d.Upstream, Enabled: d.Enabled}
	switch {
	case d.Name == "":
		return w, missing("name" + at)
	case d.Upstream == "":
		return w, missing("upstream" + at)
	}
	if err := faults.CheckName(d.Name); err != nil {
		return w, badName("name"+at, err)
	}
	if d.Name == control.AnyProxy {
		return w, badName("name"+at, fmt.Errorf("%q stands for all proxies", d.Name))
	}
	toxics, err := readToxics(d.Toxics)
	w.Toxics = toxics
	return w, err
}

// readToxics reads the toxics of a proxy's document.
func readToxics(raw json.RawMessage) ([]Toxic, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var bodies []json.RawMessage
	if err := decode(raw, &bodies); err != nil {
		return nil, err
	}
	toxics := make([]Toxic, 0, len(bodies))
	seen := make(map[string]bool)
	for _, body := range bodies {
		t, err := readToxic(body)
		if err != nil {
			return nil, err
		}
		if seen[t.Name] {
			return nil, ErrToxicExists
		}
		seen[t.Name] = true
		if err := t.readAttributes(body); err != nil {
			return nil, err
		}
		toxics = append(toxics, t)
	}
	return toxics, nil
}

// update gives the proxy as a document wants it, of which name and toxics do not count: clients send a proxy back whole when
// they change one thing.
func (p Proxy) update(body []byte) (Wanted, error) {
	type Proxy struct { // named in errors
		Name     string `json:"name"`
		Listen   string `json:"listen"`
		Upstream string `json:"upstream"`
		Enabled  bool   `json:"enabled"`
	}
	read := Proxy{Listen: p.Listen, Upstream: p.Upstream, Enabled: p.Enabled}
	err := decode(body, &read)
	return Wanted{Name: p.Name, Listen: read.Listen, Upstream: read.Upstream, Enabled: read.Enabled}, err
}

// find gives a proxy of protocol tcp; those of HTTP are none here.
func find(s *control.State, name string) (proxy.Config, error) {
	c, err := s.Proxy(name)
	if err != nil || c.Protocol != proxy.TCP {
		return proxy.Config{}, ErrProxyNotFound
	}
	return c, nil
}

// view describes a proxy of a state.
func (a *API) view(s *control.State, c proxy.Config) Proxy {
	return Proxy{Name: c.Name, Listen: a.listenOf(c), Upstream: c.Upstream, Enabled: c.Enabled, Toxics: toxicsOf(s, c.Name)}
}

// listenOf is where a proxy listens, or will once it is enabled.
func (a *API) listenOf(c proxy.Config) string {
	if bound := a.bound(c); bound != nil {
		return proxy.AddressText(bound)
	}
	return c.Listen
}

// bound is the address that a proxy has; nil = none.
func (a *API) bound(c proxy.Config) net.Addr {
	if !c.Enabled || a.Addr == nil {
		return nil
	}
	return a.Addr(c.Name)
}

// toxicsOf lists the toxics of a proxy: those upstream first, each direction in its order.
func toxicsOf(s *control.State, name string) []Toxic {
	toxics := []Toxic{}
	for _, stream := range []faults.Stream{faults.Upstream, faults.Downstream} {
		for i := range s.Rules {
			r := &s.Rules[i].Rule
			if r.Proxy != name || r.Stream != stream {
				continue
			}
			if t, ok := ToxicOf(r); ok {
				toxics = append(toxics, t)
			}
		}
	}
	return toxics
}
