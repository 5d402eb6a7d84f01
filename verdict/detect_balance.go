package verdict

import (
	"maps"
	"math"
	"slices"
)

// balanceDetectors look at how a client spreads its requests over the backends of a service, each behind a proxy of its own.
func balanceDetectors() []detector {
	return []detector{
		{
			id: "D30", name: "balances badly", beyond: true,
			needs: "proxies before 2 backends or more, and a fault that fails all of one and leaves another well, with 50 exchanges later than " +
				"10 s; or their weights, and 10 cycles of these or 200 exchanges in a baseline before anything fails",
			limits: []Threshold{
				{"share", 0.5, "of an equal part"},
				{"time", 10, "s"},
				{"exchanges", 50, "exchanges"},
				{"retries", 20, "retries"},
				{"sigma", 3, ""},
				{"chance", 0.001, ""},
				{"weighed", 200, "exchanges"},
				{"cycles", 10, "cycles"},
			},
			evaluate: balancesBadly, mend: mendBalance(),
		},
	}
}

// leastOfDead is how many exchanges show that a backend is dead.
const leastOfDead = 5

// balancesBadly looks at where exchanges go when a backend is dead, and, where weights are given, when all are well. Whoever gives
// weights wants to know of them: without enough to tell there is no PASS.
func balancesBadly(s *scene, f *finding) {
	dead, weighed := f.part(), f.part()
	feedsDead(s, dead)
	if len(s.weights) == 0 {
		*f = *dead
		return
	}
	againstWeights(s, weighed)
	figures := slices.Concat(dead.Figures, weighed.Figures)
	switch {
	case weighed.Verdict != Pass && !dead.worseThan(weighed):
		*f = *weighed
	case dead.Verdict != Inconclusive:
		*f = *dead
		f.Says += "; " + weighed.Says
	default:
		f.pass("%s; of dead backends nothing is known: %s", weighed.Says, dead.Says)
	}
	f.Figures = figures
}

// feedsDead looks at what a backend that is dead still gets, once the client has had the time to see it, and at where what it failed is
// tried again.
func feedsDead(s *scene, f *finding) {
	backends := map[string]bool{}
	for _, a := range s.attempts {
		backends[a.Proxy] = true
	}
	if len(backends) < 2 {
		f.inconclusive("the client is seen at %s: a proxy before each backend is needed", count(len(backends), "proxy"))
		return
	}
	equal := 1 / float64(len(backends))
	worst, looked := 0.0, 0
	var again affinity
	for _, t := range s.faults() {
		allDead := t.dead()
		again.count(t.attempts, allDead)
		for _, dead := range allDead {
			rest := begunIn(t.attempts, span{t.begin.Add(f.span("time")), t.end})
			if !f.enough(len(rest), "exchanges") {
				continue
			}
			looked++
			isDead := func(a *attempt) bool { return a.Proxy == dead }
			if part := share(countOf(rest, isDead), len(rest)); part > worst {
				worst = part
				f.showOnly(nil)
				for _, a := range rest {
					if isDead(a) {
						f.show(a)
					}
				}
			}
		}
	}
	if looked > 0 {
		f.figure("still sent to the dead one", worst, "of the exchanges")
	}
	if again.retries > 0 {
		f.figure("retries at the same backend", share(again.same, again.retries), "of retries")
	}
	f.figure("an equal part", equal, "")
	// Were they sent anywhere by chance, so many more than an equal part would hardly ever be at the same.
	chance := equal + f.limit("sigma")*math.Sqrt(equal*(1-equal)/math.Max(1, float64(again.retries)))
	switch {
	case worst > f.limit("share")*equal:
		f.fail("%s of the exchanges still went to a backend that had been dead for %s or longer", percent(worst), brief(f.span("time")))
	case f.enough(again.retries, "retries") && share(again.same, again.retries) > chance:
		f.show(again.evidence...)
		f.warn("%s of the retries went to the very backend that had just failed them", percent(share(again.same, again.retries)))
	case looked == 0:
		f.inconclusive("no fault failed all of one backend, and left another well, with %s exchanges later than %s",
			number(f.limit("exchanges")), brief(f.span("time")))
	default:
		f.pass("%s of the exchanges went to a backend that had been dead for %s or longer", percent(worst), brief(f.span("time")))
	}
}

// dead lists the backends that fail all while another is well.
func (t stretch) dead() []string {
	groups := map[string][]*attempt{}
	for _, a := range t.attempts {
		groups[a.Proxy] = append(groups[a.Proxy], a)
	}
	var dead []string
	well := false
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		group := groups[name]
		switch bad := badShare(group); {
		case bad <= wellShare:
			well = true
		case bad >= outageShare && len(group) >= leastOfDead:
			dead = append(dead, name)
		}
	}
	if !well {
		return nil
	}
	return dead
}

// affinity counts retries of what a backend failed, and those of them that went there again. Only calls whose attempts are named
// count: of others a repetition elsewhere is not known to be one.
type affinity struct {
	retries, same int
	evidence      []*attempt
}

func (n *affinity) count(attempts []*attempt, dead []string) {
	for _, a := range attempts {
		if a.nth < 2 || a.hedge || a.transparent || a.joined == ByHeuristic {
			continue
		}
		before := a.call.attempts[a.nth-2]
		if !slices.Contains(dead, before.Proxy) || !before.bad() {
			continue
		}
		n.retries++
		if a.Proxy == before.Proxy {
			n.same++
			n.evidence = append(n.evidence, before, a)
		}
	}
}
