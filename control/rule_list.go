package control

import (
	"fmt"
	"slices"
)

// AnyProxy stands, where a rule is addressed, for the one without a proxy.
const AnyProxy = "*"

// Address names a rule: by its name, and where several proxies have one of that name by the proxy too.
type Address struct {
	Name  string
	Proxy *string // nil = not given
}

// ruleKey names a rule: a name is unique per proxy.
type ruleKey struct{ proxy, name string }

func (r *Rule) key() ruleKey { return ruleKey{r.Proxy, r.Name} }

// Address names the rule without ambiguity.
func (r *Rule) Address() Address {
	proxyName := r.proxyOrAny()
	return Address{Name: r.Name, Proxy: &proxyName}
}

func (r *Rule) isOf(proxyName string) bool { return r.proxyOrAny() == proxyName }

func (r *Rule) proxyOrAny() string {
	if r.Proxy == "" {
		return AnyProxy
	}
	return r.Proxy
}

// base is what the last untimed change gave; nil = no rule.
func (r Rule) base() *Rule {
	if r.Hold.Timed() {
		return r.BackTo
	}
	return &r
}

// lists are those in which a change of a single rule is made: the rules in force and, while they are timed as a whole,
// those that come back.
func (s *State) lists() []*[]Rule {
	if s.TimedRules == nil {
		return []*[]Rule{&s.Rules}
	}
	return []*[]Rule{&s.Rules, &s.TimedRules.BackTo}
}

func indexOf(list []Rule, key ruleKey) int {
	return slices.IndexFunc(list, func(r Rule) bool { return r.key() == key })
}

// setRule puts a rule in the place of the one that has key or its own key; else at the end, or before the first of a
// name. If the rule is timed it remembers what it stands in front of.
func setRule(list []Rule, key ruleKey, next Rule, before string) []Rule {
	i := indexOf(list, key)
	if i < 0 {
		i = indexOf(list, next.key())
	}
	next.BackTo = nil
	if i < 0 {
		place := slices.IndexFunc(list, func(r Rule) bool { return r.Name == before })
		if place < 0 {
			place = len(list)
		}
		return slices.Insert(list, place, next)
	}
	if next.Hold.Timed() {
		next.BackTo = list[i].base()
	}
	list[i] = next
	return slices.DeleteFunc(list, func(r Rule) bool { return r.key() == next.key() && r.Counter != next.Counter })
}

// find gives the place of the rule at an address; an ambiguous one is a conflict that lists the candidates.
func (s *State) find(at Address) (int, error) {
	found := -1
	var candidates []string
	for i, r := range s.Rules {
		if r.Name != at.Name || at.Proxy != nil && !r.isOf(*at.Proxy) {
			continue
		}
		found = i
		candidates = append(candidates, r.Name+"?proxy="+r.proxyOrAny())
	}
	switch len(candidates) {
	case 0:
		return 0, noRule(at.Name, s.ruleNames())
	case 1:
		return found, nil
	}
	return 0, ambiguous(at.Name, candidates)
}

func ambiguous(name string, candidates []string) error {
	return &Error{
		Code: Conflict, Field: "proxy", Candidates: candidates,
		Reason: fmt.Sprintf("several rules are named %q: say which with ?proxy=", name),
	}
}

func noRule(name string, known []string) error {
	return &Error{Code: NotFound, Field: "rule", Reason: fmt.Sprintf("no rule is named %q", name), Err: suggestion(name, known)}
}

// Rule finds the rule at an address.
func (s *State) Rule(at Address) (Rule, error) {
	i, err := s.find(at)
	if err != nil {
		return Rule{}, err
	}
	return s.Rules[i], nil
}

// refuseTaken refuses, at a field, a key that another rule has.
func (s *State) refuseTaken(field string, key ruleKey) error {
	i := indexOf(s.Rules, key)
	if i < 0 {
		return nil
	}
	return &Error{
		Code: Conflict, Field: field,
		Reason: fmt.Sprintf("a rule named %q is there already, with proxy %q", key.name, s.Rules[i].proxyOrAny()),
	}
}

func (s *State) ruleNames() []string {
	names := make([]string, len(s.Rules))
	for i, r := range s.Rules {
		names[i] = r.Name
	}
	return names
}

// nameAll names the nameless after their kind: abort-1, abort-2.
func nameAll(list []Rule) {
	n := names{}
	for _, r := range list {
		n[r.Name] = 0
	}
	for i := range list {
		if list[i].Name == "" {
			list[i].Name = n.free(list[i].Kind)
		}
	}
}

// names holds the names that are taken, and for each kind the last number that was given out.
type names map[string]int

// free takes the first of kind-1, kind-2 … that is not taken.
func (n names) free(kind string) string {
	for {
		// A user's rule may be named like a kind: no harm, the number only says where to go on.
		n[kind]++
		name := fmt.Sprintf("%s-%d", kind, n[kind])
		if _, taken := n[name]; !taken {
			n[name] = 0
			return name
		}
	}
}
