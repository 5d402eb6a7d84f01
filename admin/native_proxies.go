package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// proxiesView is the answer to GET /admin/proxies.
type proxiesView struct {
	Proxies  []proxy.Config `json:"proxies"`
	Revision uint64         `json:"revision"`
}

// getProxies answers GET /admin/proxies.
func (d *desk) getProxies(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	s := d.Controller.State()
	v := proxiesView{Proxies: make([]proxy.Config, len(s.Proxies)), Revision: s.Revision}
	for i, c := range s.Proxies {
		v.Proxies[i] = d.withPresent(c)
	}
	return answer{body: v, revision: &s.Revision}, nil
}

// getProxy answers GET /admin/proxies/{name}.
func (d *desk) getProxy(r *http.Request) (answer, error) {
	if _, err := readParams(r); err != nil {
		return answer{}, err
	}
	s := d.Controller.State()
	return d.proxyAnswer(http.StatusOK, s, pathName(r), &s.Revision)
}

// proxyAnswer describes a proxy.
func (d *desk) proxyAnswer(status int, s *control.State, name string, revision *uint64) (answer, error) {
	c, err := s.Proxy(name)
	if err != nil {
		return answer{}, err
	}
	return answer{status: status, body: d.withPresent(c), revision: revision}, nil
}

// withPresent adds to a proxy how it is: where it can be reached, if it runs, and whether it could accept all clients.
func (d *desk) withPresent(c proxy.Config) proxy.Config {
	c.URL, c.Bound, c.AcceptFailures = "", "", nil
	if d.AcceptFailures != nil {
		c.AcceptFailures = d.AcceptFailures(c.Name)
	}
	if d.Addr == nil {
		return c
	}
	if bound := d.Addr(c.Name); bound != nil {
		c.Bound = proxy.AddressText(bound)
		c.URL = c.At(reachable(c.Bound))
	}
	return c
}

// reachable is an address of this machine under which a listener can be reached: one that listens on all of them is
// reached on loopback.
func reachable(bound string) string {
	at, err := netip.ParseAddrPort(bound)
	if err != nil || !at.Addr().IsUnspecified() {
		return bound
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(at.Port()))
}

// putProxy answers PUT /admin/proxies/{name}.
func (d *desk) putProxy(r *http.Request) (answer, error) {
	p, err := readParams(r, "dry_run")
	if err != nil {
		return answer{}, err
	}
	var c proxy.Config
	sent, err := decode(r, &c)
	if err != nil {
		return answer{}, err
	}
	name := pathName(r)
	if c.Name != "" && c.Name != name {
		return answer{}, document.Locate(sent, document.Errorf("name", "the path says %q, the document %q", name, c.Name))
	}
	c.Name = name
	status := http.StatusOK
	after, revision, err := d.change(r, p, func(s *control.State) error {
		created, err := s.OfferProxy(c)
		if created {
			status = http.StatusCreated
		}
		return err
	})
	if err != nil {
		return answer{}, within(sent, "proxies", err)
	}
	return d.proxyAnswer(status, after, name, revision)
}

// patchProxy answers PATCH /admin/proxies/{name}: the document is merged into the proxy's (RFC 7396), so null gives a
// field its default.
func (d *desk) patchProxy(r *http.Request) (answer, error) {
	p, err := readParams(r, "dry_run")
	if err != nil {
		return answer{}, err
	}
	patch, err := readDocument(r)
	if err != nil {
		return answer{}, err
	}
	name := pathName(r)
	after, revision, err := d.change(r, p, func(s *control.State) error { return s.PatchProxy(name, patch) })
	if err != nil {
		return answer{}, within(patch, "proxies", err)
	}
	return d.proxyAnswer(http.StatusOK, after, name, revision)
}

// deleteProxy answers DELETE /admin/proxies/{name}: the proxy goes, and its rules with it.
func (d *desk) deleteProxy(r *http.Request) (answer, error) {
	p, err := readParams(r, "dry_run")
	if err != nil {
		return answer{}, err
	}
	name := pathName(r)
	_, revision, err := d.change(r, p, func(s *control.State) error { return s.RemoveProxy(name) })
	return answer{status: http.StatusNoContent, revision: revision}, err
}
