package verdict

import (
	"net/http"
	"slices"
	"time"
)

// cacheDetectors look at how a client fills what it keeps.
func cacheDetectors() []detector {
	return []detector{
		{
			id: "D29", name: "cache stampede", beyond: true,
			needs:    "the caller's side, replies that can be told apart on both, and 3 moments at which 5 callers or more wait for one that may be kept",
			limits:   []Threshold{{"warn", 1, "request"}, {"fail", 0.5, "of the callers"}, {"callers", 5, "callers"}, {"moments", 3, "moments"}},
			evaluate: cacheStampede, mend: mendStampede(),
		},
	}
}

// rush is what was asked of the service for one thing from when it was first asked for until that was answered.
type rush struct {
	span
	attempts []*attempt
}

// cacheStampede counts, where callers wait for the same reply, the requests that the client makes for it at once.
func cacheStampede(s *scene, f *finding) {
	if !s.tapped {
		f.inconclusive("only the caller's side shows how many callers wait for a reply: let them go through a proxy, too")
		return
	}
	waiting := s.waitersByToken()
	moments, most, waited, worst := 0, 0, 0, Inconclusive
	for _, r := range s.rushes() {
		callers := r.callers(waiting)
		if !f.enough(callers, "callers") {
			continue
		}
		moments++
		grade := f.stampede(len(r.attempts), callers)
		if grade == worst && share(len(r.attempts), callers) > share(most, waited) || grade.rank() > worst.rank() {
			most, waited, worst = len(r.attempts), callers, grade
			f.showOnly(r.attempts)
		}
	}
	f.figure("moments", float64(moments), "")
	f.figure("requests at once", float64(most), "")
	f.figure("callers who waited", float64(waited), "")
	switch {
	case !f.enough(moments, "moments"):
		f.inconclusive("%s at which %s callers or more wait for one reply that may be kept, %s needed",
			count(moments, "moment"), number(f.limit("callers")), number(f.limit("moments")))
	case worst.AtLeast(Warn):
		f.end(worst, "%d callers waited for one reply, and it was asked for %d times at once", waited, most)
	default:
		f.pass("what callers waited for together, at %s, was asked for once", count(moments, "moment"))
	}
}

// stampede grades so many requests at once for what so many callers wait for.
func (f *finding) stampede(requests, callers int) Grade {
	switch {
	case share(requests, callers) > f.limit("fail"):
		return Fail
	case float64(requests) > f.limit("warn"):
		return Warn
	}
	return Pass
}

// rushes finds what was asked for, in the order of their begins: GETs whose replies may be kept. Attempts that are known to be
// second ones of a call are left out.
func (s *scene) rushes() []*rush {
	var all []*rush
	latest := map[likeness]*rush{}
	for _, a := range s.attempts {
		fresh := readFreshness(a.Attempt.Reply.CacheControl)
		if a.Method != http.MethodGet || !a.ok() || fresh.maxAge <= 0 || fresh.strict || a.nth > 1 && !a.call.unsure {
			continue
		}
		like := likenessOf(a, false)
		r := latest[like]
		if r == nil || !a.begin.Before(r.end) {
			r = &rush{span: span{a.begin, a.end}}
			latest[like], all = r, append(all, r)
		}
		r.attempts = append(r.attempts, a)
	}
	return all
}

// waiters are callers who got one reply: when each began and ended, in order.
type waiters struct{ begins, ends []time.Time }

// waitersByToken groups the callers by the reply that they got.
func (s *scene) waitersByToken() map[uint64]*waiters {
	all := map[uint64]*waiters{}
	for _, a := range inOrderOfEnds(s.caller) {
		token := a.Attempt.Reply.Token
		if token == 0 || !a.ok() {
			continue
		}
		if all[token] == nil {
			all[token] = &waiters{}
		}
		all[token].ends = append(all[token].ends, a.end)
		all[token].begins = append(all[token].begins, a.begin)
	}
	for _, w := range all {
		slices.SortFunc(w.begins, time.Time.Compare)
	}
	return all
}

// callers counts those who got one of the replies, and were waiting while the first was under way.
func (r *rush) callers(all map[uint64]*waiters) int {
	n, seen := 0, map[uint64]bool{}
	for _, a := range r.attempts {
		token := a.Attempt.Reply.Token
		if w := all[token]; w != nil && !seen[token] {
			n += countUntil(w.begins, 0, r.end) - countUntil(w.ends, 0, r.begin)
		}
		seen[token] = true
	}
	return n
}
