package control

import (
	"fmt"
	"slices"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// Rule is a rule in the state, with what keeps it there.
type Rule struct {
	faults.Rule
	Counter *faults.Counter
	Since   time.Time // when it was set, for its ramp; zero = its counter was started anew since, see [faults.Entry]
	Hold    Hold
	BackTo  *Rule // of a timed rule: what the last untimed change gave; nil = no rule
}

// steps are a rule and, if it is timed over another, the one that it goes back to.
func (r Rule) steps() []Rule {
	if r.BackTo == nil {
		return []Rule{r}
	}
	return []Rule{r, *r.BackTo}
}

// newRule puts a rule in force, with counters at zero.
func (s *State) newRule(r faults.Rule, now time.Time) (Rule, error) {
	hold, err := s.holdFor(r.TTL, r.Lease, now)
	return Rule{Rule: r, Counter: faults.NewCounter(), Since: now, Hold: hold}, err
}

// SetRules replaces the whole list. Rules without a name are given one.
func (s *State) SetRules(rules []faults.Rule, owner string, hold Hold, now time.Time) error {
	list := make([]Rule, 0, len(rules))
	for i, r := range rules {
		if r.Owner == "" {
			r.Owner = owner
		}
		next, err := s.newRule(r, now)
		if err != nil {
			return document.At(at(err, i), "rules")
		}
		list = append(list, next)
	}
	nameAll(list)
	switch {
	case !hold.Timed():
		s.TimedRules = nil
	case s.TimedRules == nil:
		s.TimedRules = &TimedRules{Owner: owner, Hold: hold, BackTo: s.Rules}
	default:
		s.TimedRules = &TimedRules{Owner: owner, Hold: hold, BackTo: s.TimedRules.BackTo}
	}
	s.Rules = list
	return nil
}

// AddRule adds a rule at the end, naming it if need be, and gives its name.
func (s *State) AddRule(r faults.Rule, now time.Time) (name string, err error) {
	if r.Name == "" {
		taken := names{}
		for _, name := range s.ruleNames() {
			taken[name] = 0
		}
		r.Name = taken.free(r.Kind)
	}
	next, err := s.newRule(r, now)
	if err != nil {
		return "", err
	}
	if err := s.refuseTaken("name", next.key()); err != nil {
		return "", err
	}
	s.set(next.key(), next, "")
	return r.Name, nil
}

// PutRule replaces the rule at an address, which keeps its place and starts counting anew, or adds a new one at the
// end or before the first of that name.
func (s *State) PutRule(at Address, r faults.Rule, before string, now time.Time) (created bool, err error) {
	if r.Name != "" && r.Name != at.Name {
		return false, document.Errorf("name", "the path says %q, the document %q", at.Name, r.Name)
	}
	r.Name = at.Name
	if at.Proxy != nil && r.Proxy == "" && *at.Proxy != AnyProxy {
		r.Proxy = *at.Proxy
	}
	next, err := s.newRule(r, now)
	if err != nil {
		return false, err
	}
	i, err := s.find(at)
	switch codeOf(err) {
	case "":
		return false, s.replace(s.Rules[i].key(), next)
	case NotFound:
		return true, s.insert(at, next, before)
	}
	return false, err
}

// insert adds a rule of which there is none at its address.
func (s *State) insert(at Address, next Rule, before string) error {
	if at.Proxy != nil && !next.isOf(*at.Proxy) {
		return document.Errorf("proxy", "there is no rule to move: the address says %q, the document %q", *at.Proxy, next.Proxy)
	}
	if before != "" && !slices.Contains(s.ruleNames(), before) {
		return &Error{
			Code: NotFound, Field: "before", Reason: fmt.Sprintf("no rule is named %q", before), Err: suggestion(before, s.ruleNames()),
		}
	}
	s.set(next.key(), next, before)
	return nil
}

// PatchRule merges a document into the rule at an address (RFC 7396). Its counters go on; so do its time to live, its
// lease and its ramp, each unless the patch names it.
func (s *State) PatchRule(at Address, patch *document.Node, now time.Time) error {
	i, err := s.find(at)
	if err != nil {
		return err
	}
	for _, m := range patch.Members {
		if checkKind(m.Name) == nil {
			return document.Errorf(m.Name, `a PATCH takes the long form, as in {"attributes": {…}}`)
		}
	}
	old := s.Rules[i]
	next := old
	if err := merge(old.Rule, patch, &next.Rule); err != nil {
		return err
	}
	if next.Name != old.Name {
		return document.Errorf("name", "a rule cannot be renamed: delete it and make a new one")
	}
	if patch.Get("ramp") != nil {
		next.Since = now
	}
	if patch.Get("ttl") != nil {
		next.Hold = ttlHold(next.TTL, now)
		next.Hold.Lease = old.Hold.Lease
	}
	if patch.Get("lease") != nil {
		if next.Hold.Lease, err = s.lease(next.Rule.Lease, now); err != nil {
			return err
		}
	}
	return s.replace(old.key(), next)
}

// EditRule puts a rule in the place of the one at an address, as PatchRule does without a time of its own: its counters, its
// time to live, its lease and its ramp go on.
func (s *State) EditRule(at Address, r faults.Rule) error {
	i, err := s.find(at)
	if err != nil {
		return err
	}
	next := s.Rules[i]
	next.Rule = r
	return s.replace(s.Rules[i].key(), next)
}

// replace puts a rule in the place of another, which it may move to another proxy.
func (s *State) replace(old ruleKey, next Rule) error {
	if next.key() != old {
		if err := s.refuseTaken("proxy", next.key()); err != nil {
			return err
		}
	}
	s.set(old, next, "")
	return nil
}

// set puts a rule in force under another's key, or its own. While the list of rules is timed the change is made in the
// list that comes back, too, so that it outlives the timed one.
func (s *State) set(key ruleKey, next Rule, before string) {
	for _, list := range s.lists() {
		*list = setRule(*list, key, next, before)
	}
}

// RemoveRule takes the rule at an address away, also from a list that comes back.
func (s *State) RemoveRule(at Address) error {
	i, err := s.find(at)
	if err != nil {
		return err
	}
	key := s.Rules[i].key()
	for _, list := range s.lists() {
		*list = slices.DeleteFunc(*list, func(r Rule) bool { return r.key() == key })
	}
	return nil
}

// RemoveRules takes rules away, also from a list that comes back, and where they come back by themselves.
func (s *State) RemoveRules(leaves func(*faults.Rule) bool) {
	for _, list := range s.lists() {
		*list = slices.DeleteFunc(*list, func(r Rule) bool { return leaves(&r.Rule) })
		for i := range *list {
			if r := &(*list)[i]; r.BackTo != nil && leaves(&r.BackTo.Rule) {
				r.BackTo = nil
			}
		}
	}
}

// RearmRule starts the counters of the rule at an address anew.
func (s *State) RearmRule(at Address) error {
	i, err := s.find(at)
	if err != nil {
		return err
	}
	old, anew := s.Rules[i].Counter, faults.NewCounter()
	for _, list := range s.lists() {
		for i := range *list {
			if r := &(*list)[i]; r.Counter == old {
				r.Counter, r.Since = anew, time.Time{}
			}
		}
	}
	return nil
}

// validateRules checks each rule of a list with what it goes back to, and the list as a whole.
func (s *State) validateRules(list []Rule) error {
	if len(list) > MaxRules {
		return document.Errorf("", "at most %d, got %d", MaxRules, len(list))
	}
	seen := make(map[ruleKey]bool)
	for i, r := range list {
		for _, step := range r.steps() {
			if err := s.validateRule(&step); err != nil {
				return at(err, i)
			}
		}
		if seen[r.key()] {
			return at(document.Errorf("name", "a rule named %q stands before it", r.Name), i)
		}
		seen[r.key()] = true
	}
	return nil
}

func (s *State) validateRule(r *Rule) error {
	if err := r.Validate(); err != nil {
		return err
	}
	switch {
	case r.Name == "":
		return document.Errorf("name", "missing")
	case r.Proxy != "":
		return document.At(s.checkProxyOf(r), "proxy")
	}
	return nil
}

// canAct reports whether a kind of fault is one of a proxy's protocol.
func canAct(kind string, c *proxy.Config) bool {
	return (faults.LayerOf(kind) == faults.TCP) == (c.Protocol == proxy.TCP)
}

// checkProxyOf refuses a rule for a proxy that does not exist, or that it could never hit.
func (s *State) checkProxyOf(r *Rule) error {
	if err := s.checkProxy(r.Proxy); err != nil {
		return err
	}
	c := &s.Proxies[s.proxyIndex(r.Proxy)]
	if !canAct(r.Kind, c) {
		return document.Errorf("", "%q is a proxy of protocol %s, and %s is a fault of %s", r.Proxy, c.Protocol, r.Kind, faults.LayerOf(r.Kind))
	}
	if r.Phase == faults.Handshake && c.TLS == nil {
		return document.Errorf("", "%q has no TLS handshake: it wants tls for that, see its settings", r.Proxy)
	}
	return nil
}
