package metrics

import (
	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
)

// force is what can act, as metrics tell of it.
type force struct {
	rules  map[place]int
	active map[string]uint64 // hits that are under way, by kind
	kinds  map[string]map[string]bool
}

// place is where rules of a kind act.
type place struct{ proxy, kind string }

// rulesOf counts the rules of a state. One that is for several proxies is on each of them, and its hits are counted once.
func rulesOf(state *control.State) force {
	f := force{rules: map[place]int{}, active: map[string]uint64{}, kinds: map[string]map[string]bool{}}
	counted := map[*faults.Counter]bool{}
	for i := range state.Proxies {
		name := state.Proxies[i].Name
		f.kinds[name] = map[string]bool{}
		for _, rule := range state.InForce(&state.Proxies[i]) {
			f.rules[place{name, rule.Kind}]++
			f.kinds[name][rule.Kind] = true
			if !counted[rule.Counter] {
				counted[rule.Counter] = true
				f.active[rule.Kind] += rule.Counter.Status().Active
			}
		}
	}
	return f
}

// kindsOn are those that can act on a proxy.
func (f force) kindsOn(proxy string) map[string]bool { return f.kinds[proxy] }

// rules gives them.
func (o exposition) rules(f force) {
	for at, n := range f.rules {
		o.gauge(rules, float64(n), at.proxy, string(faults.LayerOf(at.kind)), at.kind)
	}
	for kind, n := range f.active {
		o.gauge(faultsActive, float64(n), kind)
	}
}
