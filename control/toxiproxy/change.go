package toxiproxy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// create adds a proxy of which there is none. It may name no unix socket, as nobody may through an API.
func create(s *control.State, w Wanted, at places, now time.Time) error {
	c, err := w.config(at)
	if err != nil {
		return err
	}
	if _, err := s.OfferProxy(c); err != nil {
		return err
	}
	return addToxics(s, w.Name, w.Toxics, now)
}

// config is the configuration of a proxy of which there is none.
func (w Wanted) config(at places) (proxy.Config, error) {
	c := proxy.Defaults()
	c.Name, c.Protocol, c.Enabled = w.Name, proxy.TCP, w.Enabled
	if err := setListen(&c, w.Listen, at); err != nil {
		return c, badListen(listenFailed(err))
	}
	setUpstream(&c, w.Upstream)
	return c, nil
}

// Native gives the proxy and its rules in squall's own words. It looks the names in the address up.
func (w Wanted) Native() (proxy.Config, []faults.Rule, error) {
	c, err := w.config(lookUp(context.Background(), w.Listen))
	var rules []faults.Rule
	for _, t := range w.Toxics {
		rules = append(rules, t.Rule(w.Name))
	}
	return c, rules, err
}

// listenFailed says an error as [net.Listen] does.
func listenFailed(err error) error { return errors.New("listen tcp: " + err.Error()) }

func addToxics(s *control.State, proxyName string, toxics []Toxic, now time.Time) error {
	for _, t := range toxics {
		if _, err := s.Rule(control.Address{Name: t.Name, Proxy: &proxyName}); err == nil {
			return ErrToxicExists
		}
		if _, err := s.AddRule(t.Rule(proxyName), now); err != nil {
			return err
		}
	}
	return nil
}

// setListen sets where a proxy listens: in words that need no looking up when it is bound, or as given while it is not, and
// where it is a unix socket.
func setListen(c *proxy.Config, listen string, at places) error {
	c.Listen = listen
	if asGiven := !c.Enabled || strings.HasPrefix(listen, "unix:"); asGiven && !isRefused(c, "listen") {
		return nil
	}
	c.Listen = at[listen].String()
	return at[listen].err
}

// setUpstream sets the upstream of a proxy whose address is set. Toxiproxy's API takes whatever it is.
func setUpstream(c *proxy.Config, upstream string) {
	c.Upstream, c.UpstreamUnchecked = upstream, false
	c.UpstreamUnchecked = isRefused(c, "upstream")
}

// isRefused reports that a field is the first one that is wrong with a proxy.
func isRefused(c *proxy.Config, field string) bool {
	var refusal *document.Error
	return errors.As(c.Validate(), &refusal) && refusal.Field == field
}

// changed gives a proxy as it is wanted. Who writes the same address in another way wants no other one; and a proxy that is
// disabled keeps the port that it had.
func (a *API) changed(c proxy.Config, w Wanted, at places) (proxy.Config, error) {
	now, bound := a.listenOf(c), a.bound(c)
	c.Enabled = w.Enabled
	listen, same := w.Listen, at.same(now, w.Listen)
	if same && c.Enabled {
		listen = now
	}
	switch {
	case same && bound != nil && c.Enabled: // it goes on where it is
	case same && bound != nil:
		c.Listen = now
	default:
		if err := setListen(&c, listen, at); err != nil {
			return c, badListen(err)
		}
	}
	if c.Upstream != w.Upstream {
		setUpstream(&c, w.Upstream)
	}
	return c, nil
}

// Populate makes proxies, in their order, as a whole; where one cannot be, those before it are made, and with them comes
// the error. A proxy that is there with the same address and upstream, in whatever words, keeps its connections, and its
// toxics unless the document has other ones; one that differs is made anew.
func (a *API) Populate(ctx context.Context, list []Wanted) (made []Proxy, failed error) {
	if len(list) > control.MaxProxies { // before so many addresses are looked up
		return nil, badBody(fmt.Errorf("at most %d proxies, got %d", control.MaxProxies, len(list)))
	}
	at := a.lookUpAll(ctx, list)
	for {
		after, err := a.Change(ctx, func(s *control.State) error { return a.putAll(s, list, at) })
		if err == nil {
			for _, w := range list {
				p, err := a.proxyIn(after, w.Name)
				if err != nil {
					return made, err
				}
				made = append(made, p)
			}
			return made, failed
		}
		failed = err
		i := slices.IndexFunc(list, func(w Wanted) bool { return w.Name == culprit(err) })
		if i <= 0 {
			return nil, failed
		}
		list = list[:i]
	}
}

