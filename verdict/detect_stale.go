package verdict

import (
	"time"
)

// staleDetectors look at what a client serves its callers from memory.
func staleDetectors() []detector {
	return []detector{
		{
			id: "D26", name: "stale without bound or mark", beyond: true,
			needs:    "the caller's side, and replies that can be told apart on both sides, 5 of them served from memory",
			limits:   []Threshold{{"limit", 3600, "s"}, {"slack", 1, "s"}, {"replies", 5, "replies"}},
			evaluate: staleServed, mend: mendStale(),
		},
	}
}

// staleServed compares what callers got with what the service had answered: how old was it, and did it say so?
func staleServed(s *scene, f *finding) {
	if !s.tapped {
		f.inconclusive("only the caller's side shows what callers are served: let them go through a proxy, too")
		return
	}
	served, tooOld, unmarked := 0, 0, 0
	var oldest time.Duration
	for _, a := range s.fromMemory() {
		served++
		age := a.served.end.Sub(a.origin.end)
		oldest = max(oldest, age)
		fresh := readFreshness(a.origin.Attempt.Reply.CacheControl)
		stale := age > fresh.maxAge+f.span("slack")
		switch {
		case !stale:
		case fresh.strict, age > allowedAge(fresh, f.span("limit"))+f.span("slack"):
			tooOld++
			f.show(a.served, a.origin)
		case !marked(a.served):
			unmarked++
			f.show(a.served, a.origin)
		}
	}
	f.measured("oldest", oldest)
	f.figure("served from memory", float64(served), "replies")
	f.figure("too old", float64(tooOld), "replies")
	f.figure("stale and not marked", float64(unmarked), "replies")
	switch {
	case tooOld > 0:
		f.fail("%d of %d replies from memory were older than the service allows, up to %s", tooOld, served, brief(oldest))
	case unmarked > 0:
		f.warn("%d of %d replies from memory were stale and did not say so (Age, Cache-Status or a marker)", unmarked, served)
	case !f.enough(served, "replies"):
		f.inconclusive("%s served from memory, %s needed", count(served, "reply"), number(f.limit("replies")))
	default:
		f.pass("%d replies from memory, the oldest of %s, were in bounds, and the stale ones said so", served, brief(oldest))
	}
}

// allowedAge is how old a reply may be served when the service fails.
func allowedAge(fresh freshness, limit time.Duration) time.Duration {
	if !fresh.bounded {
		return limit
	}
	return fresh.maxAge + max(fresh.staleIfError, fresh.whileRevalidating)
}

// marked reports whether a reply says that it is not fresh.
func marked(a *attempt) bool {
	r := a.Attempt.Reply
	return r.Age != "" && r.Age != "0" || r.CacheStatus != "" || r.Degraded
}

// memory is a caller's reply, and the service's reply that it repeats.
type memory struct{ served, origin *attempt }

// fromMemory finds the callers' replies that the service had given before the caller asked, and had not given since.
func (s *scene) fromMemory() []memory {
	latest, next := map[uint64]*attempt{}, 0
	byEnd := inOrderOfEnds(s.attempts)
	var all []memory
	for _, a := range inOrderOfEnds(s.caller) {
		for ; next < len(byEnd) && !byEnd[next].end.After(a.end); next++ {
			if token := byEnd[next].Attempt.Reply.Token; token != 0 && byEnd[next].ok() {
				latest[token] = byEnd[next]
			}
		}
		origin := latest[a.Attempt.Reply.Token]
		if a.Attempt.Reply.Token != 0 && a.ok() && origin != nil && origin.end.Before(a.begin) {
			all = append(all, memory{a, origin})
		}
	}
	return all
}
