package control

import (
	"fmt"
	"maps"
	"slices"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// modeRun is a mode in force on one proxy. Its rules and their counters last from the moment the mode was set to the
// moment another takes its place.
type modeRun struct {
	mode  string
	rules []Rule
}

// settle brings the runs of modes in line with the rest: a proxy whose mode is another one now, or was set anew, gets
// rules that start counting from zero. Setting a mode anew deletes its run. What callers ask a proxy for counts for as long
// as they may.
func (s *State) settle() {
	profiles := s.profiles()
	maps.DeleteFunc(s.runs, func(name string, _ modeRun) bool { return s.proxyIndex(name) < 0 })
	maps.DeleteFunc(s.callers, func(name string, _ *faults.CallerCounters) bool {
		i := s.proxyIndex(name)
		return i < 0 || s.Proxies[i].CallerFaults == nil
	})
	for _, p := range s.Proxies {
		if p.CallerFaults != nil && s.callers[p.Name] == nil {
			s.callers[p.Name] = faults.NewCallerCounters()
		}
		mode := s.ModeOf(p.Name)
		if run, running := s.runs[p.Name]; running && run.mode == mode {
			continue
		}
		run := modeRun{mode: mode}
		for _, r := range profiles[mode].rules(mode, &p) {
			run.rules = append(run.rules, Rule{Rule: r, Counter: faults.NewCounter()})
		}
		s.runs[p.Name] = run
	}
}

// counter finds the counter of the rule at an address, which may be one of a mode in force, such as mode/failure, or one
// for callers, such as caller/delay. Each proxy has its own of these.
func (s *State) counter(at Address) (*faults.Counter, error) {
	i, err := s.find(at)
	if codeOf(err) != NotFound {
		if err != nil {
			return nil, err
		}
		return s.Rules[i].Counter, nil
	}
	var found *faults.Counter
	var candidates []string
	known := s.ruleNames()
	for _, proxyName := range sortedKeys(s.runs) {
		for _, r := range s.runs[proxyName].rules {
			known = append(known, r.Name)
			if r.Name == at.Name && (at.Proxy == nil || *at.Proxy == proxyName) {
				found = r.Counter
				candidates = append(candidates, r.Name+"?proxy="+proxyName)
			}
		}
	}
	for _, proxyName := range sortedKeys(s.callers) {
		counter := s.callers[proxyName].Of(at.Name)
		if counter != nil && (at.Proxy == nil || *at.Proxy == proxyName) {
			found = counter
			candidates = append(candidates, at.Name+"?proxy="+proxyName)
		}
	}
	switch len(candidates) {
	case 0:
		return nil, noRule(at.Name, known)
	case 1:
		return found, nil
	}
	return nil, ambiguous(at.Name, candidates)
}

// endpoints compiles a settled state into what the engine runs. protect adds to the paths that no fault touches; replies are
// what its rules remember.
func (s *State) endpoints(protect []string, replies *faults.Replies) ([]proxy.Endpoint, error) {
	endpoints := make([]proxy.Endpoint, 0, len(s.Proxies))
	for i, p := range s.Proxies {
		set, err := faults.Compile(faults.Config{
			Seed: s.Seed, Entries: s.entries(&p), Protect: slices.Concat(p.Protect, protect), Caller: s.caller(p),
			Replies: replies,
		})
		if err != nil {
			return nil, document.At(at(fmt.Errorf("proxy %q: %w", p.Name, err), i), "proxies")
		}
		endpoints = append(endpoints, proxy.Endpoint{Config: p, Faults: set})
	}
	return endpoints, nil
}

// caller is what callers may ask a proxy for: nothing while the stop lever is pulled, as each request would add a fault.
func (s *State) caller(p proxy.Config) *faults.CallerEntry {
	if p.CallerFaults == nil || s.Halted {
		return nil
	}
	return &faults.CallerEntry{Caller: *p.CallerFaults, Proxy: p.Name, Counters: s.callers[p.Name]}
}

// entries lists the rules in force on a proxy: the user's, then its mode's. Each falls silent at the very end of its
// time, however late it is taken away.
func (s *State) entries(c *proxy.Config) []faults.Entry {
	var entries []faults.Entry
	for _, r := range s.Rules {
		if r.Proxy == "" && canAct(r.Kind, c) || r.Proxy == c.Name {
			entries = append(entries, r.entry(s.holdsOf(r)...))
		}
	}
	own := s.Modes[c.Name]
	holds := []Hold{own.Hold}
	if own.Name == "" {
		holds = append(holds, s.Mode.Hold)
	}
	for _, r := range s.runs[c.Name].rules {
		entries = append(entries, r.entry(holds...))
	}
	return entries
}

// entry compiles a rule that each of the holds can end.
func (r Rule) entry(holds ...Hold) faults.Entry {
	e := faults.Entry{Rule: r.Rule, Counter: r.Counter, Since: r.Since}
	for _, h := range holds {
		if !h.Until.IsZero() && (e.Expires.IsZero() || h.Until.Before(e.Expires)) {
			e.Expires = h.Until
		}
		if h.Lease != nil {
			e.Leases = append(e.Leases, h.Lease.deadline)
		}
	}
	return e
}

// holdsOf are what can end one of the rules in force: its own hold and that of its list, unless it was set by itself
// meanwhile and stands in the list that comes back, too.
func (s *State) holdsOf(r Rule) []Hold {
	if s.TimedRules == nil {
		return []Hold{r.Hold}
	}
	if i := indexOf(s.TimedRules.BackTo, r.key()); i >= 0 && s.TimedRules.BackTo[i].Counter == r.Counter {
		return []Hold{r.Hold}
	}
	return []Hold{r.Hold, s.TimedRules.Hold}
}

// holdOf is the one of them that ends first.
func (s *State) holdOf(r Rule) Hold {
	var first Hold
	for _, h := range s.holdsOf(r) {
		first = first.sooner(h)
	}
	return first
}