// lookUpAll looks up the addresses of a list of proxies, and of those that are there.
func (a *API) lookUpAll(ctx context.Context, list []Wanted) places {
	var addresses []string
	for _, w := range list {
		addresses = append(addresses, w.Listen)
	}
	for _, c := range a.State().Proxies {
		if slices.ContainsFunc(list, func(w Wanted) bool { return w.Name == c.Name }) {
			addresses = append(addresses, a.listenOf(c))
		}
	}
	return lookUp(ctx, addresses...)
}

// ofProxy is an error about one of several proxies.
type ofProxy struct {
	name string
	error
}

func (e ofProxy) Unwrap() error { return e.error }

// culprit names the proxy that an error is about; "" = none of them.
func culprit(err error) string {
	var one ofProxy
	var busy *proxy.ListenError
	switch {
	case errors.As(err, &one):
		return one.name
	case errors.As(err, &busy):
		return busy.Proxy
	}
	return ""
}

func (a *API) putAll(s *control.State, list []Wanted, at places) error {
	now := time.Now()
	for _, w := range list {
		if err := a.put(s, w, at, now); err != nil {
			return ofProxy{w.Name, err}
		}
	}
	return nil
}

// put makes one proxy of a list.
func (a *API) put(s *control.State, w Wanted, at places, now time.Time) error {
	old, err := s.Proxy(w.Name)
	switch {
	case err != nil:
		return create(s, w, at, now)
	case old.Protocol != proxy.TCP:
		return ErrProxyExists
	case at[w.Listen].err != nil && w.Listen != a.listenOf(old):
		return badListen(at[w.Listen].err)
	case old.Upstream != w.Upstream || !at.same(a.listenOf(old), w.Listen):
		if err := s.RemoveProxy(w.Name); err != nil {
			return err
		}
		return create(s, w, at, now)
	}
	next, err := a.changed(old, w, at)
	if err != nil {
		return err
	}
	if _, err := s.OfferProxy(next); err != nil {
		return err
	}
	if w.Toxics == nil || sameToxics(toxicsOf(s, w.Name), w.Toxics) {
		return nil
	}
	s.RemoveRules(func(r *faults.Rule) bool {
		_, is := ToxicOf(r)
		return is && r.Proxy == w.Name
	})
	return addToxics(s, w.Name, w.Toxics, now)
}

// sameToxics reports whether two lists say the same, in whatever order of the directions.
func sameToxics(have, wanted []Toxic) bool {
	upstreamFirst := slices.Clone(wanted)
	slices.SortStableFunc(upstreamFirst, func(a, b Toxic) int { return direction(a) - direction(b) })
	return len(have) == len(wanted) && (len(have) == 0 || reflect.DeepEqual(have, upstreamFirst))
}

// direction sorts toxics as answers have them.
func direction(t Toxic) int {
	if streamOf(t.Stream) == faults.Upstream {
		return 0
	}
	return 1
}

// Reset enables all proxies and takes away every rule that acts on TCP, also those that are no toxics: after it, bytes pass.
// A proxy whose port is taken stays disabled, the rest is done all the same, and the first such error is given. Modes, and
// what acts on HTTP, stay.
func (a *API) Reset(ctx context.Context) error {
	at := a.lookUpDisabled(ctx)
	var failed error
	skip := make(map[string]bool)
	for {
		_, err := a.Change(ctx, func(s *control.State) error { return reset(s, at, skip) })
		name := culprit(err)
		if name == "" || skip[name] {
			return errors.Join(failed, err)
		}
		if skip[name] = true; failed == nil {
			failed = err
		}
	}
}

// lookUpDisabled looks up the addresses of the proxies that are disabled.
func (a *API) lookUpDisabled(ctx context.Context) places {
	var addresses []string
	for _, c := range a.State().Proxies {
		if c.Protocol == proxy.TCP && !c.Enabled {
			addresses = append(addresses, c.Listen)
		}
	}
	return lookUp(ctx, addresses...)
}

// reset enables the proxies that are not to be skipped, and takes the rules of TCP away.
func reset(s *control.State, at places, skip map[string]bool) error {
	for _, c := range slices.Clone(s.Proxies) {
		if c.Protocol != proxy.TCP || c.Enabled || skip[c.Name] {
			continue
		}
		c.Enabled = true
		if err := setListen(&c, c.Listen, at); err != nil {
			return ofProxy{c.Name, badListen(listenFailed(err))}
		}
		s.PutProxy(c)
	}
	s.RemoveRules(isTCP)
	return nil
}
