package control

import (
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/proxy"
)

// Acting is a rule that can act on a proxy.
type Acting struct {
	Kind    string
	Counter *faults.Counter // one of several proxies' where the rule is for all of them
}

// InForce lists the rules that can act on a proxy: the user's, those of its mode, and those for its callers. A rule that is
// disabled, or whose percentage is 0, cannot.
func (s *State) InForce(c *proxy.Config) []Acting {
	var all []Acting
	for _, e := range s.entries(c) {
		if e.Rule.Enabled && e.Rule.Percent > 0 {
			all = append(all, Acting{e.Rule.Kind, e.Counter})
		}
	}
	if asked := s.caller(*c); asked != nil && asked.Caller.Percent > 0 {
		for _, kind := range asked.Caller.Kinds {
			all = append(all, Acting{kind, asked.Counters.Of("caller/" + kind)})
		}
	}
	return all
}
